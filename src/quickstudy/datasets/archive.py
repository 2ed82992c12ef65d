"""A folder or a ZIP, whichever it is: the names of files within, and a function that reads one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from quickstudy.datasets.zip_file import open_zip
from quickstudy.errors import DataError

__all__ = ["opened"]


@contextmanager
def opened(path: Path, what: str) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Names of files within, sorted, and a function that reads one.

    Args:
        path: of the folder or the ZIP.
        what: should be in it, for messages.

    Raises:
        DataError: there is neither, or a ZIP that cannot be read.
    """
    if path.is_dir():
        inside = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        yield inside, lambda name: (path / name).read_bytes()
    elif path.is_file():
        with open_zip(path) as (names, read):
            yield [name for name in names if not PurePosixPath(name).is_absolute()], read
    else:
        raise DataError(f"{path} is no folder and no ZIP file here. Give a folder or a ZIP of {what}.")
