"""Files are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from quickstudy.errors import ArtefactError

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Writes ``content`` beside ``path``, then puts it in its place in one step; an old file survives any failure.

    Raises:
        ArtefactError: the disk is full or the folder may not be written to.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", b"whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(made)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise ArtefactError(
            f"{path} could not be written: {error.strerror or error}. What stood there before is unharmed. "
            "Free some space or choose another folder."
        ) from error
