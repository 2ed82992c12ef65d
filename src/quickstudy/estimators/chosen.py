"""The learner that an estimator works with: given itself, by a name, by the path of a file or a run, or by a function."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from quickstudy.borders.arguments import shown
from quickstudy.errors import ArgumentError, ArtefactError, LearnerError, UserError, nearest
from quickstudy.inputs.kind import InputKind
from quickstudy.learner import Learner, Predictor
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.likelihood import Categorical, Gaussian, Likelihood
from quickstudy.nn.value import value_of
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import altered, load
from quickstudy.saving.ready.heads import HEADS, head

__all__ = ["NAMES", "Build", "chosen", "own_reads"]

Build = Callable[[int, int], Learner[Any]]
"""A function from the numbers in a row and the number of outputs (classes, or target columns) to a learner."""


def _ridge(
    encoder: nn.Module | None = None,
    *,
    penalty: float = 1.0,
    scale: float | None = None,
    likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
) -> R2D2:
    return R2D2(nn.Flatten() if encoder is None else encoder, penalty=penalty, scale=scale, likelihood=likelihood)


@functools.cache
def _ready(name: str) -> Learner[Any]:
    """A ready head, read once: estimators share its value."""
    return value_of(head(name)).module


NAMES: Mapping[str, Callable[..., Learner[Any]]] = {
    **{name: functools.partial(_ready, name) for name in HEADS},
    "logistic_regression": LogisticRegression,
    "nearest_centroid": NearestCentroid,
    "nearest_neighbours": NearestNeighbours,
    "ridge": _ridge,
}
"""Learners that need no meta-training, by name.

"images" and "texts" are the ready heads of `quickstudy.saving.ready`, on a pretrained backbone; "ridge" is `R2D2` on the inputs
themselves with a penalty of 1.
"""

_OF_VALUES = ("ridge",)


def chosen(given: Any, args: Mapping[str, Any] | None, likelihood: Likelihood, features: int, outputs: int) -> Learner[Any]:
    """The learner that an estimator's argument ``learner`` means.

    Args:
        given: a learner, a name, a path, or a function (features, outputs) -> learner.
        args: arguments of its constructor; those of a learner that has weights keep these.
        likelihood: what the targets ask for.
        features: numbers in a row.
        outputs: classes, or target columns.

    Raises:
        ArgumentError: it means no learner, or has no such argument.
        LearnerError: the learner does not learn such targets.
    """
    if isinstance(given, str) and given in NAMES:
        learner = _named(given, args, likelihood)
    elif isinstance(given, str | Path):
        learner = _changed(_saved(given), args)
    elif isinstance(given, Learner):
        learner = _changed(given, args)
    else:
        learner = _built(given, args, features, outputs)
    mine = learner.likelihood.targets
    if mine != likelihood.targets:
        known = {
            "classes": "FewShotClassifier",
            "values": "FewShotRegressor",
            "labels": "the learner itself, learner(Examples.of(x, y))",
        }
        raise LearnerError(
            f"{type(learner).__name__} learns {mine}, and y is of {likelihood.targets}. Use {known[mine]}, or build it to learn "
            f"{likelihood.targets}: likelihood={likelihood!r}."
        )
    return learner


def own_reads(learner: Learner[Any]) -> InputKind | None:
    """How a learner reads raw things: as it says itself, or as the first part of it does that says so (a backbone).

    >>> own_reads(NearestCentroid()) is None
    True
    """
    found = [learner.reads, *(getattr(part, "reads", None) for part in learner.modules())]
    return next((kind for kind in found if isinstance(kind, InputKind)), None)


def _named(name: str, args: Mapping[str, Any] | None, likelihood: Likelihood) -> Learner[Any]:
    build = NAMES[name]
    takes = list(inspect.signature(build).parameters)
    unknown = next((arg for arg in args or () if arg not in takes), None)
    if unknown is not None:
        known = f"It takes: {', '.join(takes)}." if takes else "It takes none."
        raise ArgumentError(f"learner={name!r} has no argument {unknown!r}.{nearest(unknown, takes)} {known}")
    if isinstance(likelihood, Gaussian):
        if name not in _OF_VALUES:
            others = ", ".join(map(repr, _OF_VALUES))
            raise LearnerError(f"learner={name!r} learns classes, and y is of values. By name there is for values: {others}.")
        args = {"likelihood": likelihood} | dict(args or {})
    return build(**(args or {}))


def _saved(path: str | Path) -> Learner[Any]:
    found = Path(path).expanduser()
    if not found.exists():
        raise ArgumentError(
            f"learner={str(path)!r} is no name of a learner that needs no meta-training, and no file or folder."
            f"{nearest(str(path), NAMES)} Names: {', '.join(NAMES)}. Or give a learner, the path of a saved one, or the folder "
            "of a run."
        )
    thing = Run(found).learner() if found.is_dir() else load(found)
    return thing.learner if isinstance(thing, Predictor) else thing


def _changed(learner: Learner[Any], args: Mapping[str, Any] | None) -> Learner[Any]:
    """The learner with other arguments of its constructor, and its weights."""
    if not args:
        return learner
    try:
        fresh = altered(learner, **args)
        fresh.load_state_dict(learner.state_dict())
    except ArtefactError as error:
        name = type(learner).__name__
        raise ArgumentError(
            f"this {name} cannot be built again with learner_args={shown(dict(args), 200)}: it holds a network of your own. "
            f"Build {name} with these arguments and give it as learner=; a grid may hold several learners."
        ) from error
    except UserError:
        raise
    except RuntimeError as error:
        raise ArgumentError(
            f"with learner_args={shown(dict(args), 200)} the weights of this {type(learner).__name__} do not fit: {error}. "
            "Change arguments that leave the shapes of its weights."
        ) from error
    fresh.reads, fresh.expects = learner.reads, learner.expects
    return fresh


def _built(given: Any, args: Mapping[str, Any] | None, features: int, outputs: int) -> Learner[Any]:
    is_class = isinstance(given, type)
    if is_class or not callable(given) or isinstance(given, nn.Module):
        remedy = f" Build one: {given.__name__}(...)." if is_class else ""
        raise ArgumentError(
            f"learner={shown(given)} is no learner.{remedy} Give a learner, one of the names {', '.join(NAMES)}, the path of a "
            "saved learner or of a run, or a function (features, outputs) -> learner."
        )
    learner = given(features, outputs, **(args or {}))
    if not isinstance(learner, Learner):
        raise ArgumentError(f"the function learner= returned {shown(learner)}, and must return a learner.")
    return learner
