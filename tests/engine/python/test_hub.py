"""Models by Hub ids: what is fetched, and what is said where it cannot be."""

import json
import shutil
import warnings
from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import errors

from conftest import HF

NAME = "some/model"
COMMIT = "0123456789012345678901234567890123456789"


class Hub:
    """The cache, and a Hub that has one model or raises; `asked` has what went online."""

    def __init__(self, cache: Path) -> None:
        self.model = HF
        self.error: Exception | None = None
        self.asked: list[list[str]] = []
        self.folder = cache / COMMIT
        self.access = {"revision": None, "token": None, "cache_dir": None}

    def cache(self, *names: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (self.folder / name).unlink(missing_ok=True)
            shutil.copy(self.model / name, self.folder)

    def snapshot_download(
        self, repo_id: str, *, allow_patterns=None, local_files_only=False, **access
    ) -> str:
        assert repo_id == NAME
        assert access == self.access
        if local_files_only:
            if not self.folder.exists():
                raise errors.LocalEntryNotFoundError("no snapshot")
            return str(self.folder)
        self.asked.append(allow_patterns)
        if self.error is not None:
            raise self.error
        names = [each.name for each in self.model.iterdir()]
        self.cache(*[n for n in names if any(fnmatch(n, one) for one in allow_patterns)])
        return str(self.folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub(tmp_path / "snapshots")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made.snapshot_download)
    return made


def test_the_configuration_is_all_that_is_fetched_before_weights_are_needed(bascule, hub: Hub) -> None:
    assert bascule.AutoBridge.can_handle(NAME)
    bridge = bascule.AutoBridge.from_hf_pretrained(NAME)
    assert repr(bridge) == "AutoBridge(some/model)"
    provider = bridge.to_megatron_provider(load_weights=False)
    assert provider.num_layers == 3
    (random,) = provider.provide_distributed_model(wrap_with_ddp=False, device="cpu")
    assert hub.asked == [["config.json"]]
    bridge.load_hf_weights(random)
    assert len(hub.asked) == 2
    assert bridge.path == hub.folder
    assert (hub.folder / "tokenizer.json").exists()
    bridge.to_megatron_model(wrap_with_ddp=False)
    bascule.AutoBridge.from_hf_pretrained(NAME).to_megatron_model(wrap_with_ddp=False)
    assert len(hub.asked) == 2


def test_a_model_is_saved_without_what_was_not_fetched(bascule, hub: Hub, tmp_path: Path) -> None:
    bridge = bascule.AutoBridge.from_hf_pretrained(NAME)
    random = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False, device="cpu")
    words = r"first has no tokenizer, as only config.json of some/model was fetched; ask for the"
    with pytest.warns(bascule.ConversionWarning, match=words):
        bridge.save_hf_pretrained(random, tmp_path / "first", show_progress=False)
    assert hub.asked == [["config.json"]]
    assert bridge.path == hub.folder
    random = bridge.to_megatron_model(load_weights=False, wrap_with_ddp=False, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bridge.save_hf_pretrained(random, tmp_path / "second", show_progress=False)
    assert (tmp_path / "second/tokenizer.json").read_bytes() == (HF / "tokenizer.json").read_bytes()


def test_how_the_hub_is_asked(bascule, hub: Hub, tmp_path: Path) -> None:
    """By every download, the weights' too."""
    hub.access = {"revision": "v2", "token": "hf_secret", "cache_dir": tmp_path}
    bridge = bascule.AutoBridge.from_hf_pretrained(NAME, **hub.access)
    assert bridge.path == hub.folder
    assert bascule.AutoBridge.import_ckpt(NAME, tmp_path / "m", **hub.access).verified
    assert len(hub.asked) == 2
    assert "hf_secret" not in repr(vars(bridge))
    hub.access = {"revision": None, "token": None, "cache_dir": None}
    shutil.rmtree(hub.folder)
    with pytest.raises(bascule.ResourceError, match=r"lacks some/model, .*local_files_only is True"):
        bascule.AutoBridge.from_hf_pretrained(NAME, local_files_only=True)
    assert len(hub.asked) == 2


def test_an_architecture_that_no_family_knows(bascule, hub: Hub, tmp_path: Path) -> None:
    hub.model = tmp_path / "model"
    hub.model.mkdir()
    (hub.model / "config.json").write_text(json.dumps({"architectures": ["Nothing"]}))
    assert not bascule.AutoBridge.can_handle(NAME)
    with pytest.raises(bascule.UnsupportedError, match=r"some/model is a Nothing, .*list_supported"):
        bascule.AutoBridge.from_hf_pretrained(NAME)


@pytest.mark.parametrize("left", [["config.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_a_part_of_a_model_in_the_cache_is_completed(
    left: list[str], bascule, hub: Hub, tmp_path: Path
) -> None:
    hub.cache(*left)
    assert bascule.AutoBridge.import_ckpt(NAME, tmp_path / "m").verified
    assert bascule.verify(HF, tmp_path / "m")
    bascule.AutoBridge.import_ckpt(NAME, tmp_path / "again")
    assert len(hub.asked) == 1


def shards(folder: Path) -> None:
    """A model of two shards with an index."""
    import safetensors.torch

    shutil.copytree(HF, folder)
    tensors = safetensors.torch.load_file(HF / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {}
    for number in (1, 2):
        name = f"model-{number:05}-of-00002.safetensors"
        part = {key: tensors[key] for key in sorted(tensors)[number - 1 :: 2]}
        safetensors.torch.save_file(part, folder / name, {"format": "pt"})
        weight_map |= dict.fromkeys(part, name)
    size = sum(each.nbytes for each in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("lost", ["model-00002-of-00002.safetensors", "model.safetensors.index.json"])
def test_a_shard_that_is_not_in_the_cache_is_fetched(
    lost: str, bascule, hub: Hub, tmp_path: Path
) -> None:
    hub.model = tmp_path / "sharded"
    shards(hub.model)
    hub.cache(*[each.name for each in hub.model.iterdir()])
    (hub.folder / lost).unlink()
    (hub.folder / lost).symlink_to("nothing")  # as a download leaves it that was stopped
    hub.error = errors.LocalEntryNotFoundError("the network is off")
    with pytest.raises(bascule.ResourceError, match=f"lacks {lost} of some/model, .*HF_HUB_OFFLINE"):
        bascule.AutoBridge.import_ckpt(NAME, tmp_path / "m")
    hub.error = None
    assert bascule.AutoBridge.import_ckpt(NAME, tmp_path / "m").verified
    assert len(hub.asked) == 2


def test_offline_a_part_of_a_model_is_not_taken_for_it(
    bascule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With huggingface_hub's own functions, which give the part as it is."""
    repository = tmp_path / "models--some--model"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(COMMIT)
    shutil.copy(HF / "config.json", snapshot)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    bridge = bascule.AutoBridge.from_hf_pretrained(NAME)
    bridge.to_megatron_provider(load_weights=False)
    words = (
        r"lacks model.safetensors of some/model, .*unset HF_HUB_OFFLINE .*`hf download some/model`"
    )
    with pytest.raises(bascule.ResourceError, match=words):
        bridge.to_megatron_provider()
    with pytest.raises(bascule.ResourceError, match="cache lacks other/model"):
        bascule.AutoBridge.from_hf_pretrained("other/model")


def refused(kind: type[errors.HfHubHTTPError], status: int) -> errors.HfHubHTTPError:
    import httpx

    request = httpx.Request("GET", "https://huggingface.co/some/model")
    return kind("refused", response=httpx.Response(status, request=request))


def test_what_is_said_of_a_model_that_cannot_be_had(bascule, hub: Hub) -> None:
    hub.error = refused(errors.GatedRepoError, 403)
    words = r"gated: accept its licence at https://huggingface.co/some/model, .*`hf auth login`"
    with pytest.raises(bascule.ResourceError, match=words):
        bascule.AutoBridge.from_hf_pretrained(NAME)
    hub.error = refused(errors.RepositoryNotFoundError, 404)
    with pytest.raises(bascule.UserError, match="check its spelling, or log in"):
        bascule.AutoBridge.from_hf_pretrained(NAME)
    hub.error = errors.LocalEntryNotFoundError("the network is off")
    with pytest.raises(bascule.ResourceError, match=r"`hf download some/model`.*network is off"):
        bascule.AutoBridge.from_hf_pretrained(NAME)
    assert not bascule.AutoBridge.can_handle(NAME)
