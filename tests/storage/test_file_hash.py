"""A file's hash is remembered by path, size and time, and never outlives a change of these."""

import hashlib
import os
from pathlib import Path

import pytest

from quickstudy.storage import file_hash
from quickstudy.storage.file_hash import sha256_of


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hash, "_met", {})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_changed_file_has_another_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept = tmp_path / "weights", tmp_path / "cache" / "hashes.json"
    path.write_bytes(b"one")
    assert sha256_of(path, kept) == digest(b"one")
    path.write_bytes(b"longer")
    assert sha256_of(path, kept) == digest(b"longer")
    path.write_bytes(b"LONGER")
    os.utime(path, ns=(1, 1))
    assert sha256_of(path, kept) == digest(b"LONGER")
    monkeypatch.setattr(file_hash, "_met", {})
    monkeypatch.setattr(file_hash.hashlib, "file_digest", None)  # another process reads what is kept
    assert sha256_of(path, kept) == digest(b"LONGER")


@pytest.mark.parametrize("content", ["", "[1]", "{not json", '{"a": 3}'])
def test_a_damaged_memory_is_none(tmp_path: Path, content: str) -> None:
    path, kept = tmp_path / "weights", tmp_path / "hashes.json"
    path.write_bytes(b"one")
    kept.write_text(content)
    assert sha256_of(path, kept) == digest(b"one")


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one")
    assert sha256_of(tmp_path / "file", tmp_path / "file" / "hashes.json") == digest(b"one")
