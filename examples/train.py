"""Pretraining from a recipe, on made-up data: run it again, and it goes on or says that it is done.

torchrun --nproc-per-node=1 examples/train.py, or without torchrun. BASCULE_OVERRIDES="key=value ..."
changes settings from outside, for instance to sizes that a CPU can train.
"""

from bascule import pretrain
from bascule.recipes.llama import llama32_1b_pretrain_config
from bascule.training.gpt_step import forward_step

if __name__ == "__main__":
    # Llama 3.2 1B's sizes and the usual way to train it; nothing is downloaded.
    cfg = llama32_1b_pretrain_config(seq_length=1024)

    # A short run. Settings have Megatron's names, and are checked here and now.
    cfg.train.train_iters = 10
    cfg.scheduler.lr_decay_iters = 10000

    # A small vocabulary, of which made-up data have every token.
    cfg.model.vocab_size = 8192
    cfg.tokenizer.vocab_size = cfg.model.vocab_size

    # Checkpoints go to nemo_experiments/default/checkpoints: `bascule export` makes them Hugging Face's.
    pretrain(cfg, forward_step)
