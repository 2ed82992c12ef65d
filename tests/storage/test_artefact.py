"""The file format: the same bytes in any process, and nothing believed that does not fit."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from hostile import peak_memory
from hostile.forge import forged, header_of, written
from quickstudy.errors import ArtefactError
from quickstudy.storage.artefact import pack, read, unpack, write
from quickstudy.storage.blueprint import blueprint, build

SAVED = """
import hashlib, pathlib, sys, torch
from quickstudy import learners, nn, save
torch.manual_seed(0)
save(learners.ProtoNet(nn.Conv4(hidden=4)), sys.argv[1])
print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest())
"""


def test_the_same_learner_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    from quickstudy import learners, nn, save

    torch.manual_seed(0)
    learner = learners.ProtoNet(nn.Conv4(hidden=4))
    save(learner, tmp_path / "a")
    save(learner, tmp_path / "b")
    here = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "ab"}
    call = [sys.executable, "-c", SAVED, str(tmp_path / "c")]
    assert {subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()} == here


def test_the_independent_reading_of_the_format_agrees(tmp_path: Path) -> None:
    """Header and checksum as the tests' own few lines compute them."""
    tensors = [torch.arange(6.0).view(2, 3), torch.tensor([True, False]), torch.zeros(0, 4), torch.tensor(2, dtype=torch.int64)]
    write(tmp_path / "a", "thing", {"ä": 1}, tensors)
    header = header_of((tmp_path / "a").read_bytes())
    (tmp_path / "b").write_bytes(written(header, tensors))
    for name in "ab":
        found = read(tmp_path / name, ("thing",))
        assert found.description == {"ä": 1} and all(torch.equal(a, b) for a, b in zip(found.tensors, tensors, strict=True))


@pytest.mark.slow
def test_more_tensors_than_five_digits_keep_their_order(tmp_path: Path) -> None:
    write(tmp_path / "many", "thing", {}, {"x": [torch.tensor(float(n)) for n in range(100_002)]})
    found = read(tmp_path / "many", ("thing",)).tensors
    assert [float(found[n]) for n in (99_999, 100_000, 100_001)] == [99_999.0, 100_000.0, 100_001.0]


def _raw(header: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if size is None else size) + header


HEADERS: dict[str, bytes] = {
    "nothing": b"",
    "giant length": _raw(b"{}", 2**62),
    "depth": _raw(b'{"a":' * 10**6),
    "lists": _raw(b"[" + b"[]," * 3_000_000 + b"[]]"),
    "no dictionary": _raw(b"[1, 2]"),
    "gap": _raw(b'{"00000":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"__metadata__":{"quickstudy":"{}","checksum":""}}')
    + b"ab",
    "negative": _raw(b'{"00000":{"dtype":"U8","shape":[-1],"data_offsets":[0,-1]},"__metadata__":{}}'),
    "giant tensor": _raw(b'{"00000":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]},"__metadata__":{}}'),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_lie_are_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(HEADERS[name])
    peak_memory.forget()
    before = peak_memory.kilobytes()
    with pytest.raises(ArtefactError, match="not a whole file of quickstudy"):
        read(tmp_path / "file", ("learner",))
    assert peak_memory.kilobytes() - before < 300_000


def test_a_terabyte_of_nothing_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ArtefactError, match="not a whole file"):
        read(tmp_path / "file", ("learner",))


SKELETONS: list[Any] = [
    {"tensor": 1},
    {"tensor": -2},
    {"tensor": "0"},
    {"dict": 5},
    {"dict": [[[], 1]]},
    {"dict": [[1]]},
    {"record": "Thing", "items": []},
    {"set": [1]},
    {},
    {"list": 1},
]


@pytest.mark.parametrize("skeleton", SKELETONS, ids=map(json.dumps, SKELETONS))
def test_skeletons_that_do_not_fit_are_refused(skeleton: Any) -> None:
    with pytest.raises(ArtefactError):
        unpack(skeleton, [torch.zeros(1)])


def test_empty_lists_and_tuples_come_back_as_they_were() -> None:
    tree = {"a": [], "b": (), "c": [(), [torch.ones(1)]], "d": {}}
    assert unpack(*pack(tree)) == tree


def test_kinds_and_newer_formats_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a", "thing", {}, {})
    with pytest.raises(ArtefactError, match="holds a thing, but a learner is needed here"):
        read(tmp_path / "a", ("learner",))
    for form in (0, -1, True, "2", None, 1.5):
        forged(tmp_path / "a", format=form)
        with pytest.raises(ArtefactError, match="not a whole file"):
            read(tmp_path / "a", ("thing",))


class Namesake:
    """What a file must not be able to call."""

    made = 0

    def __init__(self) -> None:
        Namesake.made += 1


PLANS: list[tuple[Any, str]] = [
    ({"function": "system"}, "names the function 'system'.*load\\(path, like=learner\\)"),
    ({"function": "Namesake"}, "names the function 'Namesake'"),
    ({"class": "Popen", "arguments": {}}, "names the class 'Popen'.*load\\(path, like=learner\\)"),
    ({"class": "cosine", "arguments": {}}, "names the class 'cosine'"),
    ({"class": "Namesake", "arguments": {}, "of": "mine"}, "from the class Namesake of your own \\(in mine\\).*like=learner"),
    ({"class": "Namesake", "arguments": {"x": 1}}, "call of Namesake does not fit"),
    ({"a": 1}, "cannot be read at"),
    ({"class": "Namesake"}, "cannot be read at"),
]


@pytest.mark.parametrize(("plan", "reason"), PLANS, ids=[reason for _, reason in PLANS])
@pytest.mark.parametrize("nested", [False, True])
def test_blueprints_that_name_the_unknown_are_refused(plan: Any, reason: str, nested: bool) -> None:
    known = {"Namesake": Namesake, "cosine": lambda: None}
    with pytest.raises(ArtefactError, match=reason):
        build({"mapping": {"a": [plan]}} if nested else plan, known)
    assert Namesake.made == 0


def test_a_mapping_is_told_from_a_call() -> None:
    """Whatever its keys are."""
    value = {"function": "x", "class": "y", "arguments": {"opaque": 1}, "mapping": {}}
    assert build(blueprint(value), {}) == value
