"""Runs on data of one's own: changed data is refused at resume, accepted on request, and named at evaluation."""

import json
import logging
from pathlib import Path

import pytest

from quickstudy.errors import RunError
from quickstudy.recipes.parts import data
from quickstudy.runs.call import recorded_call
from quickstudy.runs.run import Run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    lines = [
        f"{part}{label},{10 * label + row + 0.5},{name}"
        for part, name in enumerate(("train", "val", "test"))
        for label in range(3)
        for row in range(4)
    ]
    file.write_text("kind,size,part\n" + "\n".join(lines) + "\n")
    return file


def test_changed_data(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = {"data": str(table), "label": "kind", "split_column": "part", "ways": 2, "steps": 2, "width": 4, "val_tasks": 3}
    folder = tmp_path / "run"
    list(Run(folder, "proto", given).train())
    kept = recorded_call(folder)
    assert kept is not None and kept["resolved"]["backbone"] == "mlp" and len(kept["data"]) == 16
    with caplog.at_level(logging.WARNING):
        Run(folder).recipe()
    assert "changed" not in caplog.text
    table.write_text(table.read_text().replace("0.5", "0.75"))
    with caplog.at_level(logging.WARNING):
        Run(folder).recipe()
    assert "the data changed since this run was trained" in caplog.text
    with pytest.raises(RunError, match=r"the data .*rows\.csv changed since this run began\. .* accept_changed"):
        list(Run(folder).train())
    list(Run(folder).train(accept_changed=True))
    now = recorded_call(folder)
    assert now is not None and now["changed"] == ["data"] and now["data"] != kept["data"]
    list(Run(folder).train())


def test_a_record_that_lacks_an_argument_is_filled_as_it_was_given(tmp_path: Path) -> None:
    list(Run(tmp_path, "maml", {"data": "sinusoid", "steps": 2, "batch": 2, "val_tasks": 3}).train())
    kept = json.loads((tmp_path / "run.json").read_text())
    for name in ("data", "steps", "inner_lr"):
        del kept["resolved"][name]
    (tmp_path / "run.json").write_text(json.dumps(kept))
    recipe = Run(tmp_path).recipe()
    assert recipe.steps == 2 and "sinusoid" in recipe.train.name and recipe.learner.inner_lr == 0.01  # type: ignore[union-attr]


def test_a_run_is_opened_from_any_folder(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"label": "kind", "split_column": "part", "ways": 2, "steps": 1, "width": 4, "val_tasks": 3}
    monkeypatch.chdir(tmp_path)
    list(Run("run", "proto", {"data": "rows.csv"} | given).train())
    monkeypatch.chdir("/")
    assert Run(tmp_path / "run").recipe().test.name.startswith("rows")


def test_a_run_reads_its_data_once(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    opened = data.open_data
    monkeypatch.setattr(data, "open_data", lambda spec, *more, **named: (read.append(spec), opened(spec, *more, **named))[1])
    given = {"data": str(table), "label": "kind", "split_column": "part", "ways": 2, "steps": 1, "width": 4, "val_tasks": 3}
    run = Run(tmp_path / "run", "proto", given)
    first = run.recipe()
    list(run.train())
    assert len(read) == 1
    assert run.recipe().test.index is first.test.index and run.recipe(queries=2).test.queries == 2  # type: ignore[attr-defined]
    assert len(read) == 2, "other arguments may read other data"
    assert run.recipe().test.queries == 3 and len(read) == 2  # type: ignore[attr-defined]
