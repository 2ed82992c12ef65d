"""Any learner as a scikit-learn classifier or regressor: fitting is adapting to a support set."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin

from quickstudy.errors import DataError
from quickstudy.estimators.adapting import Adapting
from quickstudy.estimators.reading import labels, positions, sorted_labels, values
from quickstudy.likelihood import Categorical, Gaussian

__all__ = ["EXPECTED_FAILED_CHECKS", "FewShotClassifier", "FewShotRegressor"]

EXPECTED_FAILED_CHECKS: dict[str, str] = {
    "check_estimators_overwrite_params": (
        "it compares joblib.hash of the parameters with that of a copy, and PyTorch pickles the address of a tensor's memory "
        "with it: an equal copy has another hash. It fails for learners with weights of their own, which fit leaves as they are."
    )
}
"""Checks of ``sklearn.utils.estimator_checks`` that fail, by name, and why; all others pass."""


class FewShotClassifier(ClassifierMixin, Adapting):  # type: ignore[misc]
    """Any learner of classes as a scikit-learn classifier.

        ``fit(X, y)``: ``predictor_ = learner(Examples.of(X, y))``

    The learner itself stays as it is: two estimators, threads or clones may share one. A clone shares the learner's value: one
    copy of the weights that train, and the same tensors of a frozen backbone.

    Args:
        learner: a learner, meta-trained or not; a name of `NAMES`, which need no meta-training; the path of a saved learner or
            predictor; the folder of a run; or a function (features, classes) -> learner, for networks that are built for the
            width of ``X``.
        learner_args: other arguments for the learner's constructor, ``{"test_steps": 10}`` for example; its weights stay.
        reads: how raw rows (files, texts) become inputs; by default as the learner or its backbone does.
        random_state: seeds the weights of a learner built by a function, and learners that draw random numbers.

    Attributes:
        classes_: the labels, sorted.
        predictor_: a `Predictor`, which can be saved; it keeps the examples that were learned.
        n_features_in_: numbers in a row; not there for lists of raw things.
        feature_names_in_: names of the columns, where ``X`` is a table with names.

    Raises:
        ArgumentError: (at fit) the argument means no learner.
        LearnerError: (at fit) the learner learns values.
        ValueError: (at fit and predict) rows or labels that scikit-learn's estimators refuse; `DataError` is one of them.

    >>> model = FewShotClassifier("nearest_centroid").fit([[0.0, 0.0], [1.0, 1.0]], ["low", "high"])
    >>> model.predict([[0.2, 0.1]])
    array(['low'], dtype=object)
    >>> model.partial_fit([[5.0, 5.0]], ["huge"]).predict([[4.0, 4.5]])
    array(['huge'], dtype=object)
    """

    _likelihood = Categorical()

    def fit(self, X: Any, y: Any) -> Self:
        """Adapts the learner to the rows of ``X`` with the labels ``y``; what was fitted before is replaced.

        Args:
            X: rows (S, D) or deeper, as NumPy, pandas, torch or lists; with ``reads`` also files, images or texts. A tensor of
                whole numbers stays one (tokens); all other numbers become decimal.
            y: a label for each row, of any one type that can be sorted.
        """
        self._checked(y)
        classes, numbers = sorted_labels(labels(y))
        self._fitted(X, numbers, len(classes), _names(classes))
        return self._labelled(classes)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Learns more examples, new classes among them, by the learner's ``update`` or by adapting anew to all of them.

        Args:
            X: as for `fit`.
            y: as for `fit`.
            classes: further labels that later calls may hold; without examples, such a class is never predicted.
        """
        self._checked(y)
        given = labels(y)
        asked = given if classes is None else labels(classes)
        if not hasattr(self, "predictor_"):
            known, _ = sorted_labels(asked)
            self._fitted(X, positions(given, known), len(known), _names(known))
            return self._labelled(known)
        wanted, _ = sorted_labels(_joined(self.classes_, asked))
        old = self.classes_[np.argsort(self._columns)]
        columns = _joined(old, wanted[~np.isin(wanted, old)])
        place_of = np.argsort(columns, kind="stable")
        self._fitted_more(X, place_of[positions(given, wanted)], len(columns), _names(columns))
        return self._labelled(columns)

    def _labelled(self, columns: NDArray[Any]) -> Self:
        """Remembers the label of each column of the predictor, in which a class keeps its place when others come."""
        self.classes_, self._columns = np.unique(columns, return_index=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each row, (Q,)."""
        found = self._outputs(X)[:, self._columns].argmax(-1)
        return np.asarray(self.classes_[found.numpy()])

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probabilities (Q, N), columns as in ``classes_``, in the precision of the learner."""
        return self._means(X)[:, self._columns]


class FewShotRegressor(RegressorMixin, Adapting):  # type: ignore[misc]
    """Any learner of values as a scikit-learn regressor.

        ``fit(X, y)``: ``predictor_ = learner(Examples.of(X, y))``

    Targets are learned in their own units. A learner that was meta-trained on other units, or whose penalty draws towards zero
    ("ridge" has no free bias), is wrapped into scikit-learn's ``TransformedTargetRegressor``.

    Args:
        learner: as for `FewShotClassifier`; by name there is "ridge". A function is called with (features, target columns).
        learner_args: other arguments for the learner's constructor; its weights stay.
        reads: how raw rows become inputs.
        random_state: seeds the weights of a learner built by a function, and learners that draw random numbers.

    Attributes:
        predictor_: a `Predictor`, which can be saved; it keeps the examples that were learned.
        n_features_in_: numbers in a row; not there for lists of raw things.
        feature_names_in_: names of the columns, where ``X`` is a table with names.

    Raises:
        ArgumentError: (at fit) the argument means no learner.
        LearnerError: (at fit) the learner learns classes.
        ValueError: (at fit and predict) rows or targets that scikit-learn's estimators refuse; `DataError` is one of them.

    >>> model = FewShotRegressor("ridge", learner_args={"penalty": 1e-6}).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[10.0]]).round(3)
    array([21.])
    """

    _likelihood = Gaussian()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Adapts the learner to the rows of ``X`` with the targets ``y``, (S,) or (S, P); what was fitted before is replaced."""
        self._checked(y)
        found = values(y)
        self._fitted(X, found, found.shape[1] if found.ndim == 2 else 1, None)
        self._shape = found.shape[1:]
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Learns more examples, by the learner's ``update`` or by adapting anew to all of them."""
        if not hasattr(self, "predictor_"):
            return self.fit(X, y)
        self._checked(y)
        return self._fitted_more(X, values(y), 1, None)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Expected values, (Q,) or (Q, P) as the targets were."""
        means = self._means(X).astype(np.float64)
        return means.reshape(len(means), *self._shape)


def _names(classes: NDArray[Any]) -> list[str]:
    return [str(label) for label in classes.tolist()]


def _joined(known: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
    """Labels of two calls as one array.

    Raises:
        DataError: texts in one and numbers in the other, which NumPy would write as texts.
    """
    kinds = {"S": "texts", "U": "texts", "O": "texts", "b": "truth values", "M": "dates", "m": "durations"}
    here, there = (kinds.get(part.dtype.kind, "numbers") for part in (known, more))
    if here != there:
        raise DataError(f"y holds {there} as labels, and what was fitted before {here}. Give labels of one type.")
    return np.concatenate([known, more])
