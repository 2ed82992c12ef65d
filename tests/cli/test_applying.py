"""`quickstudy app` from the command line: a table, a page, a learner that adapts, one page of all."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from quickstudy import load, save
from quickstudy.apps import known
from quickstudy.cli.applying import _show
from quickstudy.inputs.columns import Columns
from quickstudy.reports.appraisal import Appraisal
from toy_application import toys

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(known, "applications", lambda: {"toys": toys})
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_table_a_page_and_a_learner(tmp_path: Path, call: Call) -> None:
    status, out, err = call("app", "toys", "--tasks", 5)
    assert status == 0, err
    assert "nearest neighbours" in out and "labels shuffled" in out and "promised −100.00" in out
    page = (tmp_path / "runs/apps/toys/report.html").read_text()
    assert "What to bring" in page and "<svg" in page
    found = json.loads((tmp_path / "runs/apps/toys/appraisal.json").read_text())
    assert [len(row["entries"][0]["report"]["scores"]) for row in found["rows"]] == [5, 5]
    status, out, _ = call("app", "toys", "--tasks", 5, "--json")
    scores = [[e["report"]["scores"] for row in each["rows"] for e in row["entries"]] for each in (found, json.loads(out))]
    assert status == 0 and scores[0] == scores[1]
    status, out, err = call("evaluate", "runs/apps/toys", "--tasks", 3)
    assert status == 0 and "ProtoNet" in out, err
    status, out, err = call("app", "--summary", "all.html")
    assert status == 0, err
    assert "1 applications" not in (tmp_path / "all.html").read_text()
    assert "nearest neighbours" in (tmp_path / "all.html").read_text()


def test_recipe_arguments_and_quick(tmp_path: Path, call: Call) -> None:
    status, out, err = call("app", "toys", "--quick", "--recipe-arg", "fold=3", "--out", "here")
    assert status == 0 and "these numbers mean nothing" in out, err
    assert json.loads((tmp_path / "here/run.json").read_text())["arguments"] == {"steps": 1, "fold": 3}
    status, _, err = call("app", "toys", "--out", "here")
    assert status == 1 and "Choose another --out" in err
    status, _, err = call("app", "toys", "--recipe-arg", "nonsense=3", "--out", "there")
    assert status == 1 and "no argument nonsense" in err


def test_quick_leaves_the_folder_of_results_to_the_run_after_it(tmp_path: Path, call: Call) -> None:
    assert call("app", "toys", "--quick")[0] == 0 and (tmp_path / "runs/quick/toys/report.html").exists()
    status, out, err = call("app", "toys", "--tasks", 5)
    assert status == 0 and "runs/apps/toys/report.html" in out + err, err


def test_the_next_step_is_one_that_works(tmp_path: Path, call: Call) -> None:
    """`adapt` takes only a learner that knows how to read what users have."""
    status, out, err = call("app", "toys", "--quick", "--out", "here")
    assert status == 0, err
    learner = load(tmp_path / "here/best.safetensors")
    assert learner.reads is None and "in Python: quickstudy.load('here/best.safetensors')" in out + err
    assert "quickstudy adapt" not in out + err + (tmp_path / "here/report.html").read_text()
    learner.reads = Columns.fitted({f"column {n}": [0.0, 1.0] for n in range(4)})
    save(learner, tmp_path / "here/best.safetensors")
    _show(toys, Appraisal.load(tmp_path / "here/appraisal.json"), Path("here"))
    assert "quickstudy adapt here MY_EXAMPLES" in (tmp_path / "here/report.html").read_text()


def test_a_foreign_file_is_spared(tmp_path: Path, call: Call) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/report.html").write_text("my page")
    status, _, err = call("app", "toys", "--quick", "--out", "mine")
    assert status == 1 and "is no page of quickstudy" in err
    assert (tmp_path / "mine/report.html").read_text() == "my page"


def test_they_are_listed(call: Call) -> None:
    status, out, _ = call("app")
    assert status == 0 and "toys" in out
    status, out, _ = call("app", "--json")
    assert json.loads(out)[0]["name"] == "toys"
