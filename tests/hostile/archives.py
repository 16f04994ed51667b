"""Archives of torch.save that lie: a small writer of zip files whose every number can be given."""

import struct
from dataclasses import dataclass, field
from zlib import crc32

MANY = 0xFFFFFFFF


@dataclass
class Record:
    """A record of an archive; what is not given is true."""

    name: str
    data: bytes
    method: int = 0
    flags: int = 0
    size: int | None = None  # as the directory says
    stored: int | None = None
    at: int | None = None
    local_name: str | None = None
    extra: bytes = b""  # of the directory

    def local(self) -> bytes:
        name = (self.local_name or self.name).encode()
        return (
            struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, self.flags, self.method, 0, 0,
                        crc32(self.data), len(self.data), len(self.data), len(name), 0)
            + name + self.data
        )  # fmt: skip

    def central(self, at: int) -> bytes:
        name = self.name.encode()
        size = len(self.data) if self.size is None else self.size
        stored = size if self.stored is None else self.stored
        return (
            struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, self.flags, self.method, 0, 0,
                        crc32(self.data), stored, size, len(name), len(self.extra), 0, 0, 0, 0,
                        at if self.at is None else self.at)
            + name + self.extra
        )  # fmt: skip


@dataclass
class Archive:
    """An archive; what is not given is true."""

    records: list[Record] = field(default_factory=list)
    entries: int | None = None
    directory_at: int | None = None
    directory_bytes: int | None = None
    end64_at: int | None = None  # given: a zip64 end record that is said to be there
    comment: int = 0

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """The records, the directory, and the end."""
        data = directory = b""
        for record in self.records:
            directory += record.central(len(data))
            data += record.local()
        entries = len(self.records) if self.entries is None else self.entries
        size = len(directory) if self.directory_bytes is None else self.directory_bytes
        at = len(data) if self.directory_at is None else self.directory_at
        end = b""
        if self.end64_at is not None:
            here = len(data) + len(directory)
            end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, entries, entries,
                              size, at)  # fmt: skip
            end += struct.pack("<IIQI", 0x07064B50, 0, self.end64_at if self.end64_at else here, 1)
            entries, size, at = 0xFFFF, MANY, MANY
        end += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, entries, entries, size, at, self.comment)
        return data, directory, end

    def bytes(self) -> bytes:
        return b"".join(self.parts())


def torch_archive(pickle: bytes, **storages: bytes) -> Archive:
    """What torch.save writes: storages are named s0, s1, ..."""
    return Archive(
        [Record("archive/data.pkl", pickle), Record("archive/byteorder", b"little")]
        + [Record(f"archive/data/{name[1:]}", data) for name, data in storages.items()]
        + [Record("archive/version", b"3\n")]
    )
