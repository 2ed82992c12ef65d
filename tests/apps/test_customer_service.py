"""Customer service on fifteen kinds of request: it learns from its examples; nothing of meta-test is in meta-training."""

from pathlib import Path

import pytest

from apps.tables import written
from apps.texts import intents
from quickstudy import evaluate
from quickstudy.apps import customer_service
from quickstudy.apps.customer_service import _MET, _split  # type: ignore[attr-defined]
from quickstudy.apps.parts.texts import json_lines
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport

HEAD = ("message", "queue")
GOOD = [(f"message {n} to {c}", f"queue {c}") for c in range(9) for n in range(11)]


def test_it_learns_from_its_examples(tmp_path: Path) -> None:
    path = written(tmp_path / "messages.csv", intents(each=14), HEAD)
    made = customer_service.recipe(data=path, text="message", label="queue", backbone="hashed", alone=True, steps=2)
    assert len(list(made.records(seed=0))) == 2
    found = customer_service.settings(made)
    assert list(found) == ["3-way 1-shot", "3-way 5-shot", "3-way 10-shot"]
    test = found["3-way 5-shot"].test
    learned = evaluate(made.learner, test, tasks=20, seed=0).mean
    shuffled = evaluate(ShuffledSupport(made.learner), test, tasks=20, seed=0, strategy="loop").mean
    assert learned > 0.8 and shuffled < 0.5, (learned, shuffled)


def test_what_is_meta_tested_is_left_out_of_training() -> None:
    parts = _split("hwu64_by_scenario")
    assert not set(parts["test"]) & (set(parts["train"]) | set(parts["val"]))
    known = {row["label"] for row in json_lines("intents/clinc150.jsonl.gz")}
    assert known >= _MET, _MET - known
    about = ("weather", "song", "music", "recipe", "volume", "restaurant", "traffic", "uber", "flight")
    assert {name for name in known for word in about if word in name} <= _MET


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (GOOD, ("text", "queue"), 'no column "message"'),
        (GOOD, ("message", "team"), 'no column "queue"'),
        ([*GOOD, (" ", "queue 1")], HEAD, "text 99 .* is empty"),
        ([*GOOD, ("one", "")], HEAD, "has no value in row 99"),
        ([], HEAD, "no rows"),
        (GOOD[:11], HEAD, "one class"),
        (GOOD[:88], HEAD, "has 8 classes"),
    ],
    ids=["message column", "queue column", "empty message", "no queue", "empty", "one queue", "eight queues"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[tuple[str, str]], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        path = written(tmp_path / "my.csv", rows, head)
        customer_service.recipe(data=path, text="message", label="queue", backbone="hashed", alone=True)
