"""Rows: the small files beside the weights, and things that are no files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pickles as pk
import safetensors as st
from case import EXPORT, IMPORT, VERIFY, Case, later
from model import ITERATION, Make, also, hf, megatron, ours, put, run_config, text

ST, CFG, RUN, COMMON, STATE = st.NAME, "config.json", "run_config.yaml", "common.pt", "state.json"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
MD, BLOB, MANIFEST = pk.METADATA, pk.FILE, "manifest.json"
TRACKER = "latest_checkpointed_iteration.txt"
HASH = f'"xxh3_128":"{"0" * 32}"'


def link(name: str, target: str) -> Make:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return change


def absent(name: str) -> Make:
    return lambda folder: (folder / name).unlink()


def fifo(name: str) -> Make:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return change


def folder(name: str) -> Make:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def root(change: Make) -> Make:
    """Changes the root of a checkpoint, not an iteration's directory."""
    return lambda folder: change(folder.parent)


def tracker(data: str) -> Make:
    return megatron(root(put(TRACKER, data)))


def deep_yaml(opening: str, levels: int) -> Make:
    return megatron(put(RUN, opening * levels))


def state(**fields: str) -> Make:
    keys = {
        "version": "1",
        "family": '"llama"',
        "bascule": '"0.1.0"',
        "shards": "[]",
        "metadata": "{}",
        "ignored_keys": "[]",
        "warnings": "[]",
    } | fields
    return ours(STATE, "{" + ",".join(f'"{k}":{v}' for k, v in keys.items()) + "}")


def manifest(files: str, version: str = "1") -> Make:
    return ours(MANIFEST, f'{{"version":{version},"files":{{{files}}}}}')


def two_shards(shape: str) -> str:
    return f'[{{"file":"{shape}","tensors":["a"]}},{{"file":"{shape}","tensors":["b"]}}]'


def run_target(name: str) -> Make:
    """run_config.yaml whose model is of another class."""

    def change(folder: Path) -> None:
        before = (folder / RUN).read_text()
        begin = before.index("\nmodel:\n")
        at = before.index("  _target_: ", begin)
        end = before.index("\n", at)
        (folder / RUN).write_text(f"{before[:at]}  _target_: {name}{before[end:]}")

    return megatron(change)


# One row a paragraph: what it is, how it is made, what is said.
# fmt: off


def place_rows() -> Iterator[Case]:
    """Things in the place of files."""

    def row(name: str, what: str, make: Make, file: str, message: str, exit: int = 6,
            command: str = IMPORT) -> Case:
        return Case(f"place.{name}", what, make, command, exit, file, message)

    yield row("fifo_config", "a FIFO as config.json", hf(fifo(CFG)), CFG,
              "not a regular file", 3)
    yield row("fifo_weights", "a FIFO as weights", hf(fifo(ST)), ST, "a FIFO")
    yield row("device", "a device as config.json", hf(link(CFG, "/dev/zero")), CFG,
              "not a regular file", 3)
    yield row("device_weights", "a device as weights", hf(link(ST, "/dev/urandom")), ST, "a device")
    yield row("fifo_tokenizer", "a FIFO as tokenizer", hf(fifo("tokenizer.json")), "tokenizer.json",
              "not a regular file", 3)
    yield row("loop", "config.json is a symlink to itself", hf(link(CFG, CFG)), CFG, "")
    yield row("loop_weights", "the weights are a symlink to itself", hf(link(ST, ST)), ST, "")
    yield row("dangling", "weights that are a symlink to nothing", hf(link(ST, "nothing")), ST,
              "a symlink to nothing", 3)
    yield row("no_text_import", "a name that is not UTF-8", hf(put("\udcff.py", "x")), r"\xff.py",
              "not UTF-8", 3)
    yield row("no_text_export", "a name that is not UTF-8", megatron(put("tokenizer/\udcff.txt", "x")),
              r"\xff.txt", "not UTF-8", 3, EXPORT)
    yield row("folder", "a folder as weights", hf(folder(ST)), ST, "a directory")
    yield row("fifo_metadata", "a FIFO as .metadata", megatron(fifo(MD)), MD, "a FIFO",
              command=EXPORT)
    yield row("fifo_data", "a FIFO as data file", megatron(fifo(BLOB)), BLOB, "", command=EXPORT)
    yield row("fifo_common", "a FIFO as common.pt", megatron(fifo(COMMON)), COMMON, "a FIFO",
              command=EXPORT)
    yield row("device_run_config", "a device as run_config.yaml", megatron(link(RUN, "/dev/zero")),
              RUN, "a device", command=EXPORT)
    yield row("loop_iteration", "an iteration that is a symlink to itself", megatron(root(also(
        link("iter_0000009", "iter_0000009"), put(TRACKER, "9")))), TRACKER, "does not exist", 3, EXPORT)
    yield row("loop_metadata_json", "metadata.json is a symlink to itself",
              megatron(link("metadata.json", "metadata.json")), "metadata.json", "",
              command=EXPORT)
    yield row("loop_common", "common.pt is a symlink to itself", megatron(link(COMMON, COMMON)),
              COMMON, "", command=EXPORT)
    yield row("loop_only_iteration", "the only iteration is a symlink to itself",
        also(lambda f: (f / "megatron").mkdir(), link("megatron/iter_0000001", "iter_0000001")),
        "megatron", "neither", 2, EXPORT)
    yield row("device_tracker", "a device as tracker",
              megatron(root(link(TRACKER, "/dev/urandom"))), TRACKER, "a device",
              command=EXPORT)


def tokenizer_rows() -> Iterator[Case]:
    """What names the special tokens of a config.json that an export makes anew: not needed, but
    never believed either."""
    names = also(put(f"tokenizer/{TOKENIZER_CONFIG}", '{"bos_token":"<s>","eos_token":"</s>"}'),
                 put("tokenizer/special_tokens_map.json", "{}"))

    def row(name: str, what: str, file: str, data: Callable[[], str], message: str) -> Case:
        make = later(lambda: megatron(also(names, put(f"tokenizer/{file}", data()))))
        return Case(f"tokenizer.{name}", what, make, f"{EXPORT} --family llama", 0, file, message)

    unknown = "nothing else tells bos_token_id, eos_token_id"
    yield row("cut", "a tokenizer.json that ends early", TOKENIZER,
              lambda: '{"added_tokens":[', unknown)
    yield row("deep", "lists 500 000 deep", TOKENIZER, lambda: "[" * 500_000, unknown)
    yield row("long", "a token of 17 MB", TOKENIZER,
              lambda: f'{{"model":{{"vocab":{{"{"x" * (17 << 20)}":1}}}}}}', unknown)
    yield row("large", "65 MB of blanks", TOKENIZER, lambda: " " * (65 << 20), "too large")
    yield row("bytes", "bytes that are no text", TOKENIZER, lambda: "\0\x1b[31m", unknown)
    yield row("deep_names", "maps 100 000 deep", TOKENIZER_CONFIG,
              lambda: '{"bos_token":' * 100_000, "nothing else tells bos_token_id")
    yield row("names_twice", "a key twice", TOKENIZER_CONFIG,
              lambda: '{"bos_token":"a","bos_token":"b"}', "nothing else tells bos_token_id")
    yield row("names_list", "a list", TOKENIZER_CONFIG, lambda: "[]", "holds no JSON object")


def small_rows() -> Iterator[Case]:
    """common.pt, metadata.json, trackers, run_config.yaml, state.json, manifest.json."""

    def row(name: str, what: str, make: Make, file: str, message: str, exit: int = 3,
            command: str = EXPORT) -> Case:
        return Case(name, what, make, command, exit, file, message)

    yield row("common.empty", "nothing at all", megatron(put(COMMON, b"")), COMMON, "")
    yield row("common.list", "a list", pk.common(b"\x80\x02]."), "megatron", "not a dict")
    yield row("common.system", "a pickle that would run a command",
              pk.common(pk.call("os", "system", "touch owned")), "megatron", "not a dict")
    yield row("common.iteration", "an iteration that is text",
              pk.common(pk.dumps({"iteration": "x"})), "megatron", "iteration", 3,
              "inspect megatron")
    yield row("common.lists", "20 MB of lists", later(lambda: pk.common(
        b"\x80\x02" + b"]" * 20_000_000)), COMMON, "")
    yield row("backend.zarr", "another backend",
              megatron(put("metadata.json", '{"sharded_backend":"zarr"}')), "metadata.json", "zarr",
              5)
    yield row("backend.version", "version 2", megatron(put("metadata.json",
              '{"sharded_backend":"torch_dist","sharded_backend_version":2}')), "metadata.json",
              "version", 5)
    yield row("backend.list", "a list", megatron(put("metadata.json", "[]")), "metadata.json",
              "names no sharded_backend")
    yield row("backend.number", "a number as backend",
              megatron(put("metadata.json", '{"sharded_backend":1}')), "metadata.json", "")
    yield row("backend.deep", "lists 500 000 deep",
              megatron(put("metadata.json", "[" * 500_000)), "metadata.json", "")
    yield row("backend.deep_version", "a version 300 000 deep", megatron(put("metadata.json",
              '{"sharded_backend":"torch_dist","sharded_backend_version":' + "[" * 300_000
              + "]" * 300_000 + "}")), "metadata.json", "")
    yield row("tracker.garbage", "garbage", tracker("\x1b[31m\0\xff"), TRACKER, "")
    yield row("tracker.parent", "a path to elsewhere", tracker("../../etc"), TRACKER,
              "is no iteration")
    yield row("tracker.empty", "nothing at all", tracker(""), TRACKER, "is no iteration")
    yield row("tracker.negative", "a negative iteration", tracker("-1"), TRACKER, "is no iteration")
    yield row("tracker.huge", "iteration 10^30", tracker("1" + "0" * 30), TRACKER,
              "is no iteration")
    yield row("tracker.absent", "an iteration that is not there", tracker("7"), TRACKER,
              "does not exist")
    yield row("tracker.long", "a megabyte", later(lambda: tracker("1" * 1_000_000)), TRACKER, "too large")

    for command, name in ((EXPORT, "root"), (f"export {ITERATION} out", "iteration"),
                          (f"inspect {ITERATION}", "inspect")):
        yield row(f"incomplete.{name}", "no .metadata", megatron(absent(MD)), ITERATION,
                  "has no .metadata, which lists the tensors: the copy is not complete; copy",
                  command=command)
    yield row("incomplete.data", "a data file that is missing", megatron(absent(BLOB)), BLOB,
              "the copy is not complete; copy the checkpoint again")

    layers = "  num_layers: 3\n"
    scale = "  softmax_scale: null\n"
    yield row("run_config.unsaid", "a setting that no family has", run_config(
        scale, "  softmax_scale: 0.3\n"), RUN, "model.softmax_scale is 0.3, where llama has null", 5)
    yield row("run_config.aliases", "aliases that unfold to 10^9", megatron(put(RUN, "a0: &a0 [x]\n"
              + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)))),
              RUN, "more than")
    yield row("run_config.alias_text", "aliases of a long text", megatron(put(RUN, "a: &a "
              + "x" * 500_000 + "\nb: [" + "*a," * 100_000 + "]\n")), RUN, "more than")
    yield row("run_config.alias_self", "a list that holds itself", megatron(put(RUN, "a: &a [*a]")),
              RUN, "")
    yield row("run_config.python", "a Python object", run_config(
        layers, "  num_layers: !!python/object/apply:os.system ['touch owned']\n"), RUN, "python")
    yield row("run_config.python_name", "a Python name", run_config(
        layers, "  num_layers: !!python/name:os.system\n"), RUN, "python")
    yield row("run_config.deep", "lists 100 000 deep", deep_yaml("[", 100_000), RUN, "")
    yield row("run_config.deep_maps", "maps 100 000 deep", deep_yaml("{a: ", 100_000), RUN, "")
    yield row("run_config.deep_dashes", "lists 100 000 deep, in blocks", deep_yaml("- ", 100_000),
              RUN, "")
    yield row("run_config.deep_keys", "keys 100 000 deep", deep_yaml("? ", 100_000), RUN, "")
    yield row("run_config.merge", "a merge key", run_config(layers, layers + "  <<: {a: 1}\n"), RUN,
              "merge")
    yield row("run_config.duplicate", "one key twice", run_config(layers, layers + layers), RUN,
              "repeats")
    yield row("run_config.two", "two documents", megatron(put(RUN, "a: 1\n---\nb: 2\n")), RUN,
              "one is allowed")
    yield row("run_config.binary", "bytes that are no text", megatron(put(RUN, bytes(range(256)))),
              RUN, "")
    yield row("run_config.empty", "nothing at all", megatron(put(RUN, "")), RUN, "")
    yield row("run_config.target", "a class that is not known", run_target("os.system"), RUN,
              "os.system", 5)
    yield row("run_config.layers", "10^9 layers", run_config(layers, "  num_layers: 1000000000\n"),
              RUN, "num_layers", 5)
    yield row("run_config.layers_2_62", "2^62 layers", run_config(
        layers, f"  num_layers: {1 << 62}\n"), RUN, "num_layers")
    yield row("run_config.experts", "10^9 experts", run_config(
        "  num_moe_experts: null\n", "  num_moe_experts: 1000000000\n"), RUN, "experts", 5)
    yield row("run_config.most_experts", "as many layers and experts as are allowed", megatron(also(
        text(RUN, layers, "  num_layers: 1024\n"),
        text(RUN, "  num_moe_experts: null\n", "  num_moe_experts: 64\n"))), RUN,
              "model.qk_layernorm is false, where qwen3_moe has true", 5)
    yield row("run_config.experts_negative", "minus one expert", run_config(
        "  num_moe_experts: null\n", "  num_moe_experts: -1\n"), RUN, "num_moe_experts")
    yield row("run_config.nan", "NaN as epsilon", run_config(
        "  layernorm_epsilon: 1.0e-05\n", "  layernorm_epsilon: .nan\n"), RUN, "layernorm_epsilon")
    yield row("run_config.infinite", "infinity as epsilon", run_config(
        "  layernorm_epsilon: 1.0e-05\n", "  layernorm_epsilon: .inf\n"), RUN, "no finite number")
    yield row("run_config.more_layers", "a layer more than there is", run_config(
        layers, "  num_layers: 4\n"), "megatron", "", 4)

    shard = "model.safetensors"
    yield row("state.parent", "a shard in another folder", state(
        shards='[{"file":"../x.safetensors","tensors":[]}]'), STATE, "not the name of a shard")
    yield row("state.nul", "a shard with a zero byte", state(
        shards='[{"file":"config.json\\u0000.safetensors","tensors":[]}]'), STATE,
        "not the name of a shard")
    yield row("state.hidden", "a hidden shard", state(
        shards='[{"file":".x.safetensors","tensors":[]}]'), STATE, "not the name of a shard")
    yield row("state.twins", "two shards of one name", state(shards=two_shards(shard)), STATE,
              "twice")
    yield row("state.shards", "text as shards", state(shards='"x"'), STATE, "shards")
    yield row("state.metadata", "a number in the metadata", state(metadata='{"format":1}'), STATE,
              "metadata")
    yield row("state.family", "a family that does not exist", state(family='"evil"'), STATE, "evil",
              5)
    yield row("state.other_family", "a family that run_config.yaml contradicts",
              state(family='"gemma2"'), STATE, "the model is of family gemma2, but", 3)
    yield row("state.version", "version 2", state(version="2"), STATE, "version", 5)
    yield row("state.list", "a list", ours(STATE, "[]"), STATE, "")
    yield row("state.zeros", "two million numbers", later(lambda: ours(STATE, "[" + "0," * 2_000_000 + "0]")),
              STATE, "more than")
    yield row("travel.weights", "a travelling file with the name of the weights",
              ours(f"hf/{shard}", "x"), shard, "")
    yield row("travel.config", "a tokenizer file with the name of the configuration",
              megatron(put("tokenizer/config.json", "{}")), CFG, "")
    yield row("travel.manifest", "a travelling file with the name of the manifest",
              ours("hf/bascule/manifest.json", "x"), MANIFEST, "")
    yield row("travel.fifo", "a FIFO among the tokenizer's files",
              megatron(fifo("tokenizer/pipe")), "pipe", "", 3)
    yield row("manifest.parent", "a file in another folder",
              manifest(f'"../x":{{"size":1,{HASH}}}'), MANIFEST, "leaves the directory", 3, VERIFY)
    yield row("manifest.absolute", "an absolute file",
              manifest(f'"/etc/passwd":{{"size":1,{HASH}}}'), MANIFEST, "leaves the directory", 3,
              VERIFY)
    yield row("manifest.nul", "a zero byte in a name",
              manifest(f'"a\\u0000b":{{"size":1,{HASH}}}'), MANIFEST, "leaves the directory", 3,
              VERIFY)
    yield row("manifest.digest", "a digest that is none",
              manifest('"a":{"size":1,"xxh3_128":"zz"}'), MANIFEST, "", 3, VERIFY)
    yield row("manifest.size", "sizes that add up to 2^64", manifest(",".join(
        f'"{i}":{{"size":{1 << 62},{HASH}}}' for i in range(4))), MANIFEST, "", 3, VERIFY)
    yield row("manifest.version", "version 2", manifest("", "2"), MANIFEST, "version 2", 3, VERIFY)
    yield row("manifest.twins", "a file twice", manifest(
        f'"a":{{"size":1,{HASH}}},"a":{{"size":1,{HASH}}}'), MANIFEST, "twice", 3, VERIFY)
    yield row("manifest.million", "700 000 files", later(lambda: manifest(",".join(
        f'"{i}":{{"size":1,{HASH}}}' for i in range(700_000)))), MANIFEST, "more than 100000 files",
              3, VERIFY)
