"""``adapt`` and ``predict`` with a learner of sentences: marked sentences in, mentions out."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy.inputs import Sentences
from quickstudy.learners import MatchingNet, OnWords
from quickstudy.metrics import Temperature
from quickstudy.nn import Frozen, UnitLength, WordStates
from quickstudy.saving.checkpoint import load, save
from quickstudy.task import Examples
from quickstudy.use.marking import marked
from quickstudy.use.queries import Query

CONLL = "play O\nMiles B-artist\nDavis I-artist\n\nplay O\nsome O\njazz B-genre\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.manual_seed(0)
    learner = OnWords(Frozen(WordStates(30522, 8, heads=2)), MatchingNet(UnitLength(), scale=200.0))
    learner.reads = Sentences(32)
    save(learner, tmp_path / "learner.safetensors")
    (tmp_path / "mine.conll").write_text(CONLL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_marked_sentences_are_adapted_to_and_others_are_marked(call: Any, folder: Path) -> None:
    status, out, errors = call("adapt", "learner.safetensors", "mine.conll", "-o", "mine.safetensors")
    assert status == 0 and "adapted to 6 words of sentences of 3 classes" in out, errors
    (folder / "new.txt").write_text("play Miles Davis\n\nplay some jazz\n", encoding="utf-8")
    status, out, errors = call("predict", "mine.safetensors", "new.txt", "--json")
    assert status == 0, errors
    found = json.loads(out)
    assert [each["spans"] for each in found] == [[[1, 3, "artist"]], [[2, 3, "genre"]]]
    assert found[1]["tokens"] == ["play", "some", "jazz"] and found[0]["input"] == "new.txt line 1"
    status, out, errors = call("predict", "mine.safetensors", "--text", "play Miles Davis", "-o", "marked.jsonl")
    assert status == 0 and "Miles Davis (artist" in out, errors
    assert json.loads((folder / "marked.jsonl").read_text(encoding="utf-8"))["spans"] == [[1, 3, "artist"]]
    status, out, errors = call("adapt", "learner.safetensors", "marked.jsonl", "-o", "again.safetensors")
    assert status == 0 and "2 classes" in out, errors  # what predict writes is what adapt reads


def test_a_sentence_that_is_too_long_takes_away_no_others_answer(call: Any, folder: Path) -> None:
    call("adapt", "learner.safetensors", "mine.conll", "-o", "mine.safetensors")
    status, out, errors = call("predict", "mine.safetensors", "--text", "play jazz", "--text", "word " * 60)
    assert status == 1 and "play jazz" in out and "60 pieces of words; at most 30 are read" in errors
    status, _, errors = call("adapt", "learner.safetensors", "nowhere.conll", "-o", "x.safetensors")
    assert status != 0 and "nowhere.conll is no file. Give marked sentences" in errors


def test_probabilities_of_mentions_are_at_the_temperature(folder: Path) -> None:
    learner: Any = load(folder / "learner.safetensors")
    learner.calibration = Temperature(40.0)
    predictor = learner(Examples.of(learner.reads.batch(["play Miles Davis"]), [0, 1, 1]), ["outside", "artist"])
    (found,) = marked(predictor, [Query("a text", "play Miles Davis")])
    sure = predictor.probabilities(["play Miles Davis"])
    assert found.mentions[0].probability == pytest.approx(float(sure[1:, 1].min()))
