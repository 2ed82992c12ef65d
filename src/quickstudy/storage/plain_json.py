"""JSON that others may have written: read within bounds of size and depth, so that no file can exhaust memory or the stack."""

import json
from typing import Any

__all__ = ["parsed"]

_MOST_BYTES, _MOST_ENTRIES, _MOST_DEPTH = 32_000_000, 1_500_000, 100
_LARGEST = 2**64


def parsed(text: bytes | str, *, most_bytes: int = _MOST_BYTES) -> Any:
    """The content of a JSON text.

    Args:
        text: of at most 1.5 million entries and a nesting of 100.
        most_bytes: of the text.

    Raises:
        ValueError: it is no JSON, or beyond those bounds, or holds an integer of more than 64 bits or half a character.

    >>> parsed('{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    >>> parsed("[" * 100_000)
    Traceback (most recent call last):
    ValueError: it is nested more than 100 deep
    """
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    entries = raw.count(b"[") + raw.count(b"{") + raw.count(b",")
    if len(text) > most_bytes or entries > _MOST_ENTRIES:
        raise ValueError(f"it has {len(text):,} bytes and {entries:,} entries, more than {most_bytes:,} or {_MOST_ENTRIES:,}")
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {_MOST_DEPTH} deep") from None
    _check(found)
    return found


def _check(found: Any) -> None:
    """Goes through all values, level by level."""
    level = [found]
    for _ in range(_MOST_DEPTH + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, list):
                below += value
            elif isinstance(value, dict):
                below += value
                below += value.values()
            elif isinstance(value, str):
                if not value.isascii():
                    value.encode()  # half a surrogate pair could not be printed; UnicodeEncodeError is a ValueError
            elif isinstance(value, int) and not -_LARGEST < value < _LARGEST:
                raise ValueError("it holds an integer of more than 64 bits")
        if not below:
            return
        level = below
    raise ValueError(f"it is nested more than {_MOST_DEPTH} deep")
