"""A study is foreign input: whatever others have written into the data base, no file is touched and a sentence says what."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from quickstudy.errors import ArtefactError, RunError
from quickstudy.tuning import never, tune
from tuning.toy import as_another_opens_it as study
from tuning.toy import line


def go_on(folder: Path, trials: int = 3) -> Any:
    return tune(line, folder=folder, trials=trials, validations=1, pruning=never)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    go_on(folder, 1)
    return folder


def running(folder: Path, owner: Any) -> int:
    """A trial of a process that names ``owner`` as its lock."""
    found = study(folder)
    trial = found.ask()
    found._storage.set_trial_user_attr(trial._trial_id, "worker", owner)
    return trial.number


NAMED = ".worker-" + "0" * 32


@pytest.mark.parametrize(
    "owner", ["{thesis}", "../thesis", "thesis", ".worker-thesis", "{thesis}/../thesis", 7, ["a"], {"a": 1}, ""]
)
def test_no_file_but_a_lock_of_ours_is_touched(begun: Path, tmp_path: Path, owner: Any) -> None:
    thesis = tmp_path / "thesis"
    thesis.write_text("three years")
    (begun / "thesis").write_text("three years")
    number = running(begun, owner.format(thesis=thesis) if isinstance(owner, str) else owner)
    go_on(begun)
    assert thesis.read_text() == (begun / "thesis").read_text() == "three years"
    assert study(begun).trials[number].state == TrialState.RUNNING, "nobody knows whether its process lives"


def test_a_link_of_our_pattern_is_left_alone_and_so_is_what_it_names(begun: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.write_text("three years")
    (begun / NAMED).symlink_to(thesis)
    number = running(begun, NAMED)
    go_on(begun)
    assert (begun / NAMED).is_symlink() and thesis.read_text() == "three years"
    assert study(begun).trials[number].state == TrialState.RUNNING


@pytest.mark.parametrize("owner", [NAMED, f"/somewhere/else/{NAMED}"])
def test_a_free_lock_of_ours_gives_its_trial_to_others(begun: Path, owner: str) -> None:
    """The second is how version 0.1.0 named it; the folder may have been moved."""
    (begun / NAMED).touch()
    number = running(begun, owner)
    go_on(begun)
    assert study(begun).trials[number].state == TrialState.FAIL and not (begun / NAMED).exists()


def test_links_for_locks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("three years")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / ".opening").symlink_to(tmp_path / "thesis")
    with pytest.raises(ArtefactError, match=r"\.opening is a link"):
        go_on(tmp_path / "study")
    assert (tmp_path / "thesis").read_text() == "three years"


def _set(key: str, value: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        found = study(folder)
        found._storage.set_study_user_attr(found._study_id, key, value)

    return change


def _add(**attributes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        found = study(folder)
        found.add_trial(optuna.create_trial(state=TrialState.COMPLETE, value=0.0, user_attrs=attributes))

    return change


def _raw(statement: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        connection = sqlite3.connect(folder / "study.db")
        with connection:
            connection.execute(statement)
        connection.close()

    return change


OTHER = """update trial_params set param_value = 0, distribution_json =
    '{"name": "CategoricalDistribution", "attributes": {"choices": ["x"]}}' where param_name = 'lr'"""
FOREIGN: dict[str, tuple[Callable[[Path], None], str]] = {
    "settings": (_set("quickstudy", {"fixed": 3}), "is of something else than a search of quickstudy"),
    "empty settings": (_set("quickstudy", {}), "is of something else than a search of quickstudy"),
    "a list": (_set("quickstudy", [1]), "is of something else"),
    "arguments": (_add(arguments=[1]), "trial 1 .* holds its arguments"),
    "validations": (_add(arguments={}, validations=[[1, "x", 0, 0]]), "holds its validations"),
    "few validations": (_add(arguments={}, validations=[[1]]), "holds its validations"),
    "nan": (_add(arguments={}, validations=[[1, float("nan"), 0, 0]]), "holds its validations"),
    "none": (_add(arguments={"lr": 1.0}), "no validations, though it is complete"),
    "note": (_add(arguments={}, failed={"a": 1}), "holds its note"),
    "space": (_raw(OTHER), "trial 0 .* values of lr from another space.*another name"),
    "direction": (_raw("update study_directions set direction = 'MAXIMIZE'"), "maximized, not"),
    "no JSON": (_raw("update study_user_attributes set value_json = '{'"), "cannot be opened"),
    "distribution": (_raw("update trial_params set distribution_json = '{}'"), "cannot be opened"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_others_wrote_is_refused_with_the_reason(begun: Path, name: str) -> None:
    change, reason = FOREIGN[name]
    change(begun)
    with pytest.raises(RunError, match=reason):
        go_on(begun)
    with pytest.raises(RunError):
        go_on(begun)


@pytest.mark.parametrize("values", [{"lr": 1e9, "inner_lr": 1e-2}, {"lr": float("nan")}, {"nonsense": 1}, {"lr": "x"}])
def test_values_outside_of_the_space_are_not_tried(begun: Path, values: dict[str, Any]) -> None:
    found = study(begun)
    found._storage.create_new_trial(
        found._study_id,
        template_trial=optuna.create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": values}),
    )
    after = go_on(begun)
    assert [trial.state for trial in after.trials] == ["complete", "failed", "complete"]
    assert "queued with values outside of the space" in after.trials[1].note
    assert json.dumps(after.to_json())
