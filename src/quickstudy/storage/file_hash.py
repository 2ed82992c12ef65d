"""The SHA-256 of a large file, computed once for each path, size and time of change."""

import contextlib
import hashlib
import json
from pathlib import Path

from quickstudy.errors import ArtefactError
from quickstudy.storage.files import read_json, write_whole

__all__ = ["sha256_of"]

_met: dict[str, str] = {}


def sha256_of(path: Path, kept: Path | None = None) -> str:
    """The hash of a file's content, in hexadecimal digits.

    Args:
        path: of the file.
        kept: a JSON file that remembers hashes by path, size and time from process to process; it may be missing or damaged.

    Raises:
        OSError: the file cannot be read.

    >>> sha256_of(Path(__file__)) == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    True
    """
    facts = path.stat()
    key = f"{path.resolve()}:{facts.st_size}:{facts.st_mtime_ns}"
    if key in _met:
        return _met[key]
    known = _read(kept)
    if key not in known:
        with path.open("rb") as file:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        if kept is not None:
            with contextlib.suppress(ArtefactError, OSError):  # a cache that cannot be written only costs the time to hash again
                write_whole(kept, json.dumps(known, indent=1).encode())
    _met[key] = known[key]
    return known[key]


def _read(kept: Path | None) -> dict[str, str]:
    with contextlib.suppress(ArtefactError, OSError, ValueError):
        found = read_json(kept) if kept is not None else {}
        if isinstance(found, dict):
            return {str(key): value for key, value in found.items() if isinstance(value, str) and len(value) == 64}
    return {}
