"""The answers of a predictor to many queries: a broken one takes away no other's answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import Tensor

from quickstudy.errors import LearnerError, UserError
from quickstudy.functional.spelled import Spelled
from quickstudy.functional.tree import stack
from quickstudy.learner import Predictor
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.metrics.rejection import NONE_OF_THESE
from quickstudy.use.evidence import Evidence, evidence
from quickstudy.use.queries import Query, fault_of

__all__ = ["Answer", "answers", "answers_of"]

_AT_ONCE = 64
_CANDIDATES = 5
"""Of a text that are named, most probable first."""
_HALF = 1.959964
"""Deviations from the mean to the bound of the central 95 % interval."""


@dataclass(frozen=True)
class Answer:
    """The answer to one query.

    Args:
        place: of the query.
        kind: "classes", "values" or "labels", as the learner's targets are, or "texts".
        scores: the probability of each class, or each value, by name; of texts that of the most probable ones.
        least: below this probability no class is named.
        deviations: the standard deviation of each value by name, where the learner states it.
        evidence: the support examples that count for most, where they were asked for.
        fault: what is wrong with the query; then there is nothing else.
    """

    place: str
    kind: str
    scores: dict[str, float]
    least: float = 0.0
    deviations: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    fault: UserError | None = None

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """Names and probabilities, the most probable first."""
        return sorted(self.scores.items(), key=lambda pair: -pair[1])

    @property
    def name(self) -> str:
        """The most probable class, "none of these" below the threshold; of labels those that are likelier than not."""
        if self.kind == "labels":
            return ", ".join(name for name, probability in self.scores.items() if probability > 0.5) or NONE_OF_THESE
        best, probability = self.ranked[0]
        return NONE_OF_THESE if probability < self.least else best

    @property
    def probability(self) -> float:
        """Of the most probable class."""
        return self.ranked[0][1]

    @property
    def doubt(self) -> float:
        """How unsure the answer is: of classes ``1 − (p₁ − p₂)`` of the two most probable ones, of labels how near the nearest
        is to ½, of values the largest stated deviation.

        Source: Scheffer, Decomain & Wrobel, 2001, Active hidden Markov models for information extraction (margin sampling).

        Raises:
            LearnerError: the learner states no deviation of its values.
        """
        if self.kind == "values":
            if not self.deviations:
                raise LearnerError("this learner does not state how unsure its values are, so that none is the most unsure.")
            return max(self.deviations.values())
        if self.kind == "labels":
            return 1 - 2 * min(abs(probability - 0.5) for probability in self.scores.values())
        first, second, *_ = [*sorted(self.scores.values(), reverse=True), 0.0]
        return 1 - (first - second)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The central 95 % interval of each value, where the learner states a deviation."""
        found = {name: (self.scores[name], _HALF * deviation) for name, deviation in self.deviations.items()}
        return {name: (value - half, value + half) for name, (value, half) in found.items()}

    def to_json(self) -> dict[str, Any]:
        """As JSON for other programs; a broken query has its place and an error."""
        if self.fault is not None:
            return {"input": self.place, "error": str(self.fault)}
        told: dict[str, Any] = {"evidence": [asdict(each) for each in self.evidence]} if self.evidence else {}
        told |= {"doubt": self.doubt} if self.kind != "values" or self.deviations else {}
        if self.kind == "values":
            spread = {"intervals": {name: list(bounds) for name, bounds in self.intervals.items()}} if self.deviations else {}
            return {"input": self.place, **self.scores, **spread, **told}
        what = "text" if self.kind == "texts" else "class"
        found = {"input": self.place, what: self.name, "probability": self.probability, "probabilities": self.scores}
        return found | told


def answers(
    predictor: Predictor,
    queries: Iterable[Query],
    *,
    threshold: float | None = None,
    at_once: int = _AT_ONCE,
    explain: int = 0,
) -> Iterator[Answer]:
    """An answer to each query, in order; one that is broken has a fault instead.

    Args:
        predictor: one that reads raw things.
        queries: of `quickstudy.use.queries`, or of your own.
        threshold: below this probability no class is named; None: the predictor's own, 0: none.
        at_once: how many queries are predicted together. Those of a transductive learner are all predicted together.
        explain: so many support examples are named with each answer that count for most in it, see `evidence`.

    Raises:
        LearnerError: the predictor cannot read raw things, or its outputs are NaN.

    >>> from quickstudy import Examples, learners
    >>> from quickstudy.inputs.texts import Texts
    >>> learner = learners.NearestCentroid()
    >>> learner.reads = Texts(width=256)
    >>> support = Examples.of(learner.reads.batch(["lost card", "rain today"]), [0, 1])
    >>> asked = [Query("a", "my card is lost"), Query("b", ""), Query("c", "will it rain")]
    >>> [str(each.fault or each.name) for each in answers(learner(support, ["card", "weather"]), asked)]
    ['card', 'b: the text is empty. Give a text with words in it, or leave the row out.', 'weather']
    """
    if predictor.reads is None:
        raise LearnerError("this predictor does not know how a raw thing becomes an input. Call it with tensors: predictor(x).")
    kind = predictor.learner.likelihood.targets
    own = 0.0 if predictor.threshold is None else predictor.threshold.least
    least = own if threshold is None else threshold
    together = None if predictor.learner.facts.transductive else at_once
    waiting: list[tuple[Query, Any]] = []
    for query in queries:
        waiting.append((query, _read(predictor, query)))
        if together is not None and len(waiting) >= together:
            yield from _answered(predictor, waiting, kind, least, explain)
            waiting = []
    if waiting:
        yield from _answered(predictor, waiting, kind, least, explain)


def answers_of(predictor: Predictor, outputs: Tensor, places: Sequence[str] = (), *, means: Tensor | None = None) -> list[Answer]:
    """Outputs of a predictor as answers.

    Args:
        predictor: that gave them.
        outputs: (Q, N or P).
        places: of the queries; their numbers, from 1, by default.
        means: ``likelihood.mean`` of the outputs, if it is known already.

    Raises:
        LearnerError: not one class name for each output.

    >>> from quickstudy import Examples, learners
    >>> predictor = learners.NearestCentroid()(Examples.of([[0.0], [1.0]], [0, 1]), ["low", "high"])
    >>> [answer.name for answer in answers_of(predictor, predictor([[0.9]]))]
    ['high']
    """
    kind = predictor.learner.likelihood.targets
    least = 0.0 if predictor.threshold is None else predictor.threshold.least
    found = []
    if isinstance(predictor.learner.stated, Spelled):
        scored = predictor.learner.stated.named(outputs, _CANDIDATES)
        return [Answer(places[row] if places else str(row + 1), "texts", each) for row, each in enumerate(scored)]
    for number, (scores, deviations) in enumerate(_numbers(predictor, outputs, means)):
        names = _names(predictor, kind, len(scores))
        if len(names) != len(scores):
            raise LearnerError(
                f"this predictor has {len(names)} class names and {len(scores)} outputs. Its file was altered: use a copy."
            )
        place = places[number] if places else str(number + 1)
        spread = dict(zip(names, deviations, strict=False))
        found.append(Answer(place, kind, dict(zip(names, scores, strict=True)), least, spread))
    return found


def _read(predictor: Predictor, query: Query) -> Any:
    """An input, or the error that says what is wrong with the query."""
    assert predictor.reads is not None
    if query.fault is not None:
        return query.fault
    try:
        return predictor.reads(query.thing)
    except UserError as error:
        return fault_of(query, error)


def _answered(predictor: Predictor, waiting: list[tuple[Query, Any]], kind: str, least: float, explain: int) -> Iterator[Answer]:
    good = [(query, x) for query, x in waiting if not isinstance(x, UserError)]
    found: Iterator[Answer] = iter(())
    if good:
        x = stack([x for _, x in good])
        said = answers_of(predictor, predictor(x), [query.place for query, _ in good])
        told = evidence(predictor, x, most=explain) if explain else [[]] * len(said)
        found = (replace(each, least=least, evidence=tuple(why)) for each, why in zip(said, told, strict=True))
    for query, x in waiting:
        yield Answer(query.place, kind, {}, least, fault=x) if isinstance(x, UserError) else next(found)


def _numbers(predictor: Predictor, outputs: Tensor, means: Tensor | None) -> Iterator[tuple[list[float], list[float]]]:
    """Scores of each query, and the deviations that the learner states."""
    likelihood = predictor.learner.stated
    scores = (likelihood.mean(outputs) if means is None else means).tolist()
    stated = isinstance(likelihood, MeanAndDeviation)
    deviations = likelihood.distribution(outputs).stddev.tolist() if stated else [[]] * len(scores)
    return zip(scores, deviations, strict=True)


def _names(predictor: Predictor, kind: str, count: int) -> list[str]:
    if predictor.classes:
        return list(predictor.classes)
    if kind == "values":
        return ["value"] if count == 1 else [f"value {n}" for n in range(count)]
    return list(map(str, range(count)))
