"""A torch.nn.Module of one's own on the engine's loop: optimizer, schedule, checkpoints, resume."""

import torch
from torch import nn

import bascule


class Regression(nn.Module):
    """Two layers, with a dropout and buffers, all of which resume exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).squeeze(-1)


def samples(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Points, and a function of them that is to be found."""
    points = torch.randn(count, 8, generator=torch.Generator().manual_seed(0))
    return list(zip(points, points.sin().sum(-1), strict=True))


def forward_step(data_iterator, model):
    """One forward; the loss is a mean, so it is returned without a number of tokens."""
    x, y = next(data_iterator)

    def loss_function(output):
        loss = nn.functional.mse_loss(output, y)
        return loss, {"mse": loss.detach()}

    return model(x), loss_function


cfg = bascule.ConfigContainer("pretrain")
cfg.train.train_iters = 20
cfg.train.micro_batch_size = 16
cfg.train.global_batch_size = 16
cfg.scheduler.lr_warmup_iters = 2
cfg.validation.eval_iters = 2
cfg.logger.log_interval = 5
cfg.checkpoint.save = "runs/own_model"
cfg.checkpoint.load = "runs/own_model"

torch.manual_seed(0)
model = Regression()
bascule.pretrain(
    cfg, forward_step, model=model, dataset={"train": samples(400), "valid": samples(40)}
)
print(model(torch.ones(2, 8)))
