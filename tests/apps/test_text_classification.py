"""Text classification on fifteen intents: it learns from its examples, says how sure it is, and what is wrong with a table."""

from pathlib import Path
from typing import Any

import pytest
import torch

from apps.tables import written
from apps.texts import intents
from quickstudy import evaluate
from quickstudy.apps import text_classification
from quickstudy.apps.parts.text_methods import known_texts, tf_idf
from quickstudy.datasets.text_rows import as_texts
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.saving.checkpoint import load, save
from quickstudy.tasks.few_shot import FewShot

HEAD = ("text", "label")
GOOD = [(f"text {n} of class {c}", f"class {c}") for c in range(9) for n in range(11)]


def recipe(tmp_path: Path, **given: Any) -> Any:
    path = written(tmp_path / "intents.csv", intents(), HEAD)
    return text_classification.recipe(data=path, backbone="hashed", alone=True, **given)


def test_it_learns_from_its_examples_and_answers_raw_texts_again_from_a_file(tmp_path: Path) -> None:
    made = recipe(tmp_path, steps=2)
    losses = [record.loss for record in made.records(seed=0)]
    assert len(losses) == 2
    setting = text_classification.settings(made)["3-way 5-shot"]
    learned = evaluate(made.learner, setting.test, tasks=20, seed=0).mean
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, tasks=20, seed=0, strategy="loop").mean
    assert learned > 0.8 and shuffled < 0.5, (learned, shuffled)
    save(made.learner, tmp_path / "learner.safetensors")
    again = load(tmp_path / "learner.safetensors")
    assert isinstance(setting.test, FewShot)
    index = setting.test.index
    support = index.examples(torch.tensor([0, 1, 20, 21, 40, 41]))
    raw = again.reads.batch(["how long will my carry on last", "can i carry it on"])
    predictor = again(support, index.classes)
    assert torch.allclose(predictor(raw), made.learner(support, index.classes)(raw), atol=1e-5)


def test_tables_rows_follow_the_texts_that_are_there(tmp_path: Path) -> None:
    found = text_classification.settings(recipe(tmp_path, steps=1))
    assert list(found) == ["3-way 1-shot", "3-way 5-shot", "3-way 10-shot"]
    assert [setting.size for setting in found.values()] == [1, 5, 10] and not any(s.promises for s in found.values())


def test_the_baseline_of_raw_texts_sees_the_same_tasks(tmp_path: Path) -> None:
    made = recipe(tmp_path, steps=1)
    setting = text_classification.settings(made)["3-way 5-shot"]
    baseline = text_classification.baselines["TF-IDF of words, logistic regression"]
    assert baseline.inputs is not None
    other = baseline.inputs(setting.test)
    plan = setting.test.plan(3)
    assert torch.equal(other.gather(plan).query.y, setting.test.gather(plan).query.y)
    assert set(as_texts(other.gather(plan)[0].support.x)) < {text for text, _ in intents()}
    words = evaluate(tf_idf(made, of="words", C=30.0), other, plan=plan)
    assert words.mean > 0.5 and len(known_texts(made)) == 9 * 20


def test_every_baseline_is_made_of_a_recipe(tmp_path: Path) -> None:
    made = recipe(tmp_path, steps=1)
    setting = text_classification.settings(made)["3-way 5-shot"]
    for name, baseline in text_classification.baselines.items():
        source = setting.test if baseline.inputs is None else baseline.inputs(setting.test)
        report = evaluate(baseline.make(made, **baseline.choices[0]), source, tasks=2, metrics=text_classification.metrics)
        assert report.mean > 0.4, name


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (GOOD, ("sentence", "label"), 'no column "text"; it has sentence, label'),
        (GOOD, ("text", "class"), 'no column "label"'),
        ([*GOOD, ("", "class 1")], HEAD, "text 99 .* is empty"),
        ([*GOOD, ("a text", "")], HEAD, 'column "label" has no value in row 99'),
        ([], HEAD, "no rows"),
        (GOOD[:11], HEAD, "all 11 rows are of one class"),
        (GOOD[:22], HEAD, "has 2 classes.*at least 9 classes are needed"),
        ([row for row in GOOD if not row[0].startswith("text 10")], HEAD, "has 10 texts; 11 are needed"),
    ],
    ids=["text column", "label column", "empty text", "no label", "empty", "one class", "two classes", "small classes"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        text_classification.recipe(data=written(tmp_path / "my.csv", rows, head), backbone="hashed", alone=True)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_bytes("text,label\nGr\xfc\xdfe,a\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        text_classification.recipe(data=str(path), backbone="hashed", alone=True)
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        text_classification.recipe(data=str(tmp_path / "nowhere.csv"), backbone="hashed", alone=True)
    with pytest.raises(DataError, match="cannot be text and label"):
        text_classification.recipe(data=written(path, GOOD, HEAD), text="label", backbone="hashed", alone=True)
