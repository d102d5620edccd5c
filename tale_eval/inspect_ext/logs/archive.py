"""The members of an Inspect log (.eval), as JSON: what a report needs of most logs, and quickly.

A log is a zip archive; `header.json` says how the run was made and `summaries.json` what came
of each sample. Reading these two alone loads no Inspect and takes a tenth of the time. What is
not as expected here is left to Inspect's own reader, which knows every version of its logs.
"""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from zstandard import ZstdDecompressor, ZstdError

ZIP_ZSTANDARD = 93
"""The method's number in the zip format; Python's zipfile knows it from 3.14 on."""

DAMAGED = (BadZipFile, zlib.error, ZstdError, ValueError, KeyError, OSError, RecursionError)
"""What a cut or hostile archive makes `Archive.read` raise."""

_LOCAL_HEADER = 30  # bytes before a member's name
_MOST_BYTES = 1 << 30


class Archive:
    """A log that is open for reading.

    Args:
        file: The archive.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._members = {member.filename: member for member in ZipFile(file).infolist()}

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def names(self, prefix: str) -> list[str]:
        """The members whose names begin so, in the order in which they were written."""
        return [name for name in self._members if name.startswith(prefix)]

    def read(self, name: str) -> Any:
        """One member's content.

        Raises:
            KeyError: There is no such member.
            ValueError: It is no JSON, unpacks to more than it says, or is packed in a way that
                logs do not use.
        """
        member = self._members[name]
        return json.loads(self._unpacked(member))

    def _unpacked(self, member: ZipInfo) -> bytes:
        if member.file_size > _MOST_BYTES:
            raise ValueError(f"{member.filename} unpacks to {member.file_size} bytes")
        self._file.seek(member.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
        self._file.seek(sum(lengths), 1)
        packed = self._file.read(member.compress_size)
        most = member.file_size + 1
        if member.compress_type == ZIP_STORED:
            content = packed
        elif member.compress_type == ZIP_DEFLATED:
            content = zlib.decompressobj(-15).decompress(packed, most)
        elif member.compress_type == ZIP_ZSTANDARD:
            # a large member is written in several frames
            reader = ZstdDecompressor().stream_reader(packed, read_across_frames=True)
            content = reader.read(most)
        else:
            raise ValueError(f"{member.filename} is packed by method {member.compress_type}")
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise ValueError(f"{member.filename} is damaged")
        return content


@contextmanager
def open_archive(location: str) -> Iterator[Archive]:
    """Open a log, local or on S3.

    Raises:
        BadZipFile: It is no zip archive, as logs in JSON are not.
        OSError: It cannot be opened.
    """
    files, path = url_to_fs(location)
    with files.open(path, "rb") as file:
        yield Archive(file)
