"""What a scikit-learn estimator over a learner does whatever its targets: it adapts, learns more, and predicts."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import ArgumentError, DataError, ShapeError
from quickstudy.estimators.chosen import Build, chosen, own_reads
from quickstudy.estimators.reading import (
    are_features,
    chunks,
    place,
    plain_table,
    raw_things,
    width,
)
from quickstudy.functional.tree import leaves
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.learner import Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.task import Examples, Inputs
from quickstudy.use.updated import updated

__all__ = ["Adapting"]

_ROWS_AT_ONCE = 256
_draws = threading.RLock()


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Draws numbers from ``seed`` within, one thread at a time, and leaves the global generators as they were."""
    if seed is None:
        yield
        return
    with _draws, torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


class Adapting(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A base for estimators, which define ``_likelihood``: what their targets mean."""

    _likelihood: ClassVar[Likelihood]

    def __init__(
        self,
        learner: Learner[Any] | Build | str | Path,
        *,
        learner_args: Mapping[str, Any] | None = None,
        reads: InputKind | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.learner = learner
        self.learner_args = learner_args
        self.reads = reads
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        known = self.learner if isinstance(self.learner, Learner) else getattr(self, "_learner", None)
        reads = self.reads or (None if known is None else own_reads(known))
        tags.non_deterministic = known is not None and known.facts.stochastic
        kinds = tags.input_tags
        kinds.three_d_array = reads is None or isinstance(reads, Images)
        if isinstance(reads, Columns):
            kinds.categorical = kinds.string = kinds.dict = True
        elif reads is not None:
            kinds.one_d_array, kinds.two_d_array, kinds.string = True, False, True
        return tags

    @property
    def _learner(self) -> Learner[Any]:
        learner: Learner[Any] = self.predictor_.learner
        return learner

    @property
    def _builds(self) -> bool:
        return callable(self.learner) and not isinstance(self.learner, Learner | type)

    def _checked(self, y: Any) -> None:
        """Refuses arguments that scikit-learn has constructors accept, and a missing ``y``."""
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None. Give a target for each row."
            )
        if self.learner_args is not None and not isinstance(self.learner_args, Mapping):
            raise ArgumentError(f"learner_args={shown(self.learner_args)} must be a dictionary of arguments by name, or None.")
        if self.reads is not None and not isinstance(self.reads, InputKind):
            raise ArgumentError(f"reads={shown(self.reads)} must be an input kind, inputs.Images(84) for example, or None.")

    def _rows(self, X: Any, reads: InputKind | None, *, reset: bool) -> Any:
        """What ``X`` holds as a tensor of rows, or as raw things that ``reads`` can read."""
        if reads is None:
            X = plain_table(X)
            if isinstance(X, Tensor):
                return validate_data(self, X, reset=reset, skip_check_array=True)
            X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32], allow_nd=True)
            return torch.from_numpy(np.require(X, requirements=["C", "W"]))
        if reset:
            self.__dict__.pop("n_features_in_", None)
            self.__dict__.pop("feature_names_in_", None)
        by_name = isinstance(X, list | tuple) and len(X) and isinstance(X[0], Mapping)
        if isinstance(reads, Columns) and not by_name:
            validate_data(self, X, reset=reset, skip_check_array=True)
        return raw_things(X, reads)

    def _fitted(self, X: Any, y: NDArray[Any], outputs: int, names: list[str] | None) -> Self:
        """Adapts the learner to one support set."""
        learner = None if self._builds else chosen(self.learner, self.learner_args, self._likelihood, 0, outputs)
        reads = self.reads or (None if learner is None else own_reads(learner))
        reads = None if are_features(X, reads) else reads
        rows = self._rows(X, reads, reset=True)
        check_consistent_length(rows, y)
        x = rows if reads is None else reads.batch(rows)
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with _seeded(self._seed if learner is None or learner.facts.stochastic else None):
            if learner is None:
                learner = chosen(self.learner, self.learner_args, self._likelihood, width(x), outputs)
            predictor = learner(self._examples(place(x, learner), y, outputs), names)
        self.predictor_ = replace(predictor, reads=reads)
        return self

    def _examples(self, x: Inputs, y: NDArray[Any], outputs: int) -> Examples:
        """Rows with their targets: class numbers for a classifier, else values."""
        if isinstance(self._likelihood, Categorical):
            return Examples.of(x, torch.from_numpy(y), ways=outputs, kind="classes")
        first = leaves(x)[0]
        dtype = first.dtype if first.is_floating_point() else torch.get_default_dtype()
        return Examples.of(x, torch.tensor(y, dtype=dtype), kind="values")

    def _fitted_more(self, X: Any, y: NDArray[Any], outputs: int, names: list[str] | None) -> Self:
        """Learns more examples, with ``outputs`` classes or target columns in all."""
        predictor, learner = self.predictor_, self._learner
        rows = self._rows(X, predictor.reads, reset=False)
        check_consistent_length(rows, y)
        x = rows if predictor.reads is None else predictor.reads.batch(rows)
        more = self._examples(place(x, learner), y, outputs)
        with _seeded(self._seed if learner.facts.stochastic else None):
            self.predictor_ = updated(predictor, more, names)
        return self

    def _outputs(self, X: Any) -> Tensor:
        """The learner's outputs (Q, N or P), some rows at a time."""
        check_is_fitted(self, "predictor_")
        predictor, facts = self.predictor_, self._learner.facts
        rows = self._rows(X, predictor.reads, reset=False)
        found = []
        with _seeded(self._seed if facts.stochastic else None):
            for part, count in chunks(rows, len(rows), len(rows) if facts.transductive else _ROWS_AT_ONCE):
                outputs = predictor(part)
                if len(outputs) != count:
                    raise ShapeError(
                        f"{count} rows of X were read as {len(outputs)} {predictor.reads.things}. Give one row for each."
                    )
                found.append(outputs)
        if not found:
            raise DataError("X has no rows. Give at least one.")
        return torch.cat(found).cpu()

    def _means(self, X: Any) -> NDArray[Any]:
        """Expected targets: probabilities of the classes, or values."""
        outputs = self._outputs(X)
        means = self._learner.stated.mean(outputs)
        return np.asarray(means.float() if means.dtype in (torch.bfloat16, torch.float16) else means)
