"""A torch Dataset of one's own under the stock forward step, which then still runs in C++."""

import torch
from torch.utils.data import Dataset

import bascule
from bascule.training.gpt_step import forward_step

LENGTH = 64


class Counting(Dataset):
    """Sequences that count upwards from anywhere."""

    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        numbers = (torch.arange(LENGTH + 1) + 7 * index) % 256
        return {"tokens": numbers[:-1], "labels": numbers[1:]}


cfg = bascule.ConfigContainer("pretrain", "llama")
cfg.model.num_layers = 2
cfg.model.hidden_size = 64
cfg.model.ffn_hidden_size = 128
cfg.model.num_attention_heads = 4
cfg.model.vocab_size = 256
cfg.model.seq_length = LENGTH
cfg.train.train_iters = 10
cfg.train.micro_batch_size = 2
cfg.train.global_batch_size = 4
cfg.scheduler.lr_warmup_iters = 2
cfg.validation.eval_iters = 2
cfg.logger.log_interval = 5

# num_workers=2 would read samples in two processes.
bascule.pretrain(cfg, forward_step, dataset={"train": Counting(), "valid": Counting()})
