"""Downloads: once, checked, whole or not at all; and a cache that mends itself."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from quickstudy.datasets.fetch import cache_folder, cached_arrays, data_file, fetch
from quickstudy.errors import DataError

CONTENT = b"some archive" * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT) + (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server on this machine."""
    Handler.asked = []
    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_a_file_is_downloaded_once(server: str, cache: Path) -> None:
    path = fetch(f"{server}/a.zip", MD5, "set/a.zip")
    assert path.read_bytes() == CONTENT and cache in path.parents
    assert fetch(f"{server}/a.zip", MD5, "set/a.zip") == path
    assert Handler.asked == ["/a.zip"] and kept(cache) == [path]


def test_a_damaged_copy_is_downloaded_again(server: str) -> None:
    path = fetch(f"{server}/a.zip", MD5, "a.zip")
    path.write_bytes(CONTENT[:100])
    assert fetch(f"{server}/a.zip", MD5, "a.zip").read_bytes() == CONTENT
    assert len(Handler.asked) == 2


def test_another_file_than_expected_is_not_kept(server: str, cache: Path) -> None:
    with pytest.raises(DataError, match=f"a file of checksum {MD5}, not 00.*Try again later"):
        fetch(f"{server}/a.zip", "00", "a.zip")
    assert kept(cache) == []


@pytest.mark.parametrize("page", ["missing", "cut"])
def test_a_failed_download_leaves_nothing(server: str, cache: Path, page: str) -> None:
    with pytest.raises(DataError, match=r"could not be downloaded.*FOLDER/set/a\.zip and set QUICKSTUDY_DATA=FOLDER"):
        fetch(f"{server}/{page}", MD5, "set/a.zip")
    assert kept(cache) == []


def test_without_a_connection_the_remedy_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="Connect to the internet, or download it elsewhere.*QUICKSTUDY_DATA"):
        fetch(f"http://127.0.0.1:{port}/a.zip", MD5, "a.zip")


def test_the_folders_are_named_by_the_environment(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.delenv("QUICKSTUDY_CACHE")
    assert cache_folder().name == "quickstudy"
    monkeypatch.delenv("QUICKSTUDY_DATA", raising=False)
    assert data_file("omniglot/a.zip") is None
    monkeypatch.setenv("QUICKSTUDY_DATA", str(tmp_path))
    assert data_file("omniglot/a.zip") is None
    (tmp_path / "omniglot").mkdir()
    (tmp_path / "omniglot" / "a.zip").touch()
    assert data_file("omniglot/a.zip") == tmp_path / "omniglot" / "a.zip"


class Builder:
    """Builds two arrays and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, np.ndarray]:
        self.calls += 1
        return {"x": np.arange(10_000), "names": np.array(["ab", "c"])}


def test_arrays_are_built_once(cache: Path) -> None:
    build = Builder()
    for _ in range(3):
        found = cached_arrays("thing", build)
        assert found["x"].sum() == 49_995_000 and found["names"].tolist() == ["ab", "c"]
    assert build.calls == 1 and [file.name for file in kept(cache)] == ["thing.npz"]


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "foreign", "pickle"])
def test_a_damaged_cache_is_built_again(cache: Path, damage: str) -> None:
    build = Builder()
    cached_arrays("thing", build)
    file = cache / "thing.npz"
    whole = file.read_bytes()
    if damage == "pickle":
        np.savez(file, x=np.array([{}], dtype=object), names=np.array(["a"]))  # type: ignore[arg-type]
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        file.write_bytes({"empty": b"", "cut": whole[:-500], "flipped": flipped, "foreign": b"other"}[damage])
    assert cached_arrays("thing", build)["x"].sum() == 49_995_000
    assert build.calls == 2
    cached_arrays("thing", build)
    assert build.calls == 2, "the file was mended"


def test_without_a_cache_nothing_is_lost(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    build = Builder()
    assert cached_arrays("thing", build)["x"].sum() == 49_995_000
    assert cache.read_text() == "a file where the folder should be"
