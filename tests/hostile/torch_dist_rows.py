"""Rows: Megatron checkpoints whose .metadata or data files lie."""

from collections.abc import Iterator

import archives as zips
import pickles as pk
from case import EXPORT, Case, later
from model import Make, megatron, put

MD, BLOB = pk.METADATA, pk.FILE

# One row a paragraph: what it is, how it is made, what is said.
# fmt: off


def metadata_rows() -> Iterator[Case]:
    def row(name: str, what: str, make: Make, message: str, exit: int = 3,
            file: str = MD) -> Case:
        return Case(f"metadata.{name}", what, make, EXPORT, exit, file, message)

    size = pk.size
    huge = 1 << 62
    yield row("os_system", "a pickle that would run a command",
              pk.raw(pk.call("os", "system", "touch owned")), "not the metadata")
    yield row("eval", "a pickle that would evaluate Python",
              pk.raw(pk.call("builtins", "eval", "open('owned','w')")), "not the metadata")
    yield row("reduce", "a tensor that would run a command", pk.metadata(
        lambda m: m.state_dict_metadata.update({pk.TENSOR: pk.Called("posix", "system", "touch owned")})),
        "posix.system")
    yield row("dtype_call", "a dtype that would run a command", pk.metadata(
        lambda m: m.state_dict_metadata[pk.TENSOR].properties.__dict__.update(
            state=(pk.Called("posix", "system", "touch owned"),))), "a dtype is expected")
    yield row("laughs", "lists that unfold to 10^30", pk.raw(pk.laughs(30)), "unfolds")
    yield row("memo", "a memo of 2^31 entries", pk.raw(b"\x80\x02Nr\xff\xff\xff\x7f."), "memo index")
    yield row("get", "a memo entry that is not set", pk.raw(b"\x80\x02h\x05."), "is not set")
    yield row("deep", "lists a million deep", later(lambda: pk.raw(b"\x80\x02" + b"]" * 1_000_000
                                                             + b"a" * 999_999 + b".")), "nested")
    yield row("deep_201", "tuples 201 deep", pk.raw(b"\x80\x02N" + b"\x85" * 201 + b"."), "nested")
    yield row("lists", "30 MB of empty lists", later(lambda: pk.raw(b"\x80\x02" + b"]" * 30_000_000 + b".")),
              "more than")
    yield row("dups", "30 MB of DUP", later(lambda: pk.raw(b"\x80\x02]" + b"2" * 30_000_000 + b".")), "more than")
    yield row("marks", "30 MB of MARK", later(lambda: pk.raw(b"\x80\x02" + b"(" * 30_000_000 + b".")), "more than")
    yield row("appends", "a list that grows by itself", later(lambda: pk.raw(
        b"\x80\x02]q\x00" + b"h\x00a" * 8_000_000 + b".")), "itself")
    yield row("memoize", "20 MB of MEMOIZE", later(lambda: pk.raw(b"\x80\x04N" + b"\x94" * 20_000_000 + b".")), "")
    yield row("cycle", "a list that holds itself", pk.raw(b"\x80\x02]q\x00h\x00a."), "itself")
    yield row("long", "a LONG of 2^31 bytes", pk.raw(b"\x80\x02\x8b\xff\xff\xff\x7f."), "needs")
    yield row("long_negative", "a LONG of -1 bytes", pk.raw(b"\x80\x02\x8b\xff\xff\xff\xff."),
              "needs")
    yield row("text_2_64", "a text of 2^64 - 1 bytes", pk.raw(b"\x80\x04\x8d" + b"\xff" * 8 + b"."),
              "needs")
    yield row("frame", "a frame of 2^63 bytes", pk.raw(b"\x80\x04\x95" + bytes(7) + b"\x80N."),
              "a frame of")
    yield row("opcode", "an opcode that does not exist", pk.raw(b"\x80\x02\xfe."), "0xfe")
    yield row("ext", "a class by number", pk.raw(b"\x80\x02\x82\x01."), "EXT1")
    yield row("inst", "an instance of protocol 0", pk.raw(b"(ios\nsystem\n."), "INST")
    yield row("buffer", "a buffer from elsewhere", pk.raw(b"\x80\x05\x97."), "NEXT_BUFFER")
    yield row("protocol", "protocol 6", pk.raw(b"\x80\x06N."), "protocol 6")
    yield row("underflow", "a call of nothing", pk.raw(b"\x80\x02R."), "the stack is empty")
    yield row("no_mark", "a tuple without mark", pk.raw(b"\x80\x02t."), "no mark")
    yield row("trailing", "a second pickle", pk.raw(b"\x80\x02N.N."), "follow")
    yield row("empty", "nothing at all", pk.raw(b""), "no STOP")
    for name, end in pk.opcode_borders():
        yield row(f"cut_{name}", f"ends behind {name}", pk.truncated(end), "truncated")
    yield row("cut_golden", "the golden one without its last byte", megatron(
        lambda f: put(MD, (f / MD).read_bytes()[:-1])(f)), "")
    yield row("path_parent", "data in another folder", pk.place(relative_path="../__0_0.distcp"),
              "no plain file name")
    yield row("path_absolute", "data at an absolute path", pk.place(relative_path="/etc/passwd"),
              "no plain file name")
    yield row("path_dots", "data in ..", pk.place(relative_path=".."), "no plain file name")
    yield row("path_absent", "data in no file", pk.place(relative_path="__9_9.distcp"),
              "the copy is not complete", file="__9_9.distcp")
    yield row("offset", "data beyond the file", pk.place(offset=1 << 40), "is truncated", file=BLOB)
    yield row("offset_2_63", "an offset of 2^63 - 1", pk.place(offset=(1 << 63) - 1), "")
    yield row("offset_2_64", "an offset of 2^64", pk.place(offset=1 << 64), "")
    yield row("offset_negative", "a negative offset", pk.place(offset=-1), "at byte -1")
    yield row("length", "data that are longer than the file", pk.place(length=1 << 40),
              "is truncated", file=BLOB)
    yield row("length_zero", "no data", pk.place(length=0), "said to be 0 bytes")
    yield row("shared", "two tensors in the same bytes", pk.place(
        offset=pk.places(pk.golden_metadata(), "embedding.word_embeddings.weight")[0].offset),
        "share")
    yield row("outside", "a chunk outside its tensor", pk.chunk(sizes=size(97)), "reaches outside")
    yield row("hole", "a chunk that is too short", pk.chunk(sizes=size(95)), "hole")
    yield row("far", "a chunk at 2^62", pk.chunk(offsets=size(huge), sizes=size(huge)), "")
    yield row("negative_chunk", "a chunk of negative size", pk.chunk(sizes=size(-96)), "negative")
    yield row("rank", "a chunk of two dimensions", pk.chunk(offsets=size(0, 0), sizes=size(96, 1)),
              "dimensions")
    yield row("overlap", "two chunks that share elements", pk.metadata(
        lambda m: m.state_dict_metadata[pk.TENSOR].chunks.append(
            m.state_dict_metadata[pk.TENSOR].chunks[0])), "")
    yield row("shape", "sizes whose product overflows", pk.metadata(
        lambda m: m.state_dict_metadata[pk.TENSOR].__dict__.update(size=size(huge, huge))),
        "64 bits")
    yield row("unplaced", "a tensor that is in no file", pk.metadata(
        lambda m: m.storage_data.clear()), "is in no file")
    yield row("unlisted", "data of no tensor", pk.metadata(
        lambda m: m.state_dict_metadata.pop(pk.TENSOR)), "not listed")
    yield row("name", "a name that colours a terminal", pk.metadata(
        lambda m: m.state_dict_metadata.update({"\x1b[31m": m.state_dict_metadata[pk.OBJECT]})), "")
    yield row("absent_tensor", "a tensor that every Llama has is missing",
              pk.rename(pk.TENSOR, "decoder.ghost.weight"), "decoder.ghost.weight", 4, "megatron")


def archive_rows() -> Iterator[Case]:
    def row(name: str, what: str, make: Make, message: str, exit: int = 3,
            file: str = BLOB) -> Case:
        return Case(f"archive.{name}", what, make, EXPORT, exit, file, message)

    def record(number: int, **fields: object) -> Make:
        return pk.archive(lambda a: a.records[number].__dict__.update(fields))

    def whole(**fields: object) -> Make:
        return pk.archive(lambda a: a.__dict__.update(fields))

    wide = b"\x01\x00\x18\x00" + b"\xff" * 24
    yield row("shape", "another shape than .metadata says", pk.tensor(shape=(95,)), "shape [95]")
    yield row("dtype", "another dtype", pk.tensor(kind="HalfStorage"), "float16")
    yield row("stride", "a stride of 2", pk.tensor(strides=(2,), elements=191), "strides [2]", 5)
    yield row("stride_zero", "one element repeated", pk.tensor(strides=(0,)), "strides [0]", 5)
    yield row("stride_outside", "a stride beyond the storage", pk.tensor(strides=(2,)), "96")
    yield row("offset", "an offset beyond the storage", pk.tensor(offset=1), "offset 1")
    yield row("elements", "a storage that is said to be larger", pk.tensor(elements=97), "97")
    yield row("elements_2_62", "a storage of 2^62 elements", pk.tensor(elements=1 << 62), "")
    yield row("key", "a storage in another folder", pk.tensor(key="../../s"), "no record")
    yield row("function", "another function", pk.tensor(function="_rebuild_evil"),
              "a tensor is expected")
    yield row("system", "a blob that would run a command", pk.blob(zips.torch_archive(
        pk.call("posix", "system", "touch owned"), s0=bytes(192)).bytes()), "a tensor is expected")
    yield row("compressed", "a compressed record", record(2, method=8), "compressed", 5)
    yield row("encrypted", "an encrypted record", record(2, flags=1), "encrypted", 5)
    yield row("bomb", "a record that is said to inflate to 1 TB",
              record(2, method=8, size=1 << 31, stored=192), "compressed", 5)
    yield row("size", "a record that is longer than the archive", record(2, size=1 << 30),
              "is said to begin")
    yield row("reach", "a record that reaches into the next", record(2, size=200), "")
    yield row("at", "a record beyond the archive", record(2, at=1 << 30), "is said to begin")
    yield row("same_at", "two records at one place", record(2, at=0), "")
    yield row("zip64", "64-bit sizes that are lies", record(
        2, size=zips.MANY, stored=zips.MANY, at=zips.MANY, extra=wide), "")
    yield row("zip64_missing", "64-bit sizes that are missing", record(
        2, size=zips.MANY, stored=zips.MANY, extra=b"\x01\x00\x00\x00"),
              "lacks its 64-bit sizes")
    yield row("extra", "an extra field beyond its place", record(2, extra=b"\x01\x00\xff\xff"),
              "longer than its place")
    yield row("local_name", "another name in the local header", record(2, local_name="archive/x"),
              "")
    yield row("twin", "two records of one name", record(3, name="archive/data/0"), "are named")
    yield row("entries", "more records than the directory has", whole(entries=5), "within")
    yield row("entries_many", "65 534 records in a few bytes", whole(entries=65534), "cannot hold")
    yield row("directory_at", "a directory beyond the end", whole(directory_at=1 << 30),
              "the zip directory is said")
    yield row("directory_bytes", "a directory of 2 GB", whole(directory_bytes=1 << 31),
              "the zip directory is said")
    yield row("end64", "a zip64 end beyond the end", whole(end64_at=1 << 62), "the zip64 end record")
    yield row("entries_2_62", "2^62 records", whole(end64_at=0, entries=1 << 62), "cannot hold")
    yield row("directory_2_63", "a directory at 2^63", whole(end64_at=0, directory_at=1 << 63),
              "the zip directory is said")
    yield row("comment", "a comment behind the end", whole(comment=9), "a comment")
    yield row("no_pickle", "no data.pkl", pk.archive(lambda a: a.records.pop(0)), "data.pkl")
    yield row("nothing", "no record at all", whole(records=[]), "22 bytes are stored", file=MD)
    yield row("big_endian", "numbers in the other byte order", record(1, data=b"big"), "byte order",
              5)
    yield row("large_pickle", "a pickle of 60 MB", later(lambda: pk.blob(zips.torch_archive(
        b"\x80\x02" + b"]" * 60_000_000, s0=bytes(192)).bytes())), "more than")
    whole_archive = zips.torch_archive(pk.saved(), s0=bytes(192))
    data, directory, end = whole_archive.parts()
    for what, size in (("the local header's name", 30),
                       ("half of the records", len(data) // 2), ("the directory", len(data)),
                       ("half of the directory", len(data) + len(directory) // 2),
                       ("the end", len(data) + len(directory)),
                       ("the last byte", len(data) + len(directory) + len(end) - 1)):
        yield row(f"cut_{size}", f"ends before {what}", pk.blob(whole_archive.bytes()[:size]), "",
                  file=MD if size < 192 else BLOB)
