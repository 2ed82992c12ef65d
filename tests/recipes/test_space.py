"""Spaces of arguments: every recipe's own settings lie in theirs, and what a person writes is read or refused with a reason."""

import inspect
from typing import Annotated

import pytest

from quickstudy.errors import RunError
from quickstudy.recipes.parts.space import Choice, Linear, Log, narrowed, spaces
from quickstudy.runs.known import recipe_functions

TASKS = {"ways", "shots", "queries", "train_ways", "train_shots", "train_queries", "examples", "norm", "val_tasks"}
SIZES = {"batch", "steps", "hidden", "filters", "slots", "width", "heads"}


def recipe(
    *,
    ways: int = 5,
    flat: bool = False,
    steps: int = 10,
    slots: Annotated[int, Log(4, 64)] = 8,
    lr: Annotated[float, Log(1, 2)] = 1,
) -> None: ...


@pytest.mark.parametrize("name", sorted(recipe_functions()))
def test_the_published_settings_lie_inside_and_tasks_are_not_tuned(name: str) -> None:
    function = recipe_functions()[name]
    found = spaces(function)
    assert "lr" in found
    assert not (TASKS | SIZES) & set(found)
    for key, space in found.items():
        default = inspect.signature(function).parameters[key].default
        assert default in space, f"{key}={default} is not in {space}"
        assert not isinstance(space, Linear) or type(space.low) is type(space.high) is type(default)


def test_bounds_have_the_type_of_the_argument() -> None:
    found = spaces(recipe)
    assert found == {"slots": Log(4, 64), "lr": Log(1.0, 2.0)}
    assert isinstance(found["slots"].low, int) and isinstance(found["lr"].low, float)


def test_a_person_narrows_and_adds() -> None:
    found = narrowed(recipe, ["lr=1.5..1.75", "slots=8..16", "flat=false|true", "ways=5..9", "steps=1..1000"])
    assert found == {
        "lr": Log(1.5, 1.75),
        "slots": Log(8, 16),
        "flat": Choice((False, True)),
        "ways": Linear(5, 9),
        "steps": Log(1, 1000),
    }


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("nonsense=1..2", "has no argument nonsense. It can tune slots, lr"),
        ("lr=1e-2", "write it as lr=LOW..HIGH"),
        ("lr=2..1", "leaves nothing to choose from"),
        ("lr=0..1", "cannot begin at 0"),
        ("lr=a..1", "'a' is no float"),
        ("slots=1.5..3", "'1.5' is no int"),
        ("flat=0..1", "neither true nor false"),
        ("flat=true|true", "two or more different"),
        ("lr=nan..1", "leaves nothing to choose from"),
    ],
)
def test_what_cannot_be_read_is_refused(words: str, reason: str) -> None:
    with pytest.raises(RunError, match=reason):
        narrowed(recipe, [words])
