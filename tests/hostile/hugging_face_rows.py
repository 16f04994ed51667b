"""Rows: Hugging Face directories that lie."""

from collections.abc import Iterator

import archives as zips
import safetensors as st
from case import IMPORT, Case, later
from model import Make, config, config_text, hf, put

ST, IX, CFG = st.NAME, f"{st.NAME}.index.json", "config.json"

# One row a paragraph: what it is, how it is made, what is said.
# fmt: off


def safetensors_rows() -> Iterator[Case]:
    def row(name: str, what: str, make: Make, message: str, exit: int = 3,
            file: str = ST) -> Case:
        return Case(f"safetensors.{name}", what, make, IMPORT, exit, file, message)

    norm = f'"{st.NORM}":{{"dtype":"BF16"'
    yield row("overlap", "two tensors share bytes", st.entry(data_offsets=[0, 192]), "an overlap")
    yield row("hole", "bytes of no tensor between two", st.gap(), "a hole")
    yield row("huge_offsets", "offsets of 2^62", st.entry(data_offsets=[1 << 62, (1 << 62) + 192]),
              "hole")
    yield row("offset_2_64", "an offset of 2^64", st.entry(data_offsets=[0, 1 << 64]),
              "not a natural number")
    yield row("offset_2_63", "an offset of 2^63", st.entry(data_offsets=[0, 1 << 63]),
              "does not fit 63 bits")
    yield row("backwards", "an end before its beginning", st.entry(data_offsets=[192, 0]),
              "before it begins")
    yield row("negative", "a negative offset", st.entry(data_offsets=[-192, 0]),
              "not a natural number")
    yield row("float", "a size with a fraction", st.entry(shape=[96.5]), "not a natural number")
    yield row("whole_float", "96.0, a whole float", st.entry(shape=[96.0]), "not a natural number")
    yield row("nan", "NaN as a size", st.spelled(f'{norm},"shape":[96]', f'{norm},"shape":[NaN]'),
              "not valid JSON")
    yield row("1e400", "a size of 1e400",
              st.spelled(f'{norm},"shape":[96]', f'{norm},"shape":[1e400]'), "not valid JSON")
    yield row("1e3", "a size of 1e3", st.spelled(f'{norm},"shape":[96]', f'{norm},"shape":[1e3]'),
              "not a natural number")
    yield row("negative_shape", "a negative size", st.entry(shape=[-96]), "not a natural number")
    yield row("duplicate", "one name twice", st.spelled(st.NORM, st.EMBED), "is there twice")
    yield row("duplicate_escaped", "one name twice, once with escapes",
              st.spelled(st.NORM, st.EMBED.replace("m", "\\u006d")), "is there twice")
    yield row("wrong_dtype", "a dtype of another size", st.entry(dtype="F32"), "takes 384 bytes")
    yield row("unknown_dtype", "a dtype that does not exist", st.entry(dtype="F1"),
              "unknown dtype")
    yield row("dtype_list", "a list as a dtype", st.entry(dtype=["BF16"]), "is not expected")
    yield row("wrong_shape", "a shape of other elements", st.entry(shape=[95]), "takes 190 bytes")
    yield row("product", "sizes whose product overflows to the right number",
              st.entry(shape=[4194305, 4194305, 211106198978564]), "64 bits")
    yield row("product_zero", "an overflow hidden by a zero",
              st.entry(shape=[1 << 62, 1 << 62, 0], data_offsets=[0, 0]), "64 bits")
    yield row("dimensions", "65 dimensions", st.entry(shape=[1] * 65), "more than 64 dimensions")
    yield row("three_offsets", "three offsets", st.entry(data_offsets=[0, 1, 2]), "more than two")
    yield row("one_offset", "one offset", st.entry(data_offsets=[0]), "data_offsets")
    yield row("unknown_key", "a fourth key", st.entry(stride=[1]), "unknown key")
    yield row("no_shape", "a tensor without shape", st.header(lambda h: h[st.NORM].pop("shape")),
              "shape is missing")
    key = "model.layers.1.self_attn.k_proj.weight"
    yield row("mixed", "one of three that are stored as one of another dtype",
              st.header(lambda h: h[key].update(dtype="F16")),
              "linear_qkv.weight holds both; give --dtype to convert them", 4)
    yield row("null", "null in place of a tensor", st.header(lambda h: h.update({st.NORM: None})),
              "is not expected")
    yield row("metadata_number", "a number in __metadata__",
              st.header(lambda h: h.update(__metadata__={"format": 1})), "maps text to text")
    yield row("length_2_63", "a header of 2^63 bytes", st.raw(b"{}", length=1 << 63), "at most")
    yield row("length_too_large", "a header that is longer than the file", st.raw(b"{}", b"", 99),
              "the file is truncated")
    yield row("length_zero", "a header of no bytes", st.raw(b""), "does not begin with")
    yield row("header_array", "a list as header", st.raw(b"[]"), "does not begin with")
    yield row("99_9_mb", "a header of 99.9 MB, blank", later(lambda: st.raw(b"{" + b" " * 99_900_000 + b"}")),
              "bytes of JSON without a border")
    yield row("99_9_mb_text", "a header of 99.9 MB in long texts",
              later(lambda: st.raw(b'{"__metadata__":{' + b",".join(
                  b'"%d":"%s"' % (i, b"x" * 15_000_000) for i in range(6)) + b',"a":1}}')),
              "maps text to text")
    yield row("99_9_mb_escapes", "99.9 MB of escapes",
              later(lambda: st.raw(b'{"__metadata__":{' + b",".join(
                  b'"%d":"%s"' % (i, b"\\u0001" * 2_500_000) for i in range(6)) + b',"a":1}}')),
              "maps text to text")
    yield row("99_9_mb_names", "490 000 tensors of long names",
              later(lambda: st.many(490_000, "n" * 120)),
              "490000 tensors are unknown", 4, "hf")
    yield row("million", "a million tensors", later(lambda: st.many(1_000_000)), "more than 500000 tensors")
    yield row("million_metadata", "a million entries of metadata",
              later(lambda: st.raw('{"__metadata__":{' + ",".join(
                  f'"{i}":""' for i in range(1_000_000)) + "}}")), "more than 100000 entries")
    yield row("deep", "lists 10 000 deep", st.raw(b'{"t":' + b"[" * 10_000), "is not expected")
    yield row("deep_objects", "objects 10 000 deep", st.raw(b'{"t":' * 10_000), "unknown key")
    yield row("utf8", "a name that is no UTF-8", st.raw(b'{"\xff\xfe":1}'), "not UTF-8")
    yield row("surrogate", "half a surrogate pair", st.raw(b'{"\\ud800":1}'), "not valid JSON")
    yield row("nul_name", "a zero byte in a name", st.spelled(st.NORM, "model\\u0000.weight"),
              "holds a zero byte")
    yield row("nul_header", "a zero byte behind the JSON", st.raw(b'{}\0{"a":1}'), "a zero byte")
    yield row("terminal", "a name that colours a terminal",
              st.header(lambda h: h.update({"\x1b[31mred\nline": h.pop(st.NORM)})),
              "\\x1b[31mred\\x0aline", 4, "hf")
    yield row("trailing", "bytes behind the last tensor: a polyglot",
              st.bytes_(lambda b: b + b"PK\5\6" + bytes(18)), "bytes of data")
    yield row("zip", "an archive of torch with the name of safetensors",
              hf(put(ST, zips.torch_archive(b"N.").bytes())), "a zip archive")
    yield row("lfs", "a pointer of Git LFS", hf(put(ST, "version https://git-lfs.github.com/spec")),
              "git lfs pull")
    for what, size in st.borders():
        yield row(f"cut_{size}", f"ends before {what}", st.bytes_(lambda b, n=size: b[:n]), "", 3)
    yield row("ghost", "a tensor that no Llama has",
              st.header(lambda h: h.update({"model.layers.0.ghost": h.pop(st.NORM)})),
              "model.layers.0.ghost in ", 4)
    yield row("missing_tensor", "a tensor that every Llama has is missing",
              st.header(lambda h: h.update({"model.layers.9.input_layernorm.weight":
                                            h.pop(st.NORM)})),
              "1 tensor is missing: model.norm.weight", 4, "hf")
    yield row("other_shape", "a shape that the configuration does not give",
              st.entry(shape=[2, 48]), "has shape [2, 48], but the configuration gives [96]", 4)
    yield row("integers", "weights that are integers", st.entry(dtype="I16"), "holds int16", 4)
    shard = "hf/model-00002-of-00002.safetensors"
    yield row("shard_ghost", "a tensor that no Llama has, in the second shard",
              st.second_shard(lambda h: h.update({"model.layers.0.ghost": h.pop(st.NORM)})),
              f"model.layers.0.ghost in {shard}; ", 4, shard)
    yield row("shard_shape", "another shape, in the second shard",
              st.second_shard(lambda h: h[st.NORM].update(shape=[2, 48])),
              f"{shard}: tensor {st.NORM} has shape [2, 48], but the configuration gives [96]; take",
              4, shard)


def index_rows() -> Iterator[Case]:
    def row(name: str, what: str, make: Make, message: str, exit: int = 3) -> Case:
        return Case(f"index.{name}", what, make, IMPORT, exit, IX, message)

    shard = "model-00001-of-00001.safetensors"
    yield row("parent", "a shard in another folder", st.mapped(x="../other.safetensors"),
              "not the name of a file")
    yield row("absolute", "an absolute shard", st.mapped(x="/etc/x.safetensors"),
              "not the name of a file")
    yield row("backslash", "a shard with a backslash", st.mapped(x="..\\x.safetensors"),
              "not the name of a file")
    yield row("hidden", "a hidden shard", st.mapped(x=".x.safetensors"), "not the name of a file")
    yield row("pickle", "a shard of another format", st.mapped(x="pytorch_model.bin"),
              "not a .safetensors file")
    yield row("nul", "a shard with a zero byte", st.mapped(x="x\0.safetensors"),
              "not the name of a file")
    yield row("absent", "a shard that is not there", st.mapped(x="no.safetensors"),
              "which is not there")
    yield row("ghost", "a tensor that its shard does not hold", st.mapped(ghost=shard),
              "does not hold it")
    yield row("orphan", "a tensor that is not listed",
              st.index(f'{{"{st.NORM}":"{shard}"}}'), "does not list")
    yield row("duplicate", "a tensor listed twice",
              st.index(f'{{"a":"{shard}","a":"{shard}"}}'), "listed twice")
    yield row("two_maps", "two weight_maps",
              st.index(f'{{"a":"{shard}"}}', f',"weight_map":{{"b":"{shard}"}}'), "there twice")
    yield row("list", "a list as weight_map", st.index('["a"]'), "maps tensors to file names")
    yield row("number", "a number as shard", st.index('{"a":1}'), "maps tensors to file names")
    yield row("none", "no weight_map", hf(put(IX, "{}")), "no weight_map")
    yield row("deep", "lists 10 000 deep", hf(put(IX, '{"metadata":' + "[" * 10_000)),
              "nested deeper")
    yield row("empty", "nothing at all", hf(put(IX, "")), "not valid JSON")
    yield row("shards", "100 000 shards", later(lambda: st.index("{" + ",".join(
        f'"{i}":"{i}.safetensors"' for i in range(100_000)) + "}")), "more than 10000 files")
    yield row("million", "two million tensors", later(lambda: st.index("{" + ",".join(
        f'"{i}":"{shard}"' for i in range(1_300_000)) + "}")), "")


def config_rows() -> Iterator[Case]:
    def row(name: str, what: str, make: Make, message: str, exit: int = 3,
            file: str = CFG) -> Case:
        return Case(f"config.{name}", what, make, IMPORT, exit, file, message)

    layers = '"num_hidden_layers": 3'
    rope = '"rope_type": "llama3"'
    yield row("deep", "lists 100 000 deep", hf(put(CFG, "[" * 100_000)), "nested more than")
    yield row("zero_in_key", "a key with a zero byte", config(**{"sec\0ret\x1b[31m": 1}),
              r"sec\x00ret\x1b[31m is 1", 5)
    yield row("deep_objects", "objects 100 000 deep", hf(put(CFG, '{"a":' * 100_000)),
              "nested more than")
    yield row("empty", "nothing at all", hf(put(CFG, "")), "no valid JSON")
    yield row("list", "a list", hf(put(CFG, "[]")), "a map of keys is needed")
    yield row("binary", "bytes that are no text", hf(put(CFG, bytes(range(256)))), "no valid JSON")
    yield row("zeros", "two million numbers", later(lambda: hf(put(CFG, "[" + "0," * 2_000_000 + "0]"))), "more than 1048576 values")
    yield row("keys", "half a million keys", later(lambda: hf(put(CFG, "{" + ",".join(
        f'"{i:x}":0' for i in range(300_000)) + "}"))), "architectures")
    yield row("unread_keys", "300 000 keys that nobody reads", later(lambda: config_text(
        layers, layers + "".join(f',"{i:x}":0' for i in range(300_000)))), "and 299992 more", 5)
    yield row("megabytes", "20 MB", later(lambda: hf(put(CFG, " " * 20_000_000))), "bytes")
    yield row("duplicate", "one key twice", config_text(layers, f'{layers}, "num_hidden_layers": 2'),
              "is there twice")
    yield row("nan", "NaN", config_text('"rope_theta": 50000.0', '"rope_theta": NaN'),
              "no valid JSON")
    yield row("1e400", "a number of 1e400", config_text('"rope_theta": 50000.0',
                                                        '"rope_theta": 1e400'), "")
    yield row("zero_theta", "a theta of 0", config(rope_theta=0.0), "rope_theta")
    yield row("negative_eps", "a negative epsilon", config(rms_norm_eps=-1.0), "rms_norm_eps")
    yield row("text", "text in place of a number", config(hidden_size="96"), "hidden_size")
    yield row("bool", "true in place of a number", config(hidden_size=True), "hidden_size")
    yield row("float", "a fraction of layers", config(num_hidden_layers=2.5), "num_hidden_layers")
    yield row("negative", "minus one layer", config(num_hidden_layers=-1), "num_hidden_layers")
    yield row("zero_layers", "no layer", config(num_hidden_layers=0), "num_hidden_layers")
    yield row("layers_2_62", "2^62 layers", config(num_hidden_layers=1 << 62), "num_hidden_layers")
    yield row("layers_2_64", "2^64 layers", config(num_hidden_layers=1 << 64), "num_hidden_layers")
    yield row("billion_layers", "10^9 layers", config(num_hidden_layers=10**9), "at most", 5)
    yield row("vocab_2_62", "2^62 tokens", config(vocab_size=1 << 62), "vocab_size")
    yield row("hidden_2_31", "a width of 2^31 - 1", config(hidden_size=2**31 - 1, head_dim=16),
              "the configuration gives [259, 2147483647]", 4, "hf")
    yield row("heads_0", "no heads", config(num_attention_heads=0), "num_attention_heads")
    yield row("kv_heads_0", "no key heads", config(num_key_value_heads=0), "num_key_value_heads")
    yield row("kv_heads_4", "key heads that do not divide", config(num_key_value_heads=4), "divide")
    yield row("heads_2_31", "2^31 - 1 heads of 2^31 - 1", config(
        num_attention_heads=2**31 - 1, num_key_value_heads=2**31 - 1, head_dim=2**31 - 1),
        "the configuration gives [4611686014132420609, 96]", 4, "hf")
    yield row("unknown_key", "a key that may change everything", config(secret_scale=2.0),
              "--ignore-key secret_scale", 5)
    yield row("unknown_rope", "a kind of positions that is not known",
              config_text(rope, '"rope_type": "spiral"'), "spiral", 5)
    yield row("rope_list", "a list as rope_scaling", config(rope_scaling=[1]), "rope_scaling")
    yield row("architecture", "a class that is not known",
              config(architectures=["EvilForCausalLM"]), "EvilForCausalLM", 5)
    yield row("architectures", "two classes", config(architectures=["LlamaForCausalLM", "Evil"]),
              "one is needed", 5)
    yield row("no_architecture", "a list of no class", config(architectures=[]), "architectures")
    yield row("quantized", "a quantized model", config(quantization_config={"bits": 4}),
              "unquantized", 5)
    yield row("experts", "10^9 experts", config(
        architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_experts=10**9,
        num_experts_per_tok=2, moe_intermediate_size=16), "experts", 5)
    yield row("most_experts", "as many layers and experts as are allowed", config(
        architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", num_hidden_layers=1024,
        num_experts=64, num_experts_per_tok=2, moe_intermediate_size=16, rope_scaling=None,
        mlp_bias=None, pretraining_tp=None), "tensors are missing", 4, "hf")
    yield row("layer_types", "400 000 kinds of layers", later(lambda: config(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", layer_types=["x"] * 400_000)),
        "layer_types")
    yield row("terminal", "a key that colours a terminal", config(**{"\x1b[31mred": 1}), "", 5)
