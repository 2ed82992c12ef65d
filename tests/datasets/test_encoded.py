"""Feature caches: what a head is told from them is what the encoder says, and no cache is believed that is not whole."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import cache_key, encoded, unencoded
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.store import pieces_of, write_store
from quickstudy.errors import ArtefactError, DataError, LearnerError, ShapeError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.maml import MAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.mlp import MLP
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

LABELS = torch.arange(40) % 4
NAMES = ("a", "b", "c", "d")


@pytest.fixture
def index() -> ClassIndex:
    return ClassIndex(torch.randn(40, 6, generator=torch.Generator().manual_seed(1)), LABELS, NAMES, name="flowers/test")


class Counting(nn.Module):
    """An encoder that counts the rows it sees."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.rows = encoder, 0

    def forward(self, x: Tensor) -> Any:
        self.rows += len(x)
        return self.encoder(x)


def cache(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if path.is_dir())
    return found


def test_accuracy_on_features_is_accuracy_through_the_encoder(tmp_path: Path) -> None:
    images = glyphs().test.select(range(20))
    encoder = Conv4(hidden=16, strided=True)
    features = encoded(images, encoder, folder=tmp_path)
    plain, fast = FewShot(images, 5, 1, 4), FewShot(features, 5, 1, 4)
    assert plain.plan(40, generator_of(3)).digest() == fast.plan(40, generator_of(3)).digest()
    slow, quick = evaluate(ProtoNet(encoder), plain, tasks=40, seed=3), evaluate(ProtoNet(nn.Identity()), fast, tasks=40, seed=3)
    assert slow.scores == quick.scores and 0.2 < quick.mean < 1
    assert "features of Conv4" in quick.source and features.classes == images.classes
    assert features.groups is images.groups, "support and query still never share a font style"


def test_maml_on_features_is_anil_of_the_frozen_encoder(tmp_path: Path) -> None:
    images = glyphs().test.select(range(12))
    encoder = Conv4(hidden=16, strided=True)
    features = encoded(images, encoder, folder=tmp_path)
    torch.manual_seed(4)
    head = nn.Linear(encoder.features, 3)
    flat = MAML(nn.Sequential(nn.Flatten(), head), inner_lr=0.01, inner_steps=3)
    deep = ANIL(Frozen(encoder), nn.Sequential(nn.Flatten(), head), inner_lr=0.01, inner_steps=3)
    ours, theirs = [], []
    for learner, source, losses in ((flat, features, ours), (deep, images, theirs)):
        optimizer = torch.optim.SGD([p for p in learner.parameters() if p.requires_grad], 0.01)
        tasks = FewShot(source, 3, 1, 4)
        losses += [record.loss for record in train(learner, tasks, steps=3, batch=2, optimizer=optimizer)]
    assert ours == pytest.approx(theirs, rel=1e-4) and len(set(ours)) == 3


def test_each_row_is_encoded_once_and_read_afterwards(index: ClassIndex, tmp_path: Path) -> None:
    encoder = Counting(nn.Sequential(nn.Linear(6, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))).train()
    encoder.encoder[0].eval()  # type: ignore[index]
    modes = [part.training for part in encoder.modules()]
    random, done = torch.get_rng_state(), []
    first = encoded(index, encoder, folder=tmp_path, batch=16, progress=lambda *at: done.append(at))
    assert done == [(16, 40), (32, 40), (40, 40)]
    probes = encoder.rows - 40
    second = encoded(index, encoder, folder=tmp_path)
    assert encoder.rows == 40 + 2 * probes and probes <= 20, "only a few rows are looked at again"
    assert [part.training for part in encoder.modules()] == modes and torch.equal(torch.get_rng_state(), random)
    expected = encoder.eval()(index.x)
    for found in (first, second):
        assert torch.allclose(found.gather(torch.arange(40)), expected, atol=1e-6)
        assert not found.gather(torch.tensor([1])).requires_grad


def test_other_weights_statistics_data_and_numbers_have_other_caches(index: ClassIndex, tmp_path: Path) -> None:
    encoder = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3))
    keys = {cache_key(index, encoder), cache_key(index, encoder, torch.float16)}
    assert len(keys) == 2 and cache_key(index, encoder) in keys, "and the same has the same"
    with torch.no_grad():
        encoder[0].weight[0, 0] += 1e-6
    keys.add(cache_key(index, encoder))
    encoder[1].running_mean += 1e-6  # type: ignore[operator]
    keys.add(cache_key(index, encoder))
    keys.add(cache_key(index.select([0, 1]), encoder))
    keys.add(cache_key(index, nn.Sequential(encoder, nn.ReLU())))
    assert len(keys) == 6
    first, second = encoded(index, encoder, folder=tmp_path), encoded(index, nn.Linear(6, 3), folder=tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2
    assert not torch.equal(first.gather(torch.arange(40)), second.gather(torch.arange(40)))


def test_rows_on_disk_and_half_precision(index: ClassIndex, tmp_path: Path) -> None:
    stored = write_store(tmp_path / "store", pieces_of(index, 7), NAMES, name=index.name)
    encoder = nn.Linear(6, 3)
    assert cache_key(stored, encoder) == cache_key(index, encoder)
    small = encoded(stored, encoder, folder=tmp_path / "caches", dtype=torch.float16)
    assert (cache(tmp_path / "caches") / "rows.bin").stat().st_size == 40 * 3 * 2
    found = small.gather(torch.arange(40))
    assert found.dtype == torch.float32 and torch.allclose(found, encoder(index.x), atol=2e-3)


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "garbage", "no rows", "half"])
def test_a_damaged_bank_is_made_anew(index: ClassIndex, tmp_path: Path, damage: str) -> None:
    encoder = Counting(nn.Linear(6, 3))
    good = encoded(index, encoder, folder=tmp_path, batch=8).gather(torch.arange(40))
    seen, place = encoder.rows, cache(tmp_path)
    rows = place / "rows.bin"
    content = bytearray(rows.read_bytes())
    if damage == "flip":
        content[-1] ^= 1
    rows.write_bytes(content + b"abc" if damage == "grow" else content[:100] if damage == "cut" else content)
    if damage == "no rows":
        rows.unlink()
    if damage == "half":
        found = json.loads((place / "cache.json").read_text())
        (place / "cache.json").write_text(json.dumps({**found, "pieces": found["pieces"][:2]}))
    if damage == "garbage":
        (place / "cache.json").write_text("{")
    again = encoded(index, encoder, folder=tmp_path, batch=8)
    assert torch.equal(again.gather(torch.arange(40)), good) and rows.read_bytes() == bytes(good.numpy().tobytes())
    anew = encoder.rows - seen - 18
    assert anew == {"flip": 8, "cut": 32, "grow": 0, "garbage": 40, "no rows": 40, "half": 24}[damage], "whole pieces are kept"
    assert sorted(path.name for path in place.iterdir()) == ["cache.json", "rows.bin"]


def test_an_encoder_whose_code_changed_is_found_out(index: ClassIndex, tmp_path: Path) -> None:
    class Scaled(nn.Module):
        factor = 1.0

        def forward(self, x: Tensor) -> Tensor:
            return self.factor * x

    encoder = Scaled()
    before = cache_key(index, encoder)
    encoded(index, encoder, folder=tmp_path)
    Scaled.factor = 2.0
    assert cache_key(index, encoder) == before
    assert torch.equal(encoded(index, encoder, folder=tmp_path).gather(torch.arange(40)), 2 * index.x)  # type: ignore[operator]


SCRIPT = """
import sys, time, torch
from torch import nn
from quickstudy.datasets import ClassIndex, encoded
torch.manual_seed(0)
index = ClassIndex(torch.randn(4000, 6), torch.arange(4000) % 4, ("a", "b", "c", "d"))
def slowly(done, count):
    print(done, flush=True)
    time.sleep(0.02)
encoded(index, nn.Linear(6, 3), folder=sys.argv[1], batch=40, progress=slowly)
"""


def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    def start(folder: str) -> subprocess.Popen[str]:
        call = [sys.executable, "-c", SCRIPT, str(tmp_path / folder)]
        return subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

    process = start("killed")
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 1200:
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait()
    place = cache(tmp_path / "killed")
    assert not (place / "cache.json").exists()
    again = start("killed").communicate()[0].splitlines()
    assert int(again[0]) > 1200 and len(again) <= 70
    torch.manual_seed(0)
    rows = torch.randn(4000, 6)
    whole = nn.Linear(6, 3)(rows).detach()
    kept = torch.frombuffer(bytearray((place / "rows.bin").read_bytes()), dtype=torch.float32).view(4000, 3)
    assert torch.allclose(kept, whole, atol=1e-6) and json.loads((place / "cache.json").read_text())["shape"] == [3]


class Always(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, training=True)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> Any:
        return x, x


class Summed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(1)


class Total(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(0, keepdim=True).expand(2, -1)


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Faulty(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - FAULT).log().nan_to_num(1.0) * 0 + torch.where((x == FAULT).all(1, keepdim=True), torch.nan, 1.0)


FAULT = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))[13]
WRONG = [
    (Always(), LearnerError, "Always gives different features at each call.*Is a dropout always on"),
    (nn.BatchNorm1d(6, track_running_stats=False), LearnerError, "depend on the other rows.*track_running_stats=True"),
    (Centred(), LearnerError, "depend on the other rows"),
    (Pair(), ShapeError, "Pair gives a tuple. A feature cache needs one tensor"),
    (Summed(), ShapeError, r"Summed gives float32 of shape \(8,\) for 8 rows"),
    (Total(), ShapeError, r"Total gives float32 of shape \(2, 6\) for 8 rows"),
    (Faulty(), DataError, 'NaN or infinite features of 1 rows of flowers/test, the first is row 13 of class "b"'),
]


@pytest.mark.parametrize(("encoder", "kind", "reason"), WRONG, ids=[type(encoder).__name__ for encoder, _, _ in WRONG])
def test_an_encoder_that_will_not_do_is_refused(
    index: ClassIndex, tmp_path: Path, encoder: nn.Module, kind: type[Exception], reason: str
) -> None:
    encoder.train()
    with pytest.raises(kind, match=reason):
        encoded(index, encoder, folder=tmp_path)
    assert not list(tmp_path.glob("*/cache.json")) and all(part.training for part in encoder.modules())


def test_wrong_calls_and_places(index: ClassIndex, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a feature cache holds torch\.float32 or torch\.float16"):
        encoded(index, nn.Identity(), folder=tmp_path, dtype=torch.float64)
    with pytest.raises(DataError, match="batch=0"):
        encoded(index, nn.Identity(), folder=tmp_path, batch=0)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written to"):
        encoded(index, nn.Identity(), folder=tmp_path / "file")
    large = ClassIndex(1e5 * torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    with pytest.raises(DataError, match=r"float16 holds up to 65,504: take dtype=torch\.float32"):
        encoded(large, nn.Identity(), folder=tmp_path, dtype=torch.float16)


def test_the_cache_is_the_place_if_none_is_named(index: ClassIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path))
    encoded(index, nn.Linear(6, 2))
    assert cache(tmp_path / "features").name.startswith("flowers-test-")


def test_a_frozen_backbone_stays_as_it_is_while_its_head_is_trained(index: ClassIndex) -> None:
    backbone = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    learner = ANIL(Frozen(backbone), MLP(8, (), outputs=3), inner_lr=0.1, inner_steps=2)
    head = [p.clone() for p in learner.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
    assert len(list(train(learner, FewShot(index, 3, 1, 2), steps=3, batch=2, optimizer=optimizer))) == 3
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not any(torch.equal(a, b) for a, b in zip(head, [p for p in learner.parameters() if p.requires_grad], strict=True))


def test_links_in_a_cache_are_replaced_and_what_they_name_is_left_alone(index: ClassIndex, tmp_path: Path) -> None:
    encoder = nn.Linear(6, 3)
    (tmp_path / "thesis").write_text("three years")
    home = tmp_path / "features"
    cache = home / f"flowers-test-{cache_key(index, encoder)}"
    cache.mkdir(parents=True)
    for name in ("rows.bin", "pieces.jsonl"):
        (cache / name).symlink_to(tmp_path / "thesis")
    found = encoded(index, encoder, folder=home)
    assert (tmp_path / "thesis").read_text() == "three years"
    torch.testing.assert_close(found.gather(torch.arange(40)), encoder(index.x).detach())
    (home / f".{cache.name}.lock").unlink()
    (home / f".{cache.name}.lock").symlink_to(tmp_path / "thesis")
    with pytest.raises(ArtefactError, match="is a link"):
        encoded(index, encoder, folder=home)
    assert (tmp_path / "thesis").read_text() == "three years"


def test_rows_before_the_encoder_are_found_again(tmp_path: Path) -> None:
    """Also of some classes, so that one plan of tasks fits both."""
    index = ClassIndex(torch.eye(6), torch.tensor([0, 0, 1, 1, 2, 2]), ("a", "b", "c"))
    features = encoded(index, nn.Linear(6, 2), folder=tmp_path)
    assert torch.equal(unencoded(features).gather(torch.arange(6)), torch.eye(6))
    some = features.select(["c", "a"])
    assert torch.equal(unencoded(some).gather(torch.arange(4)), torch.eye(6)[[0, 1, 4, 5]])
    assert unencoded(some).labels.tolist() == some.labels.tolist() == [1, 1, 0, 0]
    with pytest.raises(DataError, match="holds no features of datasets.encoded"):
        unencoded(index)
