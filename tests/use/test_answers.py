"""Queries out of files, words and streams: each has one answer by every door, and a broken one takes away no other's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy import Examples, learners, nn
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Predictor
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.rejection import NONE_OF_THESE
from quickstudy.use.answers import Answer, answers
from quickstudy.use.calibrated import calibrated
from quickstudy.use.queries import Query, queries_of_files, queries_of_lines, queries_of_rows, queries_of_texts
from quickstudy.use.support_set import Roles

COLUMNS = Columns.fitted({"age": [30.0, 50.0], "sex": ["f", "m"]})


def reading(reads: InputKind, things: Any, labels: list[int], names: list[str]) -> Predictor:
    learner = learners.NearestCentroid()
    learner.reads = reads
    return learner(Examples.of(reads.batch(things), labels), names)


@pytest.fixture(scope="module")
def texts() -> Predictor:
    things = ["my card is lost", "lost card", "will it rain", "rain today"]
    return reading(Texts(width=256), things, [0, 0, 1, 1], ["card", "weather"])


@pytest.fixture(scope="module")
def rows() -> Predictor:
    things = [{"age": 20, "sex": "f"}, {"age": 25, "sex": "m"}, {"age": 60, "sex": "f"}, {"age": 70, "sex": "m"}]
    return reading(COLUMNS, things, [0, 0, 1, 1], ["young", "old"])


def said(predictor: Predictor, queries: Iterator[Query]) -> list[str]:
    return [each.name if each.fault is None else f"! {each.fault}" for each in answers(predictor, queries)]


def test_a_text_has_one_answer_by_every_door(texts: Predictor, tmp_path: Path) -> None:
    asked = ["where is my lost card?", "rain, they say"]
    (tmp_path / "folder").mkdir()
    for number, text in enumerate(asked):
        (tmp_path / "folder" / f"{number}.txt").write_text(text)
    (tmp_path / "t.csv").write_text("id,words\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(asked)))
    (tmp_path / "t.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in asked))
    reads = Texts(width=256)
    doors = {
        "words": queries_of_texts(asked, reads),
        "folder": queries_of_files([tmp_path / "folder"], reads),
        "csv": queries_of_files([tmp_path / "t.csv"], reads, Roles(text_column="words")),
        "json lines": queries_of_files([tmp_path / "t.jsonl"], reads),
        "stream": queries_of_lines([*asked, "\n"], reads),
        "objects": queries_of_lines([f'{{"text": "{text}"}}\n' for text in asked], reads),
    }
    wanted = [texts.probabilities(text)[0].tolist() for text in asked]
    for door, queries in doors.items():
        found = [list(each.scores.values()) for each in answers(texts, queries, at_once=1)]
        assert found == wanted, door
    assert [each.place for each in queries_of_files([tmp_path / "t.csv"], reads, Roles(text_column="words"))] == [
        f"{tmp_path}/t.csv row 0",
        f"{tmp_path}/t.csv row 1",
    ]


def test_a_row_has_one_answer_by_every_door(rows: Predictor, tmp_path: Path) -> None:
    asked = [{"age": 22, "sex": "m"}, {"age": 66.5, "sex": "x"}]
    (tmp_path / "r.csv").write_text("sex;age\nm;22\nx;66.5\n")
    (tmp_path / "r.jsonl").write_text('{"age": 22, "sex": "m"}\n{"sex": "x", "age": 66.5}\n')
    words = ['{"age": 22, "sex": "m"}', '{"age": 66.5, "sex": "x"}']
    wanted = rows.probabilities(asked).tolist()
    for queries in (
        queries_of_rows(words, COLUMNS),
        queries_of_lines(words, COLUMNS),
        queries_of_files([tmp_path / "r.csv"], COLUMNS),
        queries_of_files([tmp_path / "r.jsonl"], COLUMNS),
    ):
        assert [list(each.scores.values()) for each in answers(rows, queries)] == wanted


def test_broken_rows_leave_the_others_their_answers(rows: Predictor, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("age,sex\n20,f\nabc,m\n,f\ninf,m\n70,m\n")
    found = said(rows, queries_of_files([file], COLUMNS))
    assert [found[0], found[4]] == ["young", "old"]
    assert found[1:4] == [
        f"! {file} row 1: the column \"age\" holds numbers, but the row has 'abc'. Give a number.",
        f'! {file} row 2: the column "age" has no value in the row, and meta-training rows never lack one. Give a number.',
        f'! {file} row 3: the column "age" holds numbers, but the row has inf. Give a number.',
    ]


def test_broken_texts_and_files_leave_the_others_their_answers(texts: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a lost card")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "c.txt").write_text(" \n")
    (tmp_path / "t.csv").write_text("text\nrain\n\nlost card\n")
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt", "d.txt", "empty", "t.csv")]
    found = said(texts, queries_of_files(paths, Texts(width=256)))
    assert [found[0], found[5], found[6]] == ["card", "weather", "card"]
    for number, part in {1: "b.txt is no text in UTF-8", 2: "c.txt is empty", 3: "d.txt is not there", 4: "no texts in"}.items():
        assert found[number].startswith("!") and part in found[number]


def test_images_out_of_files_folders_and_tables(tmp_path: Path) -> None:
    reads = Images(9, channels=1, strokes=False)
    dark, light = np.full((9, 9), 20, dtype=np.uint8), np.full((9, 9), 230, dtype=np.uint8)
    predictor = reading(reads, [dark, light], [0, 1], ["dark", "light"])
    Image.fromarray(dark + 5).save(tmp_path / "a.png")
    Image.fromarray(light - 5).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("no image")
    (tmp_path / "list.csv").write_text("file,note\nb.png,1\nmissing.png,2\na.png,3\n")
    found = said(predictor, queries_of_files([tmp_path / "list.csv"], reads, Roles()))
    assert found[0] == "light" and found[2] == "dark" and "missing.png is not there" in found[1]
    plain = [tmp_path / name for name in ("a.png", "c.png", "b.png")]
    assert [name[:5] for name in said(predictor, queries_of_files(plain, reads))] == ["dark", "! " + str(tmp_path)[:3], "light"]
    assert said(predictor, queries_of_lines([f"{tmp_path / 'a.png'}\n"], reads)) == ["dark"]


def test_values_and_json() -> None:
    learner = learners.R2D2(nn.MLP(COLUMNS.width, (4,)), penalty=0.1, likelihood=Gaussian())
    learner.reads = COLUMNS
    things = [{"age": 20, "sex": "f"}, {"age": 60, "sex": "m"}]
    predictor = learner(Examples.of(COLUMNS.batch(things), [1.5, 3.5], kind="values"))
    (answer,) = answers(predictor, [Query("x", things[0])])
    assert answer.to_json() == {"input": "x", "value": pytest.approx(float(predictor(things[0])))}
    broken = Answer("y", "values", {}, fault=DataError("wrong"))
    assert broken.to_json() == {"input": "y", "error": "wrong"}
    labels = Answer("z", "labels", {"a": 0.9, "b": 0.2, "c": 0.6})
    assert labels.name == "a, c" and Answer("z", "labels", {"a": 0.1}).name == NONE_OF_THESE


def test_none_of_these_by_every_door(texts: Predictor) -> None:
    strict = calibrated(texts)
    assert strict.threshold is not None and strict.threshold.least > 0.5
    asked = ["lost card", "quantum chromodynamics"]
    found = list(answers(strict, queries_of_texts(asked, Texts(width=256))))
    assert [each.name for each in found] == strict.names(asked) == ["card", NONE_OF_THESE]
    assert found[1].to_json()["class"] == NONE_OF_THESE and found[1].probability < strict.threshold.least
    off = [each.name for each in answers(strict, queries_of_texts(asked, Texts(width=256)), threshold=0)]
    assert off == texts.names(asked) and NONE_OF_THESE not in off
    every = answers(strict, queries_of_texts(asked, Texts(width=256)), threshold=1)
    assert [each.name for each in every] == [NONE_OF_THESE, NONE_OF_THESE]


def test_a_transductive_learner_sees_all_queries_together() -> None:
    learner = learners.MAML(nn.MLP(256, (8,), outputs=2), inner_lr=0.1)
    reads = Texts(width=256)
    learner.reads = reads
    object.__setattr__(learner, "facts", type(learner.facts)(transductive=True))
    predictor = learner(Examples.of(reads.batch(["a card", "some rain"]), [0, 1]), ["card", "rain"])
    calls: list[int] = []
    predict = type(learner).predict

    def counted(self: Any, state: Any, x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return predict(self, state, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(learner), "predict", counted)
        assert len(list(answers(predictor, queries_of_texts([f"text {n}" for n in range(70)], reads)))) == 70
    assert calls == [70]


def test_what_is_asked_must_be_what_is_read(texts: Predictor) -> None:
    with pytest.raises(DataError, match="this predictor reads texts, no rows of a table"):
        list(queries_of_rows(["{}"], Texts()))
    with pytest.raises(DataError, match="this predictor reads rows of a table, no texts"):
        list(queries_of_texts(["a"], COLUMNS))
    plain = learners.NearestCentroid()(Examples.of(torch.zeros(2, 3), [0, 1]))
    with pytest.raises(LearnerError, match="does not know how a raw thing becomes an input"):
        list(answers(plain, [Query("a", "b")]))
