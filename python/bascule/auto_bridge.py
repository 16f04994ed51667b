"""`AutoBridge`, as Megatron Bridge's: between Hugging Face models and Megatron ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bascule import architectures, reading
from bascule.conversion import export_checkpoint, import_checkpoint
from bascule.conversion_tasks import HFWeightTuple, WeightConversionTask, tasks_of, wanted
from bascule.errors import Error, UnsupportedError
from bascule.hub import missing, resolve, warn_without_tokenizer
from bascule.not_yet import no_attribute, not_yet, refuse
from bascule.pretrained import Pretrained, PretrainedOptions
from bascule.progress import shown
from bascule.provider import ModelProvider
from bascule.targets import is_iteration, is_model

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from typing_extensions import Unpack

    from bascule.reports import Outcome


# What import_ckpt() takes of import_checkpoint()'s, which has `dtype` of its own.
_CONVERTING = {*(import_checkpoint.__kwdefaults__ or ())} - {"dtype"}


class AutoBridge:
    """Makes Megatron models of a Hugging Face model, and the reverse, exactly.

    ```python
    bridge = AutoBridge.from_hf_pretrained("meta-llama/Llama-3.2-1B")
    model = bridge.to_megatron_model(wrap_with_ddp=False)
    bridge.save_hf_pretrained(model, "exported")
    ```
    """

    def __init__(
        self,
        path: Path | None,
        config: str = "",
        asked: Pretrained | None = None,
        hub_id: str = "",
    ) -> None:
        self._path = path
        self._config = config
        self._asked = asked or Pretrained()
        self._hub_id = hub_id

    @property
    def path(self) -> Path | None:
        """The model's directory, None: of a configuration. The weights of a model of the Hub are
        downloaded when this is first asked for.
        """
        if self._path is None and self._hub_id:
            self._path = resolve(self._hub_id, self._asked.access)
        return self._path

    @classmethod
    def from_hf_pretrained(
        cls, path: str | os.PathLike[str], **options: Unpack[PretrainedOptions]
    ) -> AutoBridge:
        """A bridge to a model's directory, or to a model of the Hub, whose weights are downloaded
        when they are needed.

        Args:
            path: the directory, or a Hub id, which is looked for in the local cache first.
            options: those of transformers' from_pretrained, see `PretrainedOptions`.

        Raises:
            bascule.UnsupportedError: an option that would change the model, with what to do.
            bascule.Error: there is no such model, or no family knows it.
        """
        asked = Pretrained.of(**options)
        found = resolve(path, asked.access, weights=False)
        if Path(path).exists() or not missing(found):
            bridge = cls(found, asked=asked, hub_id="" if found == Path(path) else str(path))
            bridge._family()
            return bridge
        config = (found / "config.json").read_text()
        given = json.loads(config)
        if not cls.supports(given):
            raise architectures.unknown(str(path), given)
        return cls(None, config, asked, str(path))

    @classmethod
    def from_hf_config(cls, config: Any) -> AutoBridge:
        """A bridge of a configuration (transformers' object, or a dict), which has no weights."""
        given = config if isinstance(config, dict) else config.to_dict()
        if given.get("architectures") and not cls.supports(given):
            raise architectures.unknown("the configuration", given)
        bridge = cls(None, json.dumps(given))
        bridge._family()
        return bridge

    @classmethod
    def can_handle(cls, path: str | os.PathLike[str], trust_remote_code: bool = False) -> bool:
        """Whether the model at `path` can be converted; of a Hub id only config.json is fetched."""
        try:
            cls.from_hf_pretrained(path, trust_remote_code=trust_remote_code)
        except (Error, ValueError):
            return False
        return True

    @classmethod
    def supports(cls, config: Any) -> bool:
        """Whether a family knows the architecture that a configuration names."""
        return architectures.known(config)

    @classmethod
    def list_supported_models(cls) -> list[str]:
        """The architectures that can be converted, as `config.json` names them, sorted."""
        return architectures.supported()

    def to_megatron_provider(
        self, load_weights: bool = True, hf_path: str | os.PathLike[str] | None = None
    ) -> ModelProvider:
        """The model's settings, to change and to make it from.

        Args:
            load_weights: models get the checkpoint's weights; False: random ones, and where only
                config.json of a Hub id was fetched, no tokenizer when they are saved.
            hf_path: the checkpoint to take weights from, where it is another.

        Raises:
            bascule.UnsupportedError: weights are asked for of a bridge that has none.
        """
        if load_weights and hf_path is None and self._path is None and not self._hub_id:
            raise UnsupportedError(
                "a bridge of from_hf_config() has no weights: say load_weights=False for random "
                "ones, or give hf_path"
            )
        own = self.path if load_weights else self._path
        path = own if hf_path is None else resolve(hf_path)
        named = hf_path or self._hub_id or self._path
        if not named:
            named = json.loads(self._config).get("_name_or_path")  # of transformers' object
        return ModelProvider(
            path,
            self._config,
            load_weights=load_weights,
            dtype=self._asked.dtype,
            hf_model_id=str(named) if named else None,
        )

    def to_megatron_model(
        self,
        load_weights: bool = True,
        hf_path: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> list[Any]:
        """`to_megatron_provider(...).provide_distributed_model(**options)`."""
        return self.to_megatron_provider(load_weights, hf_path).provide_distributed_model(**options)

    def load_hf_weights(
        self,
        model: Any,
        hf_path: str | os.PathLike[str] | None = None,
        allowed_mismatched_params: list[str] | None = None,
    ) -> Any:
        """Fills a model, or a list of one, with this bridge's weights, or with those at `hf_path`.

        Args:
            model: what `provide_distributed_model()` gave, which is returned.
            hf_path: another checkpoint, of either format.
            allowed_mismatched_params: not there yet.

        Raises:
            bascule.MismatchError: they are of another model.
        """
        refuse(allowed_mismatched_params=allowed_mismatched_params)
        from bascule.gpt_model import unwrapped

        path = self.path if hf_path is None else resolve(hf_path)
        if path is None:
            raise UnsupportedError("a bridge of from_hf_config() has no weights; give hf_path")
        filled = unwrapped(model)
        filled.engine.load_weights(path)
        filled.count_change()
        return model

    def get_conversion_tasks(
        self, megatron_model: Any, hf_path: str | os.PathLike[str] | None = None
    ) -> list[WeightConversionTask]:
        """What goes where: each parameter, and the Hugging Face tensors that are made of it.

        A part of the list is what `export_hf_weights` takes to export a part of the model.

        Args:
            megatron_model: what `provide_distributed_model()` gave.
            hf_path: not there yet.
        """
        refuse(hf_path=hf_path)
        from bascule.extension import engine
        from bascule.gpt_model import unwrapped

        found = unwrapped(megatron_model)
        return tasks_of(found, engine().HfTensors(found.engine))

    def export_hf_weights(
        self,
        model: Any,
        cpu: bool = False,
        show_progress: bool = True,
        conversion_tasks: Iterable[WeightConversionTask] | None = None,
        merge_adapter_weights: bool = True,
    ) -> Iterator[HFWeightTuple]:
        """Yields every tensor under its Hugging Face name, one at a time, in the model's dtype.

        Args:
            model: what `provide_distributed_model()` gave.
            cpu: leave tensors on the CPU; False: where the model is.
            show_progress: a line on stderr where that is a terminal.
            conversion_tasks: only what these of `get_conversion_tasks()` make; a tensor that is
                made of several parameters comes whole, where one of them is asked for.
            merge_adapter_weights: False is not there yet, as adapters are not.
        """
        refuse(merge_adapter_weights=merge_adapter_weights)
        from bascule.extension import engine
        from bascule.gpt_model import unwrapped

        found = unwrapped(model)
        device = next(found.parameters()).device
        tensors = engine().HfTensors(found.engine)
        for index in shown(wanted(tensors, conversion_tasks), show_progress):
            tensor = tensors.tensor(index)
            yield HFWeightTuple(tensors.name(index), tensor if cpu else tensor.to(device))

    def save_hf_pretrained(
        self,
        model: Any,
        path: str | os.PathLike[str],
        show_progress: bool = True,
        source_path: str | os.PathLike[str] | None = None,
        strict: bool = True,
        merge_adapter_weights: bool = True,
        *,
        overwrite: bool | None = None,
        verify: bool = True,
    ) -> Outcome:
        """Writes a whole Hugging Face directory: weights, config.json, tokenizer, remote code.

        It gets its name when it is complete, was read again and is equal to the model. It takes the
        place of a model that is there; `overwrite=True` replaces any other directory, too, and
        `overwrite=False` none.
        `source_path`, and other values of `strict` and `merge_adapter_weights`, are not there yet.

        Raises:
            bascule.UserError: `path` holds something else, without `overwrite`.
        """
        refuse(source_path=source_path, strict=strict, merge_adapter_weights=merge_adapter_weights)
        return self._save_hf(model, path, show_progress, overwrite, verify, weights_alone=False)

    def save_hf_weights(
        self,
        model: Any,
        path: str | os.PathLike[str],
        show_progress: bool = True,
        strict: bool = True,
        merge_adapter_weights: bool = True,
        *,
        overwrite: bool | None = None,
        verify: bool = True,
    ) -> Outcome:
        """As `save_hf_pretrained`, but `path` gets the weights and their index alone."""
        refuse(strict=strict, merge_adapter_weights=merge_adapter_weights)
        return self._save_hf(model, path, show_progress, overwrite, verify, weights_alone=True)

    def _save_hf(
        self,
        model: Any,
        path: str | os.PathLike[str],
        show_progress: bool,
        overwrite: bool | None,
        verify: bool,
        *,
        weights_alone: bool,
    ) -> Outcome:
        from bascule.gpt_model import unwrapped
        from bascule.progress import listener

        if overwrite is None:
            overwrite = is_model(Path(path))
        outcome: Outcome = unwrapped(model).engine.save_hf(
            path, overwrite, verify, weights_alone, listener(None), show_progress
        )
        if self._hub_id and self._path is None and not weights_alone:
            warn_without_tokenizer(Path(path), self._hub_id)
        return outcome

    def save_megatron_model(
        self,
        model: Any,
        path: str | os.PathLike[str],
        hf_tokenizer_path: str | os.PathLike[str] | None = None,
        low_memory_save: bool = False,
        hf_tokenizer_kwargs: dict[str, Any] | None = None,
        *,
        iteration: int = 0,
        show_progress: bool = True,
    ) -> Path:
        """Writes the model as an iteration of a Megatron checkpoint; returns its directory.

        `hf_tokenizer_path`, `low_memory_save` and `hf_tokenizer_kwargs` are not there yet.
        """
        refuse(
            hf_tokenizer_path=hf_tokenizer_path,
            low_memory_save=low_memory_save,
            hf_tokenizer_kwargs=hf_tokenizer_kwargs,
        )
        from bascule.gpt_model import unwrapped
        from bascule.progress import listener

        made = unwrapped(model).engine.save_checkpoint(
            path, iteration, listener(None), show_progress
        )
        return Path(made)

    def load_megatron_model(
        self,
        path: str | os.PathLike[str],
        *,
        mp_overrides: dict[str, Any] | None = None,
        **options: Any,
    ) -> list[Any]:
        """The model of a Megatron checkpoint (a root, or one iteration's directory), in a list.

        Args:
            path: the checkpoint.
            mp_overrides: settings of the provider, by name.
            options: those of `provide_distributed_model()`; the model is not wrapped unless they
                say so.
        """
        provider = ModelProvider(path)
        for name, value in (mp_overrides or {}).items():
            setattr(provider, name, value)
        return provider.provide_distributed_model(**{"wrap_with_ddp": False, **options})

    @classmethod
    def import_ckpt(
        cls,
        hf_model_id: str | os.PathLike[str],
        megatron_path: str | os.PathLike[str],
        **options: Any,
    ) -> Outcome:
        """Converts a Hugging Face model into a Megatron checkpoint, without torch.

        `options` are those of `bascule.import_checkpoint` and of `from_hf_pretrained`, of which the
        dtype is what is written. An iteration that is there is replaced, unless `overwrite=False`.
        """
        converting = {name: options.pop(name) for name in _CONVERTING if name in options}
        asked = Pretrained.of(**options)
        source = resolve(hf_model_id, asked.access)
        made = Path(megatron_path) / f"iter_{converting.get('iteration') or 0:07}"
        converting.setdefault("overwrite", is_iteration(made))
        return import_checkpoint(source, megatron_path, dtype=asked.dtype or None, **converting)

    def export_ckpt(
        self,
        megatron_path: str | os.PathLike[str],
        hf_path: str | os.PathLike[str],
        show_progress: bool = True,
        strict: bool = True,
        source_path: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> Outcome:
        """Converts a Megatron checkpoint into a Hugging Face directory, without torch.

        `options` are those of `bascule.export_checkpoint`, but `overwrite`, which is that of
        `save_hf_pretrained`; `source_path` and `strict=False` are not there yet.
        """
        refuse(source_path=source_path, strict=strict)
        options.setdefault("overwrite", is_model(Path(hf_path)))
        return export_checkpoint(megatron_path, hf_path, progress=show_progress, **options)

    export_adapter_weights = not_yet(
        "AutoBridge.export_adapter_weights", "export_hf_weights() gives the model's own"
    )
    get_hf_model_id_from_checkpoint = not_yet(
        "AutoBridge.get_hf_model_id_from_checkpoint", "bascule.inspect(path) says what is there"
    )
    push_to_hub = not_yet(
        "AutoBridge.push_to_hub",
        "huggingface_hub.upload_folder() takes what save_hf_pretrained() wrote",
    )
    hf_pretrained = no_attribute("AutoBridge.hf_pretrained", "path is the model's directory")
    transformer_config = no_attribute(
        "AutoBridge.transformer_config", "to_megatron_provider() has the settings"
    )
    mla_transformer_config = no_attribute(
        "AutoBridge.mla_transformer_config", "to_megatron_provider() has the settings"
    )

    def _family(self) -> str:
        if self._path is None:
            family: str = self.to_megatron_provider(load_weights=False)._family
            return family
        return reading.inspect(self._path).family

    def __repr__(self) -> str:
        return f"AutoBridge({self._path or self._hub_id or 'a configuration'})"
