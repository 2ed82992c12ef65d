"""adapt, predict and update on texts, rows and values, from the files that people have to the answers."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from quickstudy import learners, load, nn, save
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.rejection import NONE_OF_THESE
from quickstudy.runs.run import Run

Call = Callable[..., tuple[int, str, str]]
TICKETS = {
    "cards": ["my card is lost", "lost my card today", "card was stolen", "the card does not work", "new card please"],
    "weather": ["will it rain today", "rain and rain again", "rain tomorrow", "is it rain or snow", "snow and rain"],
    "food": ["order a pizza", "pizza with cheese", "a large pizza", "cheese pizza please", "my lost card was stolen"],
}
"""The last one is mislabelled."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("using")
    with (root / "tickets.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["subject", "queue"])
        writer.writerows([text, queue] for queue, texts in TICKETS.items() for text in texts)
    (root / "people.csv").write_text("age,sex,score\n" + "".join(f"{n},{'fm'[n % 2]},{n / 2}\n" for n in range(20, 60, 2)))
    columns = Columns.fitted({"age": [20.0, 60.0], "sex": ["f", "m"]})
    for name, reads in {"texts": Texts(width=512), "rows": columns, "images": Images(9, strokes=False)}.items():
        learner: Any = learners.NearestCentroid()
        learner.reads = reads
        save(learner, root / name)
    values = learners.R2D2(nn.MLP(columns.width, (8,)), penalty=0.1, likelihood=Gaussian())
    values.reads = columns
    save(values, root / "values")
    return root


def adapted(place: Path, call: Call, tmp_path: Path, *more: object) -> tuple[Path, str]:
    file = tmp_path / "p.safetensors"
    words = ["adapt", place / "texts", place / "tickets.csv", "--label", "queue", "-o", file, *more]
    status, out, err = call(*words)
    assert status == 0, err
    return file, " ".join(out.split())


def test_texts_from_a_table_to_answers(place: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    file, said = adapted(place, call, tmp_path)
    assert "adapted to 15 texts of 3 classes" in said and "accuracy 86.7 % (95 % Wilson interval over 15 examples" in said
    assert f"Check {place}/tickets.csv row 14: it is labelled food" in said and "looks like cards" in said
    assert 'No threshold for "none of these": of your own examples, left out, 13 are answered rightly, and 20 are needed' in said
    assert "holds no tasks" in said and "examples of each class" in said and load(file).threshold is None
    file, said = adapted(place, call, tmp_path, "--calibrate", "support", "--force")
    assert 'Threshold for "none of these": 0.' in said and load(file).threshold.right == 13
    monkeypatch.setattr("sys.stdin", io.StringIO("rain\n\na pizza\n"))
    status, out, err = call("predict", file, "--text", "my card", "--text", " ", "-", "--json", "--threshold", 0)
    found = json.loads(out)
    assert status == 1 and "the text is empty" in err
    assert [(item["input"], item["class"]) for item in found] == [("my card", "cards"), ("rain", "weather"), ("a pizza", "food")]
    assert all(sum(item["probabilities"].values()) == pytest.approx(1) for item in found)
    status, out, _ = call("predict", file, "--text", "quantum chromodynamics", "--json")
    assert status == 0 and json.loads(out)[0]["class"] == NONE_OF_THESE
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    status, _, err = call("predict", file)
    assert status == 1 and "holds no lines" in err
    answers = tmp_path / "a.csv"
    assert call("predict", file, place / "tickets.csv", "--text-column", "subject", "-o", answers, "--threshold", 0)[0] == 0
    with answers.open(newline="") as opened:
        table = list(csv.DictReader(opened))
    assert len(table) == 15 and table[0]["input"].endswith("tickets.csv row 0") and table[5]["class"] == "weather"
    assert list(table[0]) == ["input", "class", "probability", "cards", "food", "weather"]


def test_the_report_as_json_and_what_is_switched_off(place: Path, tmp_path: Path, call: Call) -> None:
    status, out, err = call(
        *["adapt", place / "texts", place / "tickets.csv", "--label", "queue", "-o", tmp_path / "p", "--json"],
        *["--drop-support", "--calibrate", "support"],
    )
    found = json.loads(out)
    assert status == 0, err
    assert found["examples"] == 15 and found["classes"] == ["cards", "food", "weather"]
    assert found["report"]["score"]["value"] == pytest.approx(13 / 15) and found["report"]["suspects"][0]["label"] == "food"
    assert [point["shots"] for point in found["report"]["curve"]] == [1, 2] and 0 < found["threshold"]["least"] < 1
    assert load(tmp_path / "p").support is None
    status, _, err = call("update", tmp_path / "p", place / "tickets.csv", "--label", "queue")
    assert status == 1 and "does not keep its support set" in err
    _, said = adapted(place, call, tmp_path, "--no-report", "--calibrate", "none")
    assert "Threshold" not in said and "accuracy" not in said and load(tmp_path / "p.safetensors").threshold is None


def test_new_examples_and_new_classes(place: Path, tmp_path: Path, call: Call) -> None:
    file, _ = adapted(place, call, tmp_path, "--calibrate", "support")
    before = load(file)
    (tmp_path / "more.csv").write_text("text,label\nthe train is late,travel\nbus and train tickets,travel\na new card,cards\n")
    other = tmp_path / "other.safetensors"
    status, out, err = call("update", file, tmp_path / "more.csv", "-o", other)
    assert status == 0, err
    assert "added 3 examples to 15 of 4 classes, with the new class travel" in " ".join(out.split())
    after = load(other)
    assert load(file).classes == before.classes and after.classes == (*before.classes, "travel")
    assert after.names(["train tickets"]) == ["travel"] and after.threshold is not None and len(after.support) == 18
    assert call("update", file, tmp_path / "more.csv", "--no-report")[0] == 0
    assert load(file).classes == after.classes
    (tmp_path / "one.csv").write_text("text,label\nrain again,weather\n")
    status, out, _ = call("update", file, tmp_path / "one.csv", "--no-report")
    assert status == 0 and "added 1 examples to 18 of 4 classes:" in " ".join(out.split())


def test_images_of_one_new_class(place: Path, tmp_path: Path, call: Call) -> None:
    for part, names in {"first": {"dark": 10, "light": 240}, "second": {"grey": 125}}.items():
        for name, value in names.items():
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(3):
                Image.new("L", (12, 12), value + 3 * number).save(tmp_path / part / name / f"{number}.png")
    file = tmp_path / "p"
    assert call("adapt", place / "images", tmp_path / "first", "-o", file)[0] == 0
    assert call("update", file, tmp_path / "second")[0] == 0
    status, out, err = call(
        "predict", file, tmp_path / "second" / "grey", tmp_path / "first" / "dark", "--json", "--threshold", 0
    )
    assert status == 0, err
    assert [item["class"] for item in json.loads(out)] == ["grey"] * 3 + ["dark"] * 3


def test_rows_of_values(place: Path, tmp_path: Path, call: Call) -> None:
    file = tmp_path / "p"
    status, out, err = call("adapt", place / "values", place / "people.csv", "--target", "score", "-o", file)
    said = " ".join(out.split())
    assert status == 0, err
    assert "adapted to 20 rows of a table: " in said and "Predicting the mean of the others has the mse" in said
    assert "Threshold" not in said and "Check" not in said
    status, out, err = call("predict", file, "--row", '{"age": 41, "sex": "m"}', "--row", '{"age": 41}', "--json")
    (found,) = json.loads(out)
    assert status == 1 and 'the column "sex" is missing' in err and found["value"] == float(load(file)({"age": 41, "sex": "m"}))
    assert call("predict", file, "--row", '{"age": 41, "sex": "m"}', "-o", tmp_path / "a.csv")[0] == 0
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "input,value"
    assert call("predict", file, "--row", '{"age": 20, "sex": "m"}', "-o", tmp_path / "a.csv")[0] == 0, "its own table again"


def test_meta_validation_tasks_of_the_run_calibrate(tmp_path: Path, call: Call) -> None:
    small = {"steps": 2, "train_ways": 5, "train_queries": 2, "queries": 2, "val_tasks": 3}
    for _ in Run(tmp_path / "run", "proto", small).train():
        pass
    for name, value in {"a": 10, "b": 120, "c": 240}.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (12, 12), value + number).save(tmp_path / "photos" / name / f"{number}.png")
    words = ["adapt", tmp_path / "run", tmp_path / "photos", "-o", tmp_path / "p", "--no-expect"]
    status, out, err = call(*words)
    said = " ".join(out.split())
    assert status == 0, err
    threshold = load(tmp_path / "p").threshold
    assert threshold.source == "100 meta-validation tasks: glyphs/val 3-way 2-shot 5 queries, 5 unknown classes"
    assert threshold.unknown == 100 * 25 and str(threshold) in said
    assert call(*words, "--calibrate", "support")[0] == 0
    assert load(tmp_path / "p").threshold is None or "support set" in load(tmp_path / "p").threshold.source


def test_a_class_called_none_of_these_leaves_no_threshold(place: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "t.csv").write_text("text,label\nlost card,none of these\nmy card,none of these\nrain,weather\nsnow,weather\n")
    status, out, err = call("adapt", place / "texts", tmp_path / "t.csv", "-o", tmp_path / "p")
    assert status == 0, err
    assert 'No threshold for "none of these": a class has the name "none of these"' in " ".join(out.split())
    assert load(tmp_path / "p").threshold is None and load(tmp_path / "p").names(["a lost card"]) == [NONE_OF_THESE]
