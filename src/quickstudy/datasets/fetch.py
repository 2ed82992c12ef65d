"""The location of data: the folder named by QUICKSTUDY_DATA, else the user's cache, filled by checked downloads."""

import contextlib
import hashlib
import http.client
import io
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs

from quickstudy.errors import ArtefactError, DataError
from quickstudy.storage.files import write_whole

__all__ = ["cache_folder", "cached_arrays", "data_file", "fetch"]


def cache_folder() -> Path:
    """The folder for what is downloaded or built once: QUICKSTUDY_CACHE, else the platform's own."""
    named = os.environ.get("QUICKSTUDY_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("quickstudy"))


def data_file(relative: str) -> Path | None:
    """A file below the folder that QUICKSTUDY_DATA names, if it is there."""
    named = os.environ.get("QUICKSTUDY_DATA")
    found = Path(named) / relative if named else None
    return found if found is not None and found.exists() else None


def fetch(url: str, md5: str, relative: str) -> Path:
    """Downloads a file once into the cache and checks its sum; a wrong file is never kept.

    Raises:
        DataError: no connection, or another file than expected.
    """
    path = cache_folder() / "downloads" / relative
    if path.exists() and hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == md5:
        return path
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{url} could not be downloaded ({error}). Connect to the internet, or download it elsewhere, put it at "
            f"FOLDER/{relative} and set QUICKSTUDY_DATA=FOLDER."
        ) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise DataError(
            f"{url} gave a file of checksum {found}, not {md5}: it was changed or damaged on the way. Try again later."
        )
    write_whole(path, content)
    return path


def cached_arrays(name: str, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays built once and kept in the cache; a damaged file is built again, and without a cache nothing is lost.

    The file is NumPy's own format, read with pickle switched off.
    """
    path = cache_folder() / f"{name}.npz"
    if path.exists():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                return {key: kept[key] for key in kept.files}
        except Exception:  # whatever a damaged zip raises, the remedy is the same
            pass
    arrays = build()
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    with contextlib.suppress(ArtefactError):  # a cache that cannot be written only costs the time to build again
        write_whole(path, content.getvalue())
    return arrays
