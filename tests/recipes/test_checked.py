"""Every recipe refuses what its signature rules out, before it builds anything; each door spells arguments in its own way."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from quickstudy.cli.command import spelled
from quickstudy.errors import Argument, ArgumentError, TaskError
from quickstudy.recipes.parts.checked import AtLeast, checked
from quickstudy.runs.known import recipe_functions

NAN, INF = float("nan"), float("inf")


@checked
def call(
    *,
    steps: int = 10,
    warm_up: Annotated[int, AtLeast(0)] = 5,
    patience: int = 0,
    lr: float = 0.1,
    flat: bool = False,
    kind: Literal["hard", "easy"] = "easy",
    ways: list[int] | None = None,
) -> int:
    return steps


@pytest.mark.parametrize("name", recipe_functions())
def test_no_recipe_begins_with_a_value_that_it_cannot_have(name: str) -> None:
    recipe = recipe_functions()[name]
    with pytest.raises(ArgumentError, match=r"^steps must be a whole number from 1 to 4,294,967,295, not 0\.$"):
        recipe(steps=0)
    for key, parameter in inspect.signature(recipe).parameters.items():
        if isinstance(parameter.default, float):
            with pytest.raises(ArgumentError, match=rf"^{key} must be a finite number of at least 0, not nan\.$"):
                recipe(**{key: NAN})


@pytest.mark.parametrize(
    "wrong",
    [{"steps": v} for v in (0, -1, 2.5, True, NAN, "3", 10**30)]
    + [{"lr": v} for v in (NAN, INF, -INF, -0.1, "fast", True)]
    + [{"warm_up": -1}, {"patience": -1}, {"flat": 1}, {"kind": "hrad"}, {"ways": []}, {"ways": [2, 0]}],
)
def test_what_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match=f"^{next(iter(wrong))} (must be|needs)"):
        call(**wrong)  # type: ignore[arg-type]


def test_what_is_allowed() -> None:
    assert call(steps=np.int64(3), warm_up=0, patience=0, lr=1, flat=True, kind="hard", ways=[2, 5]) == 3  # type: ignore[arg-type]
    assert call(lr=np.float32(0), ways=None) == 10  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"Did you mean hard\?"):
        call(kind="hrad")  # type: ignore[arg-type]


def test_one_error_serves_both_doors() -> None:
    def command(runs: list[Path], /, *, ways: int = 5, train_ways: int = 60, out: Path | None = None) -> None: ...

    def told(error: TaskError, **given: object) -> str:
        return error.worded(spelled(command, given))

    error = TaskError(Argument("ways", 99), " needs 99 classes. Choose another ", Argument("folder"), " or ", Argument("k"), ".")
    assert str(error) == "ways=99 needs 99 classes. Choose another folder or k."
    assert told(error, ways=99) == "--ways 99 needs 99 classes. Choose another --out or k."
    assert told(error, train_ways=99).startswith("--train-ways 99 needs"), "the flag that had this value"
    assert spelled(command, {})(Argument("runs")) == "RUNS"


def test_cite_is_what_the_citation_file_says(call: Callable[..., tuple[int, str, str]]) -> None:
    text = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    title, version = (re.search(pattern, text, re.MULTILINE)[1] for pattern in (r'^title: "(.+)"$', r"^version: (.+)$"))  # type: ignore[index]
    author, year = (re.search(pattern, text, re.MULTILINE)[1] for pattern in (r"- name: (.+)$", r"^date-released: (\d+)"))  # type: ignore[index]
    status, out, _ = call("cite")
    assert status == 0
    for line in (f"title = {{{{{title}}}}}", f"author = {{{{{author}}}}}", f"version = {{{version}}}", f"year = {{{year}}}"):
        assert line in out
