"""What a model is, in Megatron's names, before it is made."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, NoReturn

from bascule import _core
from bascule.errors import RefusedSettingError, UnknownSettingError, UnsupportedError, UserError
from bascule.not_yet import not_yet, refuse
from bascule.settings import ModelSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import torch

    from bascule.gpt_model import GPTModel

    Hook = Callable[[list[Any]], Any]

_TARGET = "_target_"
_SEED = 1234
# Settings that say how pipeline stages talk, of which there is one.
_BETWEEN_STAGES = {"pipeline_dtype": None}
# Of what the parameters are; the switches win in Megatron.
_SWITCHES = {"bf16": "torch.bfloat16", "fp16": "torch.float16"}
_PRECISION = frozenset(("params_dtype", *_SWITCHES))
# What pretrain() does around a model, and a model that is provided on its own does not.
_OF_TRAINING = (
    "deterministic_mode",
    "moe_aux_loss_coeff",
    "moe_expert_capacity_factor",
    "moe_pad_expert_input_to_capacity",
    "moe_router_bias_update_rate",
    "moe_router_force_load_balancing",
    "moe_router_load_balancing_type",
    "moe_token_drop_policy",
    "moe_z_loss_coeff",
    "recompute_granularity",
    "recompute_method",
    "recompute_modules",
    "recompute_num_layers",
)
# The functions that describe a layer: only whether norms are over all heads follows from them here.
_LAYERS = "megatron.bridge.models.gpt_provider.default_layer_spec"
_FULL_WIDTH_NORM_LAYERS = "megatron.bridge.models.olmoe.olmoe_provider.olmoe_layer_spec"
# Attributes of Megatron Bridge's providers that are no settings.
_NOT_YET = {
    "meta_model": "the provider has the model's settings, and bascule.inspect(path) its tensors"
}


def _composed(hooks: list[Hook]) -> Hook | None:
    """A function that calls each with what the one before it returned, or left as it was."""

    def all_of_them(models: list[Any]) -> list[Any]:
        for hook in hooks:
            models = hook(models) or models
        return models

    return all_of_them if hooks else None


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
        hf_model_id: str | None = None,
    ) -> None:
        """Of a checkpoint at `path`, or of the text of a `config.json` alone; in `dtype`, or as it
        is stored. `hf_model_id` is what the program calls the model.
        """
        from bascule.extension import engine

        family, settings = engine().describe(path, config)
        values: dict[str, Any] = json.loads(settings)
        functions = [name for name, value in values.items() if isinstance(value, dict)]
        for name in functions:
            values[name] = values[name][_TARGET]
        if dtype:
            kind = f"torch.{dtype}"
            values |= {"params_dtype": kind}
            values |= {name: kind == each for name, each in _SWITCHES.items()}
        values |= _BETWEEN_STAGES
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_config", config)
        object.__setattr__(self, "_family", family)
        object.__setattr__(self, "_load_weights", load_weights)
        object.__setattr__(self, "_functions", frozenset(functions))
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_first_values", dict(values))
        object.__setattr__(self, "_precision_set", set())
        object.__setattr__(self, "_pre_wrap_hooks", [])
        object.__setattr__(self, "_post_wrap_hooks", [])
        object.__setattr__(self, "_seed", _SEED)
        object.__setattr__(self, "_hf_model_id", hf_model_id)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise self._unknown(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._values:
            raise self._unknown(name)
        self._values[name] = self._text(value) if name in self._functions else value
        if name in _PRECISION:
            self._precision_set.add(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._family}, {self._path or 'a configuration'}>"

    def _unknown(self, name: str) -> AttributeError:
        """What to say of a name that this model has no setting of."""
        if name in _NOT_YET:
            return RefusedSettingError(f"provider.{name} is not there yet; {_NOT_YET[name]}")
        try:
            _core.Configuration("{}", "the provider").get(f"model.{name}")
        except RefusedSettingError as error:  # of Megatron's, with the reason
            return error
        except UnknownSettingError:
            near = difflib.get_close_matches(name, self._values, 1, 0.6)
            close = f"; did you mean {near[0]}?" if near else ""
            return AttributeError(f"models have no setting {name}{close}")
        return AttributeError(f"models of the family {self._family} have no setting {name}")

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
            for name, value in (self._values | self._switches()).items()
            if name not in _BETWEEN_STAGES
        }
        return json.dumps(named)

    def _switches(self) -> dict[str, bool]:
        """bf16 and fp16 as params_dtype says, or one that was set to true without it.

        Raises:
            bascule.UserError: a switch that was set says another dtype.
        """
        given = self._precision_set
        if not given:
            return {}
        asked = sorted(_SWITCHES.keys() & given)
        on = [name for name in asked if self._values[name] is True]
        if on and "params_dtype" not in given:
            return {name: name in on for name in _SWITCHES}
        kind = self._values["params_dtype"]
        by_kind = {name: kind == each for name, each in _SWITCHES.items()}
        for name in asked:
            if self._values[name] is not by_kind[name]:
                raise UserError(
                    f"provider.{name} is {self._values[name]}, and provider.params_dtype is "
                    f"{kind}: set the second to what the parameters are to be, and leave "
                    f"{' and '.join(_SWITCHES)} alone"
                )
        return by_kind

    def _changed(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in self._values.items()
            if name not in _BETWEEN_STAGES and value != self._first_values[name]
        }

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise UnsupportedError(
            f"provider.{name} is {self._values[name]!r}, which would change nothing: {why}; set it "
            f"back to {self._first_values[name]!r}"
        )

    def _check_layers(self) -> None:
        """Refuses a function that describes layers as none here are."""
        name = "transformer_layer_spec"
        first, now = (values.get(name) for values in (self._first_values, self._values))
        full_width = first == _FULL_WIDTH_NORM_LAYERS
        if now not in (first, _FULL_WIDTH_NORM_LAYERS, _LAYERS if full_width else first):
            self._refuse(name, "layers are the engine's own, and other settings say what they are")

    def _check_that_all_act(self) -> None:
        """Refuses what was changed in vain, with the reasons that training has."""
        self._check_layers()
        known = _core.Configuration("{}", "the provider")
        for name in self._changed():
            if name in _PRECISION:
                continue
            try:
                known.get(f"model.{name}")
            except RefusedSettingError as error:
                self._refuse(name, str(error).partition(": ")[2])
            if name.startswith("moe_") and self._values.get("num_moe_experts") is None:
                self._refuse(name, "the model has no experts (num_moe_experts)")

    def _check_alone(self) -> None:
        """Refuses, besides, what only training does."""
        self._check_that_all_act()
        for name in self._changed():
            if name in _OF_TRAINING:
                self._refuse(
                    name, "only bascule.pretrain() does it, with this provider as cfg.model"
                )

    def _model_settings(self) -> ModelSettings:
        """The group `model` of a run that trains this model.

        What only Megatron has is left out as long as it is what the checkpoint says.

        Raises:
            bascule.Error: one of these was changed, with the reason why it cannot be trained with.
        """
        if self._pre_wrap_hooks or self._post_wrap_hooks:
            raise UnsupportedError(
                "the provider has a hook, and training makes the model itself; a callback of "
                "pretrain() may change it when the run starts"
            )
        self._check_layers()
        made, names = ModelSettings(family=self._family), ModelSettings._fields()
        for name, value in self._values.items():
            if name in _BETWEEN_STAGES:
                continue
            if name not in names and value == self._first_values[name]:
                continue
            if getattr(made, name) != value:
                setattr(made, name, value)
        made.max_position_embeddings = self._first_values["seq_length"]
        return made

    def _weights(self) -> str | None:
        """Where the model's weights are; None: they are random."""
        return str(self._path) if self._load_weights and self._path is not None else None

    @property
    def hf_model_id(self) -> str | None:
        """What the program calls the model: a Hub id or a path. None: of a configuration."""
        name: str | None = self._hf_model_id
        return name

    def asdict(self) -> dict[str, Any]:
        """The settings by name."""
        return dict(self._values)

    def register_pre_wrap_hook(self, hook: Hook, prepend: bool = False) -> None:
        """`hook` is called with the list of models once they are made; what it returns, unless
        None, takes their place.

        Args:
            hook: the function.
            prepend: call it before those that are there already.
        """
        self._pre_wrap_hooks.insert(0 if prepend else len(self._pre_wrap_hooks), hook)

    def register_post_wrap_hook(self, hook: Hook, prepend: bool = False) -> None:
        """The same, once the models are wrapped."""
        self._post_wrap_hooks.insert(0 if prepend else len(self._post_wrap_hooks), hook)

    @property
    def pre_wrap_hook(self) -> Hook | None:
        """All registered hooks of their kind as one; None: there is none."""
        return _composed(self._pre_wrap_hooks)

    @property
    def post_wrap_hook(self) -> Hook | None:
        """The same of those once the models are wrapped."""
        return _composed(self._post_wrap_hooks)

    from_hf_pretrained = not_yet(
        "provider.from_hf_pretrained",
        "AutoBridge.from_hf_pretrained(path).to_megatron_provider() reads a model's settings",
    )
    save_hf_pretrained = not_yet(
        "provider.save_hf_pretrained", "AutoBridge.save_hf_pretrained(model, path) writes a model"
    )

    def initialize_model_parallel(
        self,
        seed: int | None = None,
        seed_kwargs: dict[str, Any] | None = None,
        **model_parallel_kwargs: object,
    ) -> None:
        """Checks the layout, which is of one rank so far, and sets the seed of random weights.

        Args:
            seed: of random weights; None: as it is.
            seed_kwargs: not there yet.
            model_parallel_kwargs: how groups of ranks are made, of which there are none.

        Raises:
            bascule.Error: as `finalize()`.
        """
        refuse(seed_kwargs=seed_kwargs)
        self.finalize()
        if seed is not None:
            object.__setattr__(self, "_seed", seed)

    def finalize(self) -> None:
        """Checks the settings. Layouts of several ranks are not supported yet.

        Raises:
            bascule.Error: a setting that is wrong or not supported, with its name and value.
        """
        from bascule.extension import engine

        self._check_that_all_act()
        engine().check(self._path, self._config, self._settings())

    def provide(
        self,
        pre_process: bool | None = None,
        post_process: bool | None = None,
        vp_stage: int | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: str | torch.device = "cpu",
        seed: int | None = None,
    ) -> GPTModel:
        """Makes the model, with the checkpoint's weights unless `load_weights` was False.

        Args:
            pre_process: False is not there yet, as pipeline stages are not.
            post_process: the same.
            vp_stage: not there yet.
            dtype: of the parameters; None: as the settings say (params_dtype).
            device: where they are.
            seed: of random weights; None: that of `initialize_model_parallel()`, or 1234.

        Raises:
            bascule.MismatchError: settings that the weights do not fit.
        """
        refuse(pre_process=pre_process, post_process=post_process, vp_stage=vp_stage)
        self._check_alone()
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
                self._seed if seed is None else seed,
            )
        )

    def provide_distributed_model(
        self,
        ddp_config: object = None,
        model_type: object = None,
        overlap_param_gather_with_optimizer_step: bool = False,
        fp16: bool | None = None,
        bf16: bool | None = None,
        use_megatron_fsdp: bool = False,
        use_torch_fsdp2: bool = False,
        wrap_with_ddp: bool = True,
        data_parallel_random_init: bool = True,
        use_cpu_initialization: bool | None = False,
        init_model_with_meta_device: bool | None = None,
        pre_wrap_hook: Hook | list[Hook] | None = None,
        post_wrap_hook: Hook | None = None,
        mixed_precision_wrapper: object = None,
        pg_collection: object = None,
        *,
        dtype: torch.dtype | None = None,
        device: str | torch.device | None = None,
        seed: int | None = None,
    ) -> list[Any]:
        """The pieces of the model that this rank has, of which there is one so far.

        Args:
            ddp_config: not looked at in a world of one.
            model_type: not looked at.
            overlap_param_gather_with_optimizer_step: not looked at in a world of one.
            fp16: not supported.
            bf16: True is `dtype=torch.bfloat16`.
            use_megatron_fsdp: not there yet.
            use_torch_fsdp2: not there yet.
            wrap_with_ddp: put the model into a wrapper, as Megatron does, which computes the same.
            data_parallel_random_init: not looked at in a world of one.
            use_cpu_initialization: True: make it on the CPU.
            init_model_with_meta_device: not there yet.
            pre_wrap_hook: called with the list before it is wrapped, instead of what was
                registered; its result takes the list's place.
            post_wrap_hook: the same, afterwards.
            mixed_precision_wrapper: None or Megatron's, neither of which is needed.
            pg_collection: not there yet.
            dtype: of the parameters; None: as the settings say.
            device: where they are; None: on the GPU where the engine has one, else on the CPU.
            seed: of random weights, see `provide()`.

        Raises:
            bascule.Error: as `finalize()`, which need not be called before, and `provide()`.
        """
        refuse(
            use_megatron_fsdp=use_megatron_fsdp,
            use_torch_fsdp2=use_torch_fsdp2,
            init_model_with_meta_device=init_model_with_meta_device,
            mixed_precision_wrapper=getattr(
                mixed_precision_wrapper, "__name__", mixed_precision_wrapper
            ),
            pg_collection=pg_collection,
        )
        if fp16:
            raise UnsupportedError("fp16 is not supported; bf16=True is")
        import torch

        from bascule.ddp import DistributedDataParallel

        if bf16 and dtype is not None and dtype != torch.bfloat16:
            raise UserError(f"bf16 is True, and dtype is {dtype}")
        if device is None:
            device = "cpu" if use_cpu_initialization or not torch.cuda.is_available() else "cuda"
        models: list[Any] = [
            self.provide(dtype=torch.bfloat16 if bf16 else dtype, device=device, seed=seed)
        ]
        if isinstance(pre_wrap_hook, list):
            pre_wrap_hook = _composed(pre_wrap_hook) or list
        before, after = pre_wrap_hook or self.pre_wrap_hook, post_wrap_hook or self.post_wrap_hook
        models = models if before is None else before(models) or models
        if wrap_with_ddp:
            models = [DistributedDataParallel(each) for each in models]
        return models if after is None else after(models) or models
