"""What can be said about a predictor from its user's own examples: left-out score, curve by shots, suspects, threshold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from quickstudy.functional.tree import leaves
from quickstudy.learner import Predictor
from quickstudy.reports.words import amount, between
from quickstudy.task import Examples
from quickstudy.use.mislabelled import Suspect, mislabelled
from quickstudy.use.own_support import LeftOut, kept_support, left_out
from quickstudy.use.shots_curve import CurvePoint, shots_curve, what_more_brings

__all__ = ["OwnReport", "own_report"]

_NAMED = 10


@dataclass(frozen=True)
class OwnReport:
    """A predictor evaluated on its own support set.

    Args:
        left: what was predicted for each example left out.
        curve: the score by shots.
        suspects: examples that look mislabelled.
        classes: names of the classes, empty for values.
        places: the file or row of each example.
        copies: number of examples whose features equal those of an earlier one, up to rounding.
    """

    left: LeftOut
    curve: tuple[CurvePoint, ...]
    suspects: tuple[Suspect, ...]
    classes: tuple[str, ...]
    places: tuple[str, ...]
    copies: int = 0

    def sentences(self) -> list[str]:
        """The report in words: the score, what cannot be said, what more examples brought, and the suspects."""
        score = self.left.score
        if score is None:
            return ["Cannot be evaluated on your own examples: each class has a single one. Give two or more of each."]
        how = "left out one by one" if self.left.folds == int(self.left.tried.sum()) else f"left out in {self.left.folds} parts"
        found = [
            f"On your own examples, {how}: {score.metric} {amount(score.value, score.metric, digits=1)} "
            f"({score.kind} {between(score.interval, score.metric, digits=1)})."
        ]
        if (mean := self.left.score_of_mean) is not None:
            found.append(f"Predicting the mean of the others has the {score.metric} {amount(mean, score.metric)}.")
        if self.copies:
            what = "1 example equals" if self.copies == 1 else f"{self.copies} examples equal"
            found.append(f"{what} another one, so this number is too good: an example left out is known by its copy.")
        if self.left.alone:
            what = "class" if len(self.left.alone) == 1 else "classes"
            found.append(f"Not in this number: the {what} {_some(self.left.alone)}, with a single example each.")
        if self.curve:
            found.append(what_more_brings(self.curve))
        for each in self.suspects[:_NAMED]:
            found.append(
                f"Check {self.places[each.row]}: it is labelled {self.classes[each.label]} ({each.own:.3f}) and looks like "
                f"{self.classes[each.likelier]} ({each.other:.3f})."
            )
        if len(self.suspects) > _NAMED:
            found.append(f"{len(self.suspects) - _NAMED} more look mislabelled.")
        return found

    def to_json(self) -> dict[str, Any]:
        """As JSON for other programs."""
        score = self.left.score
        suspects = [
            {
                "place": self.places[each.row],
                "label": self.classes[each.label],
                "looks_like": self.classes[each.likelier],
                "probability_of_label": each.own,
                "probability": each.other,
            }
            for each in self.suspects
        ]
        return {
            "score": None if score is None else score.to_json(),
            "folds": self.left.folds,
            "copies": self.copies,
            "not_left_out": list(self.left.alone),
            "score_of_mean": self.left.score_of_mean,
            "curve": [asdict(point) | {"mean": point.mean, "spread": point.spread} for point in self.curve],
            "suspects": suspects,
        }


def own_report(
    predictor: Predictor, places: Sequence[str] = (), *, found: LeftOut | None = None, draws: int = 20, seed: int = 0
) -> OwnReport:
    """Evaluates a predictor on its own support set. Features are not computed again: it takes seconds.

    Args:
        predictor: with its support set.
        places: the file or row of each example; by default its number.
        found: what was predicted for the examples left out, where that is known already.
        draws: for the curve by shots.
        seed: of folds and draws.

    Raises:
        LearnerError: the predictor does not keep its support set.

    >>> from quickstudy import learners
    >>> support = Examples.of([[0.0], [1.0], [8.0], [9.0], [0.5], [8.5]], [0, 0, 1, 1, 1, 1])
    >>> report = own_report(learners.ProtoNet(torch.nn.Flatten())(support, ["low", "high"]))
    >>> print(report.sentences()[0])  # doctest: +NORMALIZE_WHITESPACE
    On your own examples, left out one by one: accuracy 83.3 %
    (95 % Wilson interval over 6 examples, for others like them, 43.6 to 97.0 %).
    >>> print(report.sentences()[-1])
    Check example 4: it is labelled high (0.000) and looks like low (1.000).
    """
    found = left_out(predictor, seed=seed) if found is None else found
    classes: tuple[str, ...] = ()
    suspects: list[Suspect] = []
    if found.likelihood.targets == "classes":
        classes = predictor.classes or tuple(map(str, range(found.y.shape[1])))
        suspects = mislabelled(found)
    curve = shots_curve(predictor, draws=draws, seed=seed)
    named = tuple(places) or tuple(f"example {row}" for row in range(len(found.y)))
    return OwnReport(found, tuple(curve), tuple(suspects), classes, named, _copies(kept_support(predictor)))


def _copies(support: Examples) -> int:
    """How many rows equal an earlier one; what is encoded beside other rows differs in the last bits, so decimal numbers are
    rounded. Whole ones are code points or numbers of words, and compared as they are."""
    parts = [leaf.reshape(len(leaf), -1) for leaf in leaves(support.x)]
    whole = [part.double() for part in parts if not part.is_floating_point()]
    rows = torch.cat([torch.zeros(len(support), 0), *(part for part in parts if part.is_floating_point())], 1).double()
    length = rows.norm(dim=1, keepdim=True).clamp(min=1e-12)
    marks = torch.cat([(rows / length * 1e4).round(), (length.log() * 1e3).round(), *whole], 1)
    return len(marks) - len({row.numpy().tobytes() for row in marks + 0.0})


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
