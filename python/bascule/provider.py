"""What a model is, in Megatron's names, before it is made."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from bascule.errors import UnsupportedError, UserError
from bascule.settings import ModelSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import torch

    from bascule.gpt_model import GPTModel

_TARGET = "_target_"


class ModelProvider:
    """The settings of a model under the names of Megatron Bridge's providers, as attributes.

    They begin as the checkpoint's. `provide_distributed_model()` makes the model, and
    `cfg.model = provider` trains it. A name that is no setting is an error that gives the nearest
    one.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        config: str = "",
        *,
        load_weights: bool = True,
        dtype: str = "",
    ) -> None:
        """Of a checkpoint at `path`, or of the text of a `config`.json alone; in `dtype`, or as it
        is stored.
        """
        from bascule.extension import engine

        family, settings = engine().describe(path, config)
        values: dict[str, Any] = json.loads(settings)
        functions = [name for name, value in values.items() if isinstance(value, dict)]
        for name in functions:
            values[name] = values[name][_TARGET]
        if dtype:
            values |= {"params_dtype": f"torch.{dtype}", "bf16": dtype == "bfloat16"}
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_config", config)
        object.__setattr__(self, "_family", family)
        object.__setattr__(self, "_load_weights", load_weights)
        object.__setattr__(self, "_functions", frozenset(functions))
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_first_values", dict(values))
        object.__setattr__(self, "_hooks", [])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(self._unknown(name)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._values:
            raise AttributeError(self._unknown(name))
        self._values[name] = self._text(value) if name in self._functions else value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._family}, {self._path or 'a configuration'}>"

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._values, 1, 0.6)
        return f"models have no setting {name}" + (f"; did you mean {near[0]}?" if near else "")

    @staticmethod
    def _text(value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if hasattr(value, "__qualname__"):
            module = value.__module__.removeprefix("torch._C._nn") or "torch.nn.functional"
            return f"{module}.{value.__qualname__}"
        return str(value)  # torch.bfloat16

    def _settings(self) -> str:
        named = {
            name: {"_call_": False, _TARGET: value} if name in self._functions and value else value
            for name, value in self._values.items()
        }
        return json.dumps(named)

    def _model_settings(self) -> ModelSettings:
        """The group `model` of a run that trains this model.

        What only Megatron has is left out as long as it is what the checkpoint says.

        Raises:
            bascule.Error: one of these was changed, with the reason why it cannot be trained with.
        """
        if self._hooks:
            raise UnsupportedError(
                "the provider has a hook, and training makes the model itself; a callback of "
                "pretrain() may change it when the run starts"
            )
        made, names = ModelSettings(family=self._family), ModelSettings._fields()
        for name, value in self._values.items():
            if name not in names and value == self._first_values[name]:
                continue
            if getattr(made, name) != value:
                setattr(made, name, value)
        made.max_position_embeddings = self._first_values["seq_length"]
        return made

    def _weights(self) -> str | None:
        """Where the model's weights are; None: they are random."""
        return str(self._path) if self._load_weights and self._path is not None else None

    def register_pre_wrap_hook(self, hook: Callable[..., Any]) -> None:
        """`hook` is called with the list of models once they are made; what it returns, unless
        None, takes their place.
        """
        self._hooks.append(hook)

    def finalize(self) -> None:
        """Checks the settings. Layouts of several ranks are not supported yet.

        Raises:
            bascule.Error: a setting that is wrong or not supported, with its name and value.
        """
        from bascule.extension import engine

        engine().check(self._path, self._config, self._settings())

    def provide(
        self,
        *,
        dtype: torch.dtype | None = None,
        device: str | torch.device = "cpu",
        seed: int = 1234,
    ) -> GPTModel:
        """Makes the model, with the checkpoint's weights unless `load_weights` was False.

        Args:
            dtype: of the parameters; None: as the settings say (params_dtype).
            device: where they are.
            seed: of random weights.

        Raises:
            bascule.MismatchError: settings that the weights do not fit.
        """
        from bascule.extension import engine
        from bascule.gpt_model import GPTModel

        name = "" if dtype is None else str(dtype).removeprefix("torch.")
        return GPTModel(
            engine().hold(
                self._path,
                self._config,
                self._settings(),
                name,
                str(device),
                self._load_weights and self._path is not None,
                seed,
            )
        )

    def provide_distributed_model(
        self,
        ddp_config: object = None,
        *,
        wrap_with_ddp: bool = True,
        use_cpu_initialization: bool | None = None,
        fp16: bool | None = None,
        bf16: bool | None = None,
        dtype: torch.dtype | None = None,
        device: str | torch.device | None = None,
        seed: int = 1234,
        pre_wrap_hook: Callable[..., Any] | list[Callable[..., Any]] | None = None,
        post_wrap_hook: Callable[..., Any] | None = None,
    ) -> list[Any]:
        """The pieces of the model that this rank has, of which there is one so far.

        Args:
            ddp_config: not looked at in a world of one.
            wrap_with_ddp: put the model into a wrapper, as Megatron does, which computes the same.
            use_cpu_initialization: True: make it on the CPU.
            fp16: not supported.
            bf16: True is `dtype=torch.bfloat16`.
            dtype: of the parameters; None: as the settings say.
            device: where they are; None: on the GPU where the engine has one, else on the CPU.
            seed: of random weights.
            pre_wrap_hook: called with the list before it is wrapped; its result takes its place.
            post_wrap_hook: the same, afterwards.

        Raises:
            bascule.Error: as `finalize()`, which need not be called before, and `provide()`.
        """
        import torch

        from bascule.ddp import DistributedDataParallel

        if fp16:
            raise UnsupportedError("fp16 is not supported; bf16=True is")
        if bf16 and dtype is not None and dtype != torch.bfloat16:
            raise UserError(f"bf16 is True, and dtype is {dtype}")
        if device is None:
            device = "cpu" if use_cpu_initialization or not torch.cuda.is_available() else "cuda"
        models: list[Any] = [
            self.provide(dtype=torch.bfloat16 if bf16 else dtype, device=device, seed=seed)
        ]
        given = pre_wrap_hook if isinstance(pre_wrap_hook, list) else [pre_wrap_hook]
        for hook in [*self._hooks, *given]:
            models = models if hook is None else hook(models) or models
        if wrap_with_ddp:
            models = [DistributedDataParallel(each) for each in models]
        return models if post_wrap_hook is None else post_wrap_hook(models) or models
