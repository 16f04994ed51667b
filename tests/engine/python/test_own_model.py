"""A torch.nn.Module of the user's under `bascule.pretrain`, against a plain loop of PyTorch."""

import pytest
import torch

from conftest import steps_of
from test_train import data, losses

STEPS = 10


class Network(torch.nn.Module):
    """With what a module may have: norms, buffers, a frozen, a shared and an unused parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(8, 24)
        self.norm = torch.nn.LayerNorm(24)
        self.batch = torch.nn.BatchNorm1d(24)
        self.drop = torch.nn.Dropout(0.25)
        self.second = torch.nn.Linear(24, 24)
        self.third = torch.nn.Linear(24, 1)
        self.scale = torch.nn.Parameter(torch.tensor(1.5))
        self.third.bias.requires_grad_(False)
        self.unused = torch.nn.Parameter(torch.ones(3, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.batch(self.norm(self.first(x))))
        x = self.second(self.drop(x)) + x @ self.second.weight
        return self.third(x).squeeze(-1) * self.scale


def points(count: int = 200) -> list[tuple[torch.Tensor, torch.Tensor]]:
    x = torch.randn(count, 8, generator=torch.Generator().manual_seed(3))
    return list(zip(x, x.sin().sum(-1), strict=True))


def regression(data_iterator, model):
    x, y = next(data_iterator)

    def loss_function(output):
        loss = torch.nn.functional.mse_loss(output.float(), y)
        return loss, {"lm loss": loss.detach()}

    return model(x), loss_function


NO_MODEL = [
    "train.train_iters=12", "train.micro_batch_size=4", "train.global_batch_size=8",
    "validation.eval_iters=0", "optimizer.weight_decay=0.1",
]


def network() -> Network:
    torch.manual_seed(11)
    return Network()


def plain_loop(model: Network, schedule: list[dict[str, float]], clip: float) -> list[float]:
    """The same in PyTorch alone. `schedule` has each step's learning rate and weight decay."""
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    still = [each for name, each in named if each.dim() == 1 or name.endswith("bias")]
    decays = [each for name, each in named if not (each.dim() == 1 or name.endswith("bias"))]
    groups = [{"params": decays, "decay": 1.0}, {"params": still, "decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8, fused=True)
    batches = iter(torch.utils.data.DataLoader(points(), batch_size=4))
    torch.manual_seed(1234)  # rng.seed; the loader draws from the generator, too
    found = []
    for row in schedule:
        for group in optimizer.param_groups:
            group["lr"], group["weight_decay"] = row["lr"], row["weight_decay"] * group["decay"]
        optimizer.zero_grad()
        for each in (model.unused,):
            each.grad = torch.zeros_like(each)  # the engine has no gradient that is not there
        total = 0.0
        for _ in range(2):
            x, y = next(batches)
            loss = torch.nn.functional.mse_loss(model(x).float(), y) / 2
            loss.backward()
            total += loss.item()
        if clip:
            torch.nn.utils.clip_grad_norm_([each for _, each in named], clip)
        optimizer.step()
        found.append(total)
    return found


def test_own_model_is_a_plain_loop_to_the_bit(bascule, config, tmp_path) -> None:
    ours, theirs = network(), network()
    cfg = config("run", *NO_MODEL, "optimizer.clip_grad=0", model=None)
    bascule.pretrain(cfg, regression, model=ours, dataset=points())
    rows = steps_of(tmp_path / "run")
    expected = plain_loop(theirs, rows, clip=0)
    assert [row["loss"] for row in rows] == expected
    for (name, a), (_, b) in zip(
        ours.state_dict().items(), theirs.state_dict().items(), strict=True
    ):
        assert torch.equal(a, b), name
    assert rows[0]["loss"] > rows[-1]["loss"]


def test_own_model_clips_as_a_plain_loop(bascule, config, tmp_path) -> None:
    ours, theirs = network(), network()
    cfg = config("run", *NO_MODEL, "optimizer.clip_grad=0.5", model=None)
    bascule.pretrain(cfg, regression, model=ours, dataset=points())
    rows = steps_of(tmp_path / "run")
    assert max(row["grad_norm"] for row in rows) > 0.5
    assert [row["loss"] for row in rows] == pytest.approx(plain_loop(theirs, rows, 0.5), rel=1e-5)


@pytest.mark.parametrize("half", [False, True])
def test_own_model_resumes_bit_for_bit(half, bascule, config, tmp_path) -> None:
    """Dropout and batch norms included; the module that goes on begins with other values."""
    from torch.distributed.checkpoint import FileSystemReader, load

    settings = [*NO_MODEL, f"mixed_precision={'bf16_mixed' if half else 'null'}"]

    def run(save: str, *more: str, seed: int = 11) -> Network:
        torch.manual_seed(seed)
        module = Network()
        if half:
            module = module.bfloat16()
            module.norm.float()
            module.norm.forward = lambda x: torch.nn.functional.layer_norm(
                x.float(), (24,), module.norm.weight, module.norm.bias
            ).to(torch.bfloat16)
        samples = [(x.to(next(module.parameters()).dtype), y) for x, y in points()]
        bascule.pretrain(
            config(save, *settings, *more, model=None), regression, model=module, dataset=samples
        )
        return module

    straight = run("straight")
    run("stopped", "train.exit_interval=5")
    stopped = run("stopped", seed=12)
    assert losses(tmp_path / "stopped") == losses(tmp_path / "straight")
    for (name, a), (_, b) in zip(
        stopped.state_dict().items(), straight.state_dict().items(), strict=True
    ):
        assert torch.equal(a, b), name
    read = {name: torch.zeros_like(value) for name, value in straight.state_dict().items()}
    load(read, storage_reader=FileSystemReader(tmp_path / "stopped/iter_0000012"))
    for name, value in straight.state_dict().items():
        assert torch.equal(read[name], value), name
    other = torch.nn.Linear(8, 1)
    with pytest.raises(bascule.MismatchError, match="of another module: it holds no weight"):
        bascule.pretrain(
            config("stopped", *NO_MODEL, model=None), regression, model=other, dataset=points()
        )


def test_views_are_saved_beside_training(bascule, config, tmp_path) -> None:
    """Buffers that begin at one place, as others of them do, of other shapes, steps and types."""

    class Viewing(Network):
        def __init__(self) -> None:
            super().__init__()
            table = torch.arange(12.0).view(4, 3)
            views = {"table": table, "rows": table[:2], "flat": table.view(-1),
                     "numbers": table.view(torch.int32), "same": table[:]}  # fmt: skip
            for name, view in views.items():
                self.register_buffer(name, view)

    saved = {}
    for beside in ("false", "true"):
        settings = [*NO_MODEL, f"checkpoint.async_save={beside}"]
        torch.manual_seed(11)
        bascule.pretrain(
            config(beside, *settings, model=None), regression, model=Viewing(), dataset=points()
        )
        saved[beside] = data(tmp_path / beside, 12)
    assert saved["true"] == saved["false"]


def test_a_buffer_with_steps_is_refused(bascule, config) -> None:
    model = Network()
    model.register_buffer("turned", torch.arange(12.0).view(4, 3).t())
    with pytest.raises(bascule.UnsupportedError, match="the buffer turned is not contiguous"):
        bascule.pretrain(
            config("run", *NO_MODEL, model=None), regression, model=model, dataset=points()
        )


def test_own_model_with_the_engines_data(bascule, config) -> None:
    """A language model in PyTorch on made-up data, with the stock forward step, by hand."""

    class Bigram(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(64, 64)

        def forward(self, input_ids, position_ids, attention_mask, labels):
            logits = self.table(input_ids).transpose(1, 2)
            return torch.nn.functional.cross_entropy(logits, labels, reduction="none")

    cfg = config(None, "model.vocab_size=64", model=None)
    outcome = bascule.pretrain(cfg, model=Bigram())
    assert outcome.step == STEPS
    assert 0 < outcome.loss < 10


def test_own_model_says_what_is_wrong(bascule, config) -> None:
    def refused(kind: str, words: str, *settings: str, module=None) -> None:
        with pytest.raises(getattr(bascule, kind), match=words):
            bascule.pretrain(
                config(None, *NO_MODEL, *settings, model=None), regression,
                model=module or Network(), dataset=points(),
            )

    refused("UserError", "model.family is .*leave the settings of a model out", "model.family=llama")
    refused("UserError", "call module.bfloat16", "mixed_precision=bf16_mixed")
    refused("UserError", "has bfloat16 parameters", module=Network().bfloat16())
    frozen = Network().requires_grad_(False)
    refused("UserError", "no parameter that requires a gradient", module=frozen)
    mixed = Network()
    mixed.third.double()
    refused("UnsupportedError", "some of the module's parameters are float64", module=mixed)
    empty = Network()
    empty.none = torch.nn.Parameter(torch.ones(3, 0))
    refused("UnsupportedError", r"the parameter none is empty, of the shape \[3, 0\]", module=empty)
    lazy = Network()
    lazy.later = torch.nn.LazyLinear(2)
    refused("UnsupportedError", r"later.weight has no shape yet.*call the module once", module=lazy)


def test_sparse_gradients_are_refused(bascule, config) -> None:
    class Sparse(Network):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(4, 8, sparse=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x + self.table((x[:, 0] > 0).long()))

    words = r"the gradient of table.weight is sparse \(torch.sparse_coo\).*sparse=False"
    with pytest.raises(bascule.UnsupportedError, match=words):
        bascule.pretrain(
            config(None, *NO_MODEL, model=None), regression, model=Sparse(), dataset=points()
        )
