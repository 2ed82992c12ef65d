"""A ZIP file opened safely, with limits on the size of its members and of its table of contents."""

import contextlib
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from quickstudy.errors import DataError
from quickstudy.inputs.decoding import regular_file

__all__ = ["open_zip"]

_MOST_BYTES = 64_000_000
_MOST_CONTENTS = 50_000_000
_DENSE, _SMALL = 200, 10_000_000
"""No image of more than so many bytes is that many times smaller when packed: it is a bomb."""


@contextlib.contextmanager
def open_zip(path: str | Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The names of a ZIP file's members, sorted, and a function that reads one.

    Raises:
        DataError: no ZIP file, or one with a table of contents out of proportion; when read: a member that is damaged, locked
            by a password, or too large.
    """
    with regular_file(path) as file:
        try:
            if _contents(file) > _MOST_CONTENTS:
                raise DataError(
                    f"{path} has a table of contents of more than {_MOST_CONTENTS:,} bytes. Give a folder of class folders."
                )
            pack = zipfile.ZipFile(file)
            names = sorted(pack.namelist())
        except DataError:
            raise
        except Exception as error:  # whatever a damaged table of contents raises, the remedy is the same
            raise DataError(f"{path} cannot be read as a ZIP file ({error}). Give a folder of class folders.") from error

        def read(name: str) -> bytes:
            found = pack.getinfo(name)
            if found.file_size > _MOST_BYTES:
                raise DataError(f"{name} in {path} has {found.file_size:,} bytes, more than {_MOST_BYTES:,}. Make it smaller.")
            if found.file_size > max(_SMALL, _DENSE * found.compress_size):
                raise DataError(f"{name} in {path} is packed {_DENSE} times smaller than it is, as no photo is. Leave it out.")
            try:
                return pack.read(found)
            except Exception as error:  # a wrong sum, a password, a method of packing that is not here, an end too early
                raise DataError(f"{name} in {path} cannot be unpacked ({error}). Replace it or leave it out.") from error

        yield names, read


def _contents(file: IO[bytes]) -> int:
    """Bytes of the table of contents, as recorded at the end of the file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 66_000))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 22:
        return 0
    large = tail.rfind(b"PK\x06\x06", 0, place)
    if large >= 0 and len(tail) >= large + 48:
        return int(struct.unpack("<Q", tail[large + 40 : large + 48])[0])
    return int(struct.unpack("<L", tail[place + 12 : place + 16])[0])
