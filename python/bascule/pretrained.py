"""The options of transformers' from_pretrained(), which Megatron Bridge hands on to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from bascule import _core
from bascule.errors import UnsupportedError
from bascule.hub import Access
from bascule.not_yet import ONE_RANK, Argument

if TYPE_CHECKING:
    import os

    import torch
    from typing_extensions import Unpack


class PretrainedOptions(TypedDict, total=False):
    """What `AutoBridge.from_hf_pretrained()` takes beside a path.

    Options that say how transformers would run the model, such as device_map, attn_implementation
    and low_cpu_mem_usage, may have any value, too, and change nothing.

    Attributes:
        torch_dtype: of models made by the bridge; None or "auto": as stored.
        dtype: the same, by transformers 5's name.
        trust_remote_code: not needed: nothing of a model's code is ever run.
        revision: of a model of the Hub: a branch, a tag or a commit.
        token: for the Hub; None: who is logged in; False: nobody.
        cache_dir: of models of the Hub; None: where HF_HUB_CACHE says.
        local_files_only: take a model of the Hub from the cache alone.
    """

    torch_dtype: torch.dtype | str | None
    dtype: torch.dtype | str | None
    trust_remote_code: bool | None
    revision: str | None
    token: bool | str | None
    cache_dir: str | os.PathLike[str] | None
    local_files_only: bool
    attn_implementation: object
    device_map: object
    low_cpu_mem_usage: object


@dataclass(frozen=True)
class Pretrained:
    """What the options ask for.

    Attributes:
        dtype: as settings spell it; nothing: as it is stored.
        access: how the Hub is asked.
    """

    dtype: str = ""
    access: Access = field(default_factory=Access)

    @classmethod
    def of(cls, **options: Unpack[PretrainedOptions]) -> Pretrained:
        """Checks the options.

        Raises:
            bascule.UnsupportedError: one that would change the model, with what to do instead.
        """
        for name, value in options.items():
            if name in PretrainedOptions.__annotations__:
                continue
            if name not in _OTHERS:
                known = (*PretrainedOptions.__annotations__, *_OTHERS)
                near = _core.did_you_mean(name, known)
                raise UnsupportedError(
                    f"{name}={value!r} is not there yet{near}; what config.json says is changed in "
                    "to_megatron_provider()"
                )
            _OTHERS[name].check(name, value)
        dtype = options.get("dtype")
        dtype = options.get("torch_dtype") if dtype is None else dtype
        return cls(
            "" if dtype in (None, "auto") else str(dtype).removeprefix("torch."),
            Access(
                options.get("revision"),
                options.get("token"),
                options.get("cache_dir"),
                options.get("local_files_only", False),
            ),
        )


_NO_MODEL = "no model of transformers' is made"
_FORMAT = "weights are read from model*.safetensors"

_OTHERS: dict[str, Argument] = {
    "adapter_kwargs": Argument((None,), "adapters are not there yet"),
    "adapter_name": Argument((None,), "adapters are not there yet"),
    "allow_all_kernels": Argument(None, _NO_MODEL),
    "code_revision": Argument((None,), "a model's own code travels with it, and is never run"),
    "config": Argument((None,), "from_hf_config() takes a configuration"),
    "device": Argument(None, _NO_MODEL),
    "device_mesh": Argument((None,), ONE_RANK),
    "disable_mmap": Argument(None, _NO_MODEL),
    "distributed_config": Argument((None,), ONE_RANK),
    "experts_implementation": Argument(None, _NO_MODEL),
    "force_download": Argument(
        (None, False), "remove the model from the cache instead: `hf cache rm`"
    ),
    "from_flax": Argument((None, False), _FORMAT),
    "from_tf": Argument((None, False), _FORMAT),
    "generation_config": Argument((None,), "its file travels with the model"),
    "gguf_file": Argument((None,), "tools/gguf_to_hf.py makes a directory of such a file"),
    "ignore_mismatched_sizes": Argument((None, False), "every tensor must fit"),
    "kernel_config": Argument(None, _NO_MODEL),
    "key_mapping": Argument((None,), "tensors have the names that their family knows"),
    "load_in_4bit": Argument((None, False), "weights stay as they are stored"),
    "load_in_8bit": Argument((None, False), "weights stay as they are stored"),
    "max_memory": Argument(None, _NO_MODEL),
    "mirror": Argument((None,), "HF_ENDPOINT of the environment names another Hub"),
    "offload_buffers": Argument(None, _NO_MODEL),
    "offload_folder": Argument(None, _NO_MODEL),
    "offload_state_dict": Argument(None, _NO_MODEL),
    "output_loading_info": Argument((None, False), "bascule.inspect(path) says what is there"),
    "proxies": Argument((None,), "HTTPS_PROXY of the environment names them"),
    "quantization_config": Argument((None,), "weights stay as they are stored"),
    "resume_download": Argument(None, "a download always goes on"),
    "state_dict": Argument((None,), "load_hf_weights(model, hf_path) reads a checkpoint"),
    "subfolder": Argument((None, ""), "give the path of the folder itself"),
    "tp_plan": Argument((None,), ONE_RANK),
    "tp_size": Argument((None, 1), ONE_RANK),
    "use_auth_token": Argument((None,), "token is its name now"),
    "use_kernels": Argument(None, _NO_MODEL),
    "use_safetensors": Argument((None, True), _FORMAT),
    "variant": Argument((None,), _FORMAT),
    "weights_only": Argument(None, "nothing is unpickled"),
}
