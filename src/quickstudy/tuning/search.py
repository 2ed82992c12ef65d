"""``tune``: a search over a recipe's arguments; its meta-test tasks are never used."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quickstudy.errors import Argument, MissingExtra, RunError, nearest
from quickstudy.recipes.parts.flags import resolved
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.space import Space, spaces
from quickstudy.reports.tuned import Trial, Tuned
from quickstudy.tuning.pruning import Pruning, by_median

__all__ = ["tune"]


def tune(
    recipe: Callable[..., Recipe],
    *,
    folder: str | Path,
    trials: int = 20,
    fixed: Mapping[str, Any] | None = None,
    space: Mapping[str, Space] | None = None,
    only: Sequence[str] | None = None,
    seed: int = 0,
    minutes: float | None = None,
    validations: int = 10,
    pruning: Pruning = by_median,
    study: str | None = None,
    name: str | None = None,
    watch: Callable[[Trial], None] = lambda trial: None,
) -> Tuned:
    """Searches for the arguments of a recipe that do best on its meta-validation tasks.

    A trial is a meta-training as `quickstudy train` does it, with the same seed in all trials. Its validations go to the pruner,
    the best of them is its score. The first trial has the recipe's own arguments. The same call continues what the folder
    holds; as many processes as you like may share a folder, or a data base.

    Args:
        recipe: any function that returns a `Recipe`; annotations of its arguments define their ranges.
        folder: for the study, and of this process.
        trials: of the whole study, those of earlier calls and of other processes included.
        fixed: arguments that are not tuned.
        space: values for arguments, in place of the annotations or where there are none.
        only: tune these arguments alone.
        seed: of weights and tasks in each trial, and of the search.
        minutes: after which no trial is begun.
        validations: in a trial that comes to its end.
        pruning: when a trial is stopped before.
        study: URL of a data base that several machines share; by default an SQLite file in the folder.
        name: of the study in the data base; the recipe's by default.
        watch: receives each trial at its start, after each validation and at its end.

    Raises:
        MissingExtra: Optuna is not installed.
        RunError: nothing to tune, an argument that is not there, no meta-validation tasks, or another study of that name.

    >>> import tempfile
    >>> from quickstudy.recipes.maml import maml
    >>> fixed = {"data": "sinusoid", "steps": 4, "batch": 2}
    >>> with tempfile.TemporaryDirectory() as out:
    ...     found = tune(maml, folder=out, trials=2, fixed=fixed, only=["lr"], validations=2)
    >>> found.metric, [trial.state for trial in found.trials], found.trials[0].arguments
    ('mse', ['complete', 'complete'], {'lr': 0.001})
    """
    _require_optuna()
    from quickstudy.tuning.loop import Place, search
    from quickstudy.tuning.trial import Question

    if trials < 1 or validations < 1:
        raise RunError(f"trials={trials} and validations={validations} must be 1 or more.")
    given = dict(fixed or {})
    chosen = _chosen(recipe, given, dict(space or {}), only)
    question = Question(recipe, given, chosen, seed, validations)
    defaults = resolved(recipe, given)
    question.first.update({key: value for key, value in defaults.items() if key in chosen and value in chosen[key]})
    place = Place(_made(Path(folder)), study, name or recipe.__name__)
    return search(question, place, trials=trials, minutes=minutes, pruning=pruning, watch=watch)


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise MissingExtra('tuning needs Optuna. Install it: pip install "quickstudy[tune]"') from error


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written to ({error.strerror}). Choose another ", Argument("folder"), ".") from error
    return folder


def _chosen(
    recipe: Callable[..., Recipe], fixed: Mapping[str, Any], space: Mapping[str, Space], only: Sequence[str] | None
) -> dict[str, Space]:
    """What is tuned, in the order of the recipe's signature."""
    known = list(inspect.signature(recipe).parameters)
    found = spaces(recipe, resolved(recipe, fixed)) | dict(space)
    unknown = [key for key in (*fixed, *space, *(only or ())) if key not in known]
    if unknown:
        hint = nearest(unknown[0], known)
        raise RunError(f"the recipe {recipe.__name__} has no argument {', '.join(unknown)}.{hint} It has: {', '.join(known)}.")
    both = [key for key in (*space, *(only or ())) if key in fixed]
    if both:
        raise RunError(f"{', '.join(both)}: both fixed and tuned. Leave one of the two out.")
    bare = [key for key in only or () if key not in found]
    if bare:
        raise RunError(
            f"{recipe.__name__} has no range for {', '.join(bare)}. Give one with ",
            Argument("space"),
            f" ({bare[0]}=LOW..HIGH).",
        )
    kept = {key: found[key] for key in known if key in found and key not in fixed and (only is None or key in {*only, *space})}
    if not kept:
        raise RunError(
            f"{recipe.__name__} has nothing left to tune. Fix fewer arguments, or give values with ",
            Argument("space"),
            " (NAME=LOW..HIGH).",
        )
    return kept
