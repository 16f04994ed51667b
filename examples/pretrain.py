"""Pretrains a small Llama on made-up data; run again, it goes on where it stopped."""

import bascule
from bascule.training.gpt_step import forward_step

cfg = bascule.ConfigContainer("pretrain", "llama")
cfg.model.num_layers = 2
cfg.model.hidden_size = 64
cfg.model.ffn_hidden_size = 128
cfg.model.num_attention_heads = 4
cfg.model.vocab_size = 256
cfg.model.seq_length = 64
cfg.train.train_iters = 10
cfg.train.micro_batch_size = 2
cfg.train.global_batch_size = 4
cfg.scheduler.lr_warmup_iters = 2
cfg.validation.eval_iters = 2
cfg.logger.log_interval = 5
cfg.checkpoint.save = "runs/pretrain"
cfg.checkpoint.load = "runs/pretrain"

# The stock forward step: the whole run is computed in C++.
outcome = bascule.pretrain(cfg, forward_step)
print(outcome.begun, "->", outcome.saved)
