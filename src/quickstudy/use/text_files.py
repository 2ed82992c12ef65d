"""Text files of a user: one text a file, of UTF-8."""

from pathlib import Path

from quickstudy.datasets.system_files import passed_over
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import regular_file

__all__ = ["entries", "is_text", "text_of"]

_LARGEST = 2**26


def entries(folder: Path) -> list[Path]:
    """The content of a folder, sorted, without hidden files and those that systems leave behind.

    Raises:
        DataError: it cannot be read.
    """
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}). Check the path and its permissions.") from error
    return [entry for entry in found if not passed_over(entry.name)]


def is_text(path: Path) -> bool:
    """Whether a file's name says that it is a text."""
    return path.suffix.lower() in (".txt", ".text", ".md")


def text_of(path: Path) -> str:
    """The text in a file.

    Raises:
        DataError: it is not there, is no file, is larger than 64 MiB, is not UTF-8, or is empty.
    """
    with regular_file(path) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise DataError(f"{path} holds more than {_LARGEST:,} bytes, which is no text to be named. Split it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeError as error:
        raise DataError(f"{path} is no text in UTF-8 ({error}). Save it as UTF-8.") from error
    if not text.strip():
        raise DataError(f"{path} is empty. Write a text into it, or leave it out.")
    return text
