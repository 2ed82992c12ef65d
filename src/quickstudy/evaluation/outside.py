"""Models of other libraries in the evaluation: estimators of scikit-learn, or any object with fit and predict."""

import copy
import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from quickstudy.borders.targets import names_classes
from quickstudy.errors import DataError, LearnerError
from quickstudy.functional.tree import leaves
from quickstudy.learner import Learner, Predictor
from quickstudy.likelihood import Bernoulli, Categorical, Likelihood
from quickstudy.task import Examples

__all__ = ["Baseline", "OfArrays", "Solver", "array_of", "as_baseline", "name_of"]

Solver = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], Any]
"""``fn(support_x, support_y, query_x)`` on NumPy arrays: rows (S, D), class numbers or values (S,), rows (Q, D)."""

Baseline = Callable[[Examples], Callable[[Any], Any]]
"""Any function ``support -> (x -> outputs)``; outputs are class probabilities or scores (Q, N), class numbers (Q,), values
(Q, P), a probability for each label (Q, P), or a pair of means and standard deviations (Q, P)."""


def as_baseline(model: Any, likelihood: Likelihood) -> Baseline:
    """A function from a support set to predictions, of whatever was given: a function, an estimator, or the class of one.

    An estimator is copied for each task, fitted to the support set's rows and class numbers (or values), and asked for
    probabilities where it has ``predict_proba``, else for its predictions. Its random state, where none was set, is 0.

    Args:
        model: what `evaluate` was given, no learner.
        likelihood: of the source's targets.

    Raises:
        LearnerError: it is neither, or an estimator of the other kind of targets.

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> import torch
    >>> predict = as_baseline(KNeighborsClassifier(1), Categorical())(Examples.of(torch.eye(2), torch.tensor([0, 1])))
    >>> predict(torch.tensor([[0.1, 0.8]])).tolist()
    [[0.0, 1.0]]
    """
    if isinstance(model, type):
        model = _built(model)
    if isinstance(model, Predictor):
        raise LearnerError("a predictor has learned its task already. Give the learner that made it.")
    if isinstance(model, OfArrays):
        return lambda support: model.learned(support, isinstance(likelihood, Categorical))
    if hasattr(model, "fit") and hasattr(model, "predict"):
        _suits(model, likelihood)
        return lambda support: _fitted(model, support, likelihood)
    if isinstance(model, nn.Module):
        name = type(model).__name__
        raise LearnerError(f"a {name} is a network and no learner. Put it into one: learners.MAML({name}(...)).")
    if not callable(model):
        raise LearnerError(
            f"a {type(model).__name__} cannot be evaluated. Give a learner, an estimator with fit and predict, or a function "
            "from a support set to a function from inputs to outputs."
        )
    return model  # type: ignore[no-any-return]


class OfArrays:
    """A function of arrays as a baseline; the source defines whether targets are classes; without one it is inferred.

    Args:
        fn: fits and predicts.
        flat: whether inputs come as rows of numbers.
    """

    def __init__(self, fn: Solver, flat: bool) -> None:
        self.fn, self.flat = fn, flat
        update_wrapper(self, fn)

    def __call__(self, support: Examples) -> Callable[[Any], Any]:
        """The predictor of one support set."""
        return self.learned(support, names_classes(support.y) and bool((support.y.sum(1) == 1).all()))

    def learned(self, support: Examples, classes: bool) -> Callable[[Any], Any]:
        """The predictor of one support set whose targets are classes, or are not."""
        x, y = array_of(support.x, self.flat), _targets(support, classes)
        return lambda queries: self.fn(x, y, array_of(queries, self.flat))


def name_of(model: Any) -> str:
    """The name of a model in a report: a function's own, or that of a class."""
    return str(getattr(model, "__name__", type(model).__name__))


def array_of(x: Any, flat: bool = True) -> NDArray[Any]:
    """Inputs as one array, as rows of numbers (S, D) where ``flat``.

    Raises:
        DataError: they are no single array.
    """
    if not isinstance(x, Tensor):
        raise DataError(f"inputs of {len(leaves(x))} tensors are no single array. Write support -> (x -> outputs) instead.")
    array: NDArray[Any] = x.detach().cpu().numpy()
    return array.reshape(len(array), -1) if flat else array


def _built(kind: type) -> Any:
    """One of a class that needs no arguments."""
    name = kind.__name__
    if issubclass(kind, Learner) or not hasattr(kind, "fit"):
        raise LearnerError(f"{name} is a class. Give one that is built: {name}(...).")
    found = inspect.signature(kind).parameters.values()
    needed = [p.name for p in found if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if needed:
        call = f"{name}({', '.join(f'{n}=…' for n in needed)})"
        raise LearnerError(f"{name} needs {', '.join(needed)} to be built. Build it: {call}.")
    return kind()


def _suits(model: Any, likelihood: Likelihood) -> None:
    """Refuses a regressor for classes and a classifier for values, as far as it says which it is."""
    from sklearn.base import is_classifier, is_regressor

    try:
        classifies, regresses = is_classifier(model), is_regressor(model)
    except (AttributeError, TypeError):  # it only looks like an estimator, and says nothing of that
        return
    if isinstance(likelihood, Categorical) and regresses:
        raise LearnerError(f"{name_of(model)} predicts values, but the tasks are of classes. Give a classifier.")
    if not isinstance(likelihood, Categorical) and classifies and not isinstance(likelihood, Bernoulli):
        raise LearnerError(f"{name_of(model)} names classes, but the tasks are of values. Give a regressor.")


def _fitted(model: Any, support: Examples, likelihood: Likelihood) -> Callable[[Any], Any]:
    """A copy of the estimator, fitted to one task."""
    fitted, x, classes = _copied(model), array_of(support.x), isinstance(likelihood, Categorical)

    def said(queries: Any) -> Any:
        array = array_of(queries)
        if isinstance(likelihood, Bernoulli) and hasattr(fitted, "predict_proba"):
            return _label_probabilities(fitted, array)
        if classes and hasattr(fitted, "predict_proba"):
            return _class_probabilities(fitted, array, support.y.shape[1])
        return fitted.predict(array)

    scene = f"a support set of {len(x)} {'row' if len(x) == 1 else 'rows'}"
    _asked(f"could not be fitted to {scene}", lambda: fitted.fit(x, _targets(support, classes)))
    return lambda queries: _asked(f"could not predict after {scene}", lambda: said(queries))


def _asked(what: str, call: Callable[[], Any]) -> Any:
    """What the estimator gives; what it refuses is the user's to mend."""
    try:
        return call()
    except ValueError as error:
        raise LearnerError(f"it {what}: {error}") from error


def _class_probabilities(fitted: Any, x: NDArray[Any], ways: int) -> NDArray[Any]:
    """A column for each class of the task; those the estimator did not meet have probability 0."""
    said = np.asarray(fitted.predict_proba(x))
    whole = np.zeros((len(said), ways), dtype=said.dtype)
    whole[:, np.asarray(getattr(fitted, "classes_", np.arange(said.shape[1]))).astype(int)] = said
    return whole


def _label_probabilities(fitted: Any, x: NDArray[Any]) -> NDArray[Any]:
    """The probability of each label (Q, P): an estimator gives it as one array, or as a list of (Q, classes met)."""
    said = fitted.predict_proba(x)
    if not isinstance(said, list):
        return np.asarray(said)
    met = fitted.classes_ if hasattr(fitted, "classes_") else [each.classes_ for each in fitted.estimators_]
    return np.stack([(part * (np.asarray(classes) == 1)).sum(1) for part, classes in zip(said, met, strict=True)], 1)


def _targets(support: Examples, classes: bool) -> NDArray[Any]:
    """Class numbers (S,), values (S,) where there is one column, else columns (S, P)."""
    y = support.labels if classes else support.y[:, 0] if support.y.shape[1] == 1 else support.y
    found: NDArray[Any] = y.cpu().numpy()
    return found


def _copied(model: Any) -> Any:
    """An unfitted copy that draws the same numbers each time."""
    if not hasattr(model, "get_params"):
        return copy.deepcopy(model)
    from sklearn.base import clone

    fresh = clone(model)
    unset = [name for name, value in fresh.get_params().items() if name.split("__")[-1] == "random_state" and value is None]
    return fresh.set_params(**dict.fromkeys(unset, 0)) if unset else fresh
