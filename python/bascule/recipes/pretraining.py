"""What the functions of all families share: keywords as Megatron Bridge's recipes take them, turned
into settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from bascule import _core
from bascule.config import ConfigContainer
from bascule.errors import UserError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from typing_extensions import Unpack


class PretrainOptions(TypedDict, total=False):
    """Keywords of a recipe's function; what is left out is the recipe's."""

    # Where the run goes: DIR/NAME/checkpoints and DIR/NAME/tb_logs.
    dir: str | os.PathLike[str] | None
    name: str
    # Indexed datasets, with or without weights; none: mock data.
    blend: str | Sequence[object] | None
    data_paths: Sequence[str] | None
    train_data_path: Sequence[str] | None
    valid_data_path: Sequence[str] | None
    test_data_path: Sequence[str] | None
    mock: bool
    # The layout, of which training has one device so far.
    tensor_model_parallel_size: int
    pipeline_model_parallel_size: int
    virtual_pipeline_model_parallel_size: int | None
    context_parallel_size: int
    expert_model_parallel_size: int
    expert_tensor_parallel_size: int | None
    sequence_parallel: bool
    # The run.
    train_iters: int
    global_batch_size: int
    micro_batch_size: int
    seq_length: int
    lr: float
    min_lr: float
    lr_warmup_iters: int
    lr_decay_iters: int | None
    eval_interval: int | None
    save_interval: int | None
    precision_config: str | None
    pretrained_checkpoint: str | os.PathLike[str] | None
    use_null_tokenizer: bool
    tokenizer_model: str | os.PathLike[str] | None


class PretrainConfig(Protocol):
    """A recipe's function."""

    __name__: str

    def __call__(self, **options: Unpack[PretrainOptions]) -> ConfigContainer:
        """The recipe's settings, with those of the keywords."""


_SETTINGS = {
    "tensor_model_parallel_size": ("model.tensor_model_parallel_size",),
    "pipeline_model_parallel_size": ("model.pipeline_model_parallel_size",),
    "virtual_pipeline_model_parallel_size": ("model.virtual_pipeline_model_parallel_size",),
    "context_parallel_size": ("model.context_parallel_size",),
    "expert_model_parallel_size": ("model.expert_model_parallel_size",),
    "expert_tensor_parallel_size": ("model.expert_tensor_parallel_size",),
    "sequence_parallel": ("model.sequence_parallel",),
    "train_iters": ("train.train_iters",),
    "global_batch_size": ("train.global_batch_size",),
    "micro_batch_size": ("train.micro_batch_size",),
    "seq_length": ("model.seq_length", "dataset.seq_length"),
    "lr": ("optimizer.lr",),
    "min_lr": ("optimizer.min_lr",),
    "lr_warmup_iters": ("scheduler.lr_warmup_iters",),
    "lr_decay_iters": ("scheduler.lr_decay_iters",),
    "eval_interval": ("validation.eval_interval",),
    "save_interval": ("checkpoint.save_interval",),
    "precision_config": ("mixed_precision",),
    "pretrained_checkpoint": ("checkpoint.pretrained_checkpoint",),
}

# Keywords of Bridge's that ask for nothing when they are None or False: the settings that say why
# they cannot be had.
_REFUSED = {
    "hf_path": "model.hf_model_id",
    "pipeline_dtype": "model.pipeline_dtype",
    "account_for_embedding_in_pipeline_split": "model.account_for_embedding_in_pipeline_split",
    "account_for_loss_in_pipeline_split": "model.account_for_loss_in_pipeline_split",
    "use_megatron_fsdp": "ddp.use_megatron_fsdp",
    "comm_overlap_config": "comm_overlap",
    "moe_flex_dispatcher_backend": "model.moe_flex_dispatcher_backend",
    "peft": "peft",
}


def _set(cfg: ConfigContainer, path: str, value: object) -> None:
    cfg._configuration.set(path, value)


def _place(cfg: ConfigContainer, options: dict[str, Any]) -> None:
    """Moves the run's folders, in the recipe FOLDER/RUN/LAST."""
    folder, name = options.pop("dir", None), options.pop("name", None)
    if folder is None and name is None:
        return
    for path in ("checkpoint.save", "checkpoint.load", "logger.tensorboard_dir"):
        parts = Path(str(cfg._configuration.get(path))).parts
        _set(cfg, path, str(Path(folder or parts[0], name or parts[1], parts[2])))


def _data(cfg: ConfigContainer, options: dict[str, Any], name: str) -> None:
    mock = options.pop("mock", False)
    blends = [options.pop(each, None) for each in ("blend", "data_paths")]
    splits = [options.pop(f"{each}_data_path", None) for each in ("train", "valid", "test")]
    given = [each for each in blends if each is not None]
    ways = bool(mock) + len(given) + (splits != [None] * 3)
    if ways > 1:
        raise UserError(f"{name}: the data are given in {ways} ways, but only one can be taken")
    if given:
        _set(cfg, "dataset.blend", given[0])
    elif ways and not mock:
        _set(cfg, "dataset.blend_per_split", splits)
        _set(cfg, "dataset.split", None)


def _tokenizer(cfg: ConfigContainer, options: dict[str, Any]) -> None:
    model = options.pop("tokenizer_model", None)
    if not options.pop("use_null_tokenizer", model is None):
        _set(cfg, "tokenizer.tokenizer_type", "HuggingFaceTokenizer")
        _set(cfg, "tokenizer.vocab_size", None)
    if model is not None:
        _set(cfg, "tokenizer.tokenizer_model", model)


def pretrain_config(recipe: str) -> PretrainConfig:
    """The function that gives the settings to pretrain with a recipe of the library."""
    name = f"{recipe}_pretrain_config"

    def function(**options: Unpack[PretrainOptions]) -> ConfigContainer:
        cfg = ConfigContainer(recipe, "python")
        left: dict[str, Any] = dict(options)
        _place(cfg, left)
        _data(cfg, left, name)
        _tokenizer(cfg, left)
        for keyword, value in left.items():
            if keyword in _REFUSED:
                if value is not None and value is not False:
                    _set(cfg, _REFUSED[keyword], value)
                continue
            if keyword not in _SETTINGS:
                known = tuple(PretrainOptions.__annotations__)
                near = _core.did_you_mean(keyword, known)
                raise UserError(f"{name} has no keyword {keyword}{near}")
            for path in _SETTINGS[keyword]:
                _set(cfg, path, value)
        cfg._configuration.check_model()
        return cfg

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Settings to pretrain with, as a ConfigContainer.

    {_core.recipe_about(recipe)}

    Args:
        options: see `bascule.recipes.pretraining.PretrainOptions`.

    Raises:
        bascule.Error: a value that is not accepted, or a layout that is not supported yet.
    """
    return function
