"""Files are written whole or not at all; links are never followed in writing, and pipes and devices never opened as files."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from quickstudy.errors import ArtefactError
from quickstudy.storage.plain_json import parsed

__all__ = ["appending", "locked", "open_whole", "read_json", "read_whole", "swept", "write_whole"]

_PART = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)
_LONGEST_NAME = 100
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def write_whole(path: Path, content: bytes) -> None:
    """Writes ``content`` beside ``path``, then puts it in its place in one step; an old file survives any failure.

    Where ``path`` is a link, the link is replaced and the file that it names is left alone. What an earlier call, killed while
    it wrote this file, has left behind is removed.

    Raises:
        ArtefactError: the disk is full, the folder may not be written to, or a folder, pipe or device stands there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", b"whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(path)
        _sweep(path.parent, path.name[:_LONGEST_NAME])
        temporary, handle = _part(path)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                temporary.chmod(mode)
            temporary.replace(path)
            temporary = None
    except OSError as error:
        raise ArtefactError(
            f"{path} could not be written: {error.strerror or error}. The file that was there before is unchanged. "
            "Free some space or choose another folder."
        ) from error
    finally:  # Ctrl-C too leaves nothing behind
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _mode(path: Path) -> int | None:
    """Permissions of the file that is to be replaced; none where there is none."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found):
        return None
    if not stat.S_ISREG(found):
        raise ArtefactError(f"{path} is {_kind(found)}, which is not overwritten. Choose another path.")
    return stat.S_IMODE(found)


def _part(path: Path) -> tuple[Path, int]:
    """A new file beside ``path`` with a lock on it, by which a sweep knows that its process lives."""
    while True:
        made = path.with_name(f".{path.name[:_LONGEST_NAME]}.{secrets.token_hex(4)}.part")
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # a sweep has taken it before it was locked
            os.close(handle)
            continue
        except OSError:  # a file system without locks, where no sweep can take it
            return made, handle
        if os.fstat(handle).st_nlink:
            return made, handle
        os.close(handle)


def swept(folder: Path) -> list[str]:
    """Removes temporary files that interrupted writes have left in ``folder``; returns the names of their targets.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / ".a.txt.0123abcd.part").touch()
    ...     swept(Path(folder)), list(Path(folder).iterdir())
    (['a.txt'], [])
    """
    return _sweep(folder, None)


def _sweep(folder: Path, name: str | None) -> list[str]:
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PART.fullmatch(entry.name)
            if match is None or (name is not None and match[1] != name):
                continue
            with suppress(OSError, ArtefactError), locked(Path(entry.path), wait=False, make=False) as dead:
                if dead:
                    Path(entry.path).unlink()
                    found.append(match[1])
    return found


@contextmanager
def locked(path: Path, *, wait: bool = True, make: bool = True) -> Iterator[bool]:
    """Holds the lock of a file, which is neither written nor followed if it is a link.

    Args:
        path: of the lock.
        wait: for another process that holds it; else False is yielded at once.
        make: the file, if it is not there.

    Raises:
        ArtefactError: it is a link, a folder, a pipe or a device, or may not be opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder) / ".lock") as mine:
    ...     with locked(Path(folder) / ".lock", wait=False) as other:
    ...         mine, other
    (True, False)
    """
    handle = _opened(path, os.O_RDWR | (os.O_CREAT if make else 0) | _NO_LINKS)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            mine = True
        except BlockingIOError:
            mine = False
        yield mine
    finally:
        os.close(handle)


@contextmanager
def appending(path: Path) -> Iterator[IO[str]]:
    """A text file opened to add lines to, each handed over as soon as it is whole; made if it is not there.

    Raises:
        ArtefactError: it is a link, a folder, a pipe or a device, or may not be written.
    """
    handle = _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINKS)
    file = os.fdopen(handle, "a", buffering=1, encoding="utf-8")
    try:
        yield file
    finally:
        with suppress(OSError):  # a rest of a line that a full disk did not take, as was reported when it was written
            file.close()


def open_whole(path: Path) -> IO[bytes]:
    """A file opened to be read; links are followed.

    Raises:
        ArtefactError: it is missing, a folder, a pipe or a device, or may not be read.
    """
    handle = _opened(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    return os.fdopen(handle, "rb")


def read_whole(path: Path, most: int = 2**31) -> bytes:
    """The bytes of a file of at most ``most`` bytes.

    Raises:
        ArtefactError: it is missing, no file, too large, or cannot be read.
    """
    try:
        with open_whole(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise ArtefactError(
                    f"{path} has {size:,} bytes, more than the {most:,} that such a file may have. Check the path."
                )
            return file.read()
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}. Check the path.") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ArtefactError: it cannot be read.
        ValueError: it is no JSON, too large or too deep, see `parsed`.
    """
    return parsed(read_whole(path, most=2**25))


def _opened(path: Path, flags: int) -> int:
    try:
        handle = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise ArtefactError(f"{path} is a link, and nothing is written through links. Remove the link.") from error
        doing = "read" if not flags & (os.O_WRONLY | os.O_RDWR) else "written"
        raise ArtefactError(f"{path} cannot be {doing}: {error.strerror}. Check the path.") from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise ArtefactError(f"{path} is {_kind(mode)}, no file. Check the path.")
    return handle


def _kind(mode: Any) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((word for test, word in kinds.items() if test(mode)), "a device")
