"""Inflection in made-up languages: it learns a new one from its pairs, writes forms, and says what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.languages import rows, written
from quickstudy import evaluate
from quickstudy.apps import machine_translation
from quickstudy.errors import DataError, LearnerError
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.functional.spelling import texts_of
from quickstudy.metrics import chrf, edit_distance
from quickstudy.saving.checkpoint import load, save
from quickstudy.use.answers import answers
from quickstudy.use.evidence import evidence
from quickstudy.use.form_support import form_support
from quickstudy.use.own_report import own_report
from quickstudy.use.queries import Query, queries_of_files
from quickstudy.use.support_set import support_set


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("languages") / "mine.csv", rows())
    recipe = machine_translation.recipe(data=path, steps=25, width=8)
    assert len([record.loss for record in recipe.records(seed=0)]) == 25
    recipe.learner.reads = recipe.reads
    return recipe


def test_it_learns_a_language_from_its_pairs_and_not_from_shuffled_ones(made: Any) -> None:
    test = machine_translation.settings(made)["30 pairs"].test
    report = evaluate(made.learner, test, tasks=6, metrics=(edit_distance, chrf))
    assert report.metric == "exact match" and report.mean > 0.85
    assert report.by("edit_distance").mean < 0.5 and report.by("chrf").mean > 0.85
    shuffled = evaluate(ShuffledSupport(made.learner), test, tasks=6, strategy="loop")
    assert shuffled.mean < 0.3, "pairs of a lemma and another word's form teach nothing"
    assert evaluate(NoSupport(made.learner), test, tasks=6, strategy="loop").mean < 0.1, "without pairs the lemma is copied"


def test_every_baseline_is_made_of_a_recipe(made: Any) -> None:
    test = machine_translation.settings(made)["30 pairs"].test
    for name, baseline in machine_translation.baselines.items():
        found = evaluate(baseline.make(made, **baseline.choices[0]), test, tasks=2).mean
        assert (found < 0.4) if name in ("copy", "neighbour in all other languages") else (found > 0.6), (name, found)


def test_a_saved_learner_takes_pairs_of_ones_own_and_writes_forms(made: Any, tmp_path: Path) -> None:
    save(made.learner, tmp_path / "learner.safetensors")
    learner = load(tmp_path / "learner.safetensors")
    own = [row for row in rows(9, seed=5) if row[0] == "language 8"]
    path = written(tmp_path / "pairs.csv", [row[1:] for row in own[:30]], "lemma,tags,form")
    read = support_set(path, learner)
    assert read.classes is None and read.places[3].endswith("row 3")
    predictor = learner(read.examples)
    save(predictor, tmp_path / "mine.safetensors")
    predictor = load(tmp_path / "mine.safetensors")
    asked = written(tmp_path / "words.csv", [row[1:3] for row in own[30:]], "lemma,tags")
    found = list(answers(predictor, queries_of_files([asked], predictor.reads)))
    right = [answer.name == row[3] for answer, row in zip(found, own[30:], strict=True)]
    assert sum(right) >= 7, "of ten"
    one = found[0]
    assert one.kind == "texts" and one.name == texts_of(predictor.learner.likelihood.mean(predictor([" ".join(own[30][1:3])])))[0]
    told = json.loads(json.dumps(one.to_json()))
    assert told["text"] == one.name and told["probability"] == pytest.approx(one.ranked[0][1]) and one.doubt <= 1
    assert predictor.names(["bamta N;PL;DEF"])[0].startswith("bamt")
    report = own_report(predictor)
    assert "left out one by one: exact match" in report.sentences()[0] and report.left.score_of_mean is None
    assert report.copies == 0 and " points (better in" in report.sentences()[-1], "words that differ are no copies"
    first = evidence(predictor, predictor.reads.batch([" ".join(own[30][1:3])]), most=2)[0]
    assert len(first) == 2 and first[0].weight >= first[1].weight
    faults = list(answers(predictor, [Query("a", "alone"), Query("b", "bamta N;PL")]))
    assert faults[0].fault is not None and "single word" in str(faults[0].fault) and faults[1].fault is None


GOOD = rows(5, 16)


@pytest.mark.parametrize(
    ("found", "header", "said"),
    [
        ([], "language,lemma,tags,form", "no rows|holds no"),
        ([row[:3] for row in GOOD], "language,lemma,tags", 'no column "form"'),
        ([*GOOD, ("language 1", "", "N;SG", "x")], "language,lemma,tags,form", r"row 80 .*lemma of the word is empty"),
        ([*GOOD, ("language 1", "ab", "", "x")], "language,lemma,tags,form", "row 80 .*has no features"),
        ([*GOOD, ("language 1", "ab", "N", "")], "language,lemma,tags,form", "row 80 .*the form is empty"),
        ([*GOOD, ("language 1", "a" * 50, "N", "x")], "language,lemma,tags,form", "50 letters; at most 40"),
        ([*GOOD, ("", "ab", "N", "x")], "language,lemma,tags,form", 'the column "language" has no value in row 80'),
        ([*GOOD, ("other", "ab", "N", "x")], "language,lemma,tags,form", r"other \(1\)"),
        (GOOD[:32], "language,lemma,tags,form", "2 values, too few"),
        (rows(5, 13), "language,lemma,tags,form", "no language has 15 rows"),
    ],
    ids=["empty", "no form", "no lemma", "no tags", "empty form", "long", "no language", "small", "two languages", "few rows"],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, found: Any, header: str, said: str) -> None:
    path = written(tmp_path / "mine.csv", found, header)
    with pytest.raises(DataError, match=said):
        machine_translation.recipe(data=path)


def test_other_encodings_and_learners_are_named(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("lemma,tags,form\nGr\xfc\xdfe,N,x\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        form_support(path, made.learner)
    assert len(form_support(path, made.learner, encoding="latin-1")[1]) == 1
    from quickstudy.learners import NearestCentroid

    with pytest.raises(LearnerError, match="reads no words"):
        form_support(path, NearestCentroid())
