"""Meta-overfitting: meta-training improves while meta-validation gets worse; and the gap between the two."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.errors import TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.monitoring.curve import alike
from quickstudy.monitoring.history import History
from quickstudy.reports.report import Report
from quickstudy.tasks.source import TaskSource

__all__ = ["meta_overfitting", "meta_train_gap"]

_WINDOW = 0.1
_REMEDY = (
    "Keep the best validation (a run does), stop earlier (patience=), or give meta-training more: classes, rotated classes, "
    "augmentation, weight decay, a smaller network."
)


def meta_overfitting(history: Sequence[Mapping[str, Any]], *, higher_is_better: bool) -> Observation:
    """Reads a run's log: whether the objective still fell after the best validation, and validation got worse.

    The objective is a mean over a tenth of the steps, before the best validation and at the end. The noise s of a validation
    is that of the series about its own trend. The best of n validations is a lucky one, by about ``s √(2 ln n)``; the later
    ones are worse if their mean lies below the best by more than that and twice its standard error.

    Args:
        history: lines of the log: ``{"step", "loss", …}`` of steps and ``{"step", "validation"}`` of validations; where there
            are probes among them, their gaps are reported as well.
        higher_is_better: of the validation's metric.

    >>> steps = [{"step": n, "loss": 2 - n / 100} for n in range(1, 101)]
    >>> rise_and_fall = [{"step": 10 * n, "validation": 0.9 - 0.01 * abs(n - 3) + 0.001 * (n % 2)} for n in range(1, 11)]
    >>> meta_overfitting([*steps, *rise_and_fall], higher_is_better=True).verdict
    'warning'
    """
    sign = 1 if higher_is_better else -1
    validations = sorted((int(line["step"]), sign * float(line["validation"])) for line in history if "validation" in line)
    losses = {int(line["step"]): float(line["loss"]) for line in history if "loss" in line}
    if len(validations) < 5 or not losses:
        return skipped(f"{len(validations)} validations are too few to see a trend")
    best_step, best = max(validations, key=lambda found: found[1])
    later = [(step, value) for step, value in validations if step > best_step]
    scatter = _scatter([value for _, value in validations])
    note = f"best validation {sign * best:.4g} at step {best_step:,} of {validations[-1][0]:,}, {len(later)} later"
    gaps = _gaps(history, best_step)
    if gaps:
        note += f", gap between both levels {gaps['gap_at_best']:.3g} then, {gaps['gap_at_end']:.3g} at the end"
    if len(later) < 3:
        return Observation(note)
    width = max(1, int(_WINDOW * len(losses)))
    before = statistics.fmean([loss for step, loss in sorted(losses.items()) if step <= best_step][-width:] or [math.nan])
    after = statistics.fmean([loss for _, loss in sorted(losses.items())][-width:])
    lost = best - statistics.fmean(value for _, value in later)
    luck = scatter * math.sqrt(2 * math.log(len(validations)))
    fell = before - after
    if not (fell > 0 and lost > luck + 2 * scatter / math.sqrt(len(later))):
        return Observation(f"{note}; later ones {lost:.2g} behind, which is noise or comes without a falling objective")
    drop = lost / max(abs(best), 1e-12)
    finding = Finding(
        f"Meta-overfitting: after step {best_step:,} the objective fell from {before:.3g} to {after:.3g}, but validations "
        f"were worse than the best by {lost:.3g} on average.",
        Severity.SEVERE if drop > 0.1 else Severity.WARNING,
        _REMEDY,
        {"best_step": best_step, "lost": lost, "loss_before": before, "loss_after": after, "scatter": scatter} | gaps,
    )
    return Observation(note, (finding,))


def _gaps(history: Sequence[Mapping[str, Any]], best_step: int) -> dict[str, float]:
    """The gap between meta-training and validation tasks at the best validation and at the end, where a run probed both."""
    seen = [(probe.step, probe.gap) for probe in History().add(history).probes if probe.gap is not None]
    at_best = [gap for step, gap in seen if step <= best_step]
    return {"gap_at_best": at_best[-1], "gap_at_end": seen[-1][1]} if at_best else {}


def _scatter(values: Sequence[float]) -> float:
    """The noise of a series that also has a trend: from its second differences, ``sd = √(mean d² / 6)``."""
    seconds = [values[n] - 2 * values[n + 1] + values[n + 2] for n in range(len(values) - 2)]
    return math.sqrt(statistics.fmean(d * d for d in seconds) / 6)


def meta_train_gap(
    learner: Learner[Any], train: TaskSource[Any], val: TaskSource[Any], *, tasks: int = 100, seed: int = 0
) -> Observation:
    """Evaluates a trained learner on meta-training and on meta-validation tasks of the same sizes.

    Some gap is usual, for the classes of the two may not be equally hard. More than 5 points of accuracy (its interval
    lies above) are a warning, more than 20 severe; of an error, half as much again and thrice.

    Args:
        learner: trained.
        train: meta-training tasks; of a few-shot source the classes are taken, at the sizes of ``val``.
        val: meta-validation tasks.
        tasks: on which it is evaluated, of each.
        seed: of the task lists.
    """
    try:
        seen = alike(train, val)
    except TaskError as error:
        return skipped(f"meta-training classes do not fit the sizes of validation tasks ({error})")
    if seen is None:
        return skipped("meta-training tasks are of another kind than validation tasks")
    reports = [evaluate(learner, source, tasks=tasks, seed=seed) for source in (seen, val)]
    gap, half = _gap(*reports)
    unit = "points" if reports[0].higher_is_better else "in logarithms"
    scale = 100 if reports[0].higher_is_better else 1
    note = (
        f"{reports[0].metric} {reports[0].mean:.4g} on meta-training tasks, {reports[1].mean:.4g} on validation tasks: "
        f"gap {scale * gap:.3g} ± {scale * half:.2g} {unit}"
    )
    limits = (0.05, 0.2) if reports[0].higher_is_better else (math.log(1.5), math.log(3))
    if gap - half <= limits[0]:
        return Observation(note)
    finding = Finding(
        f"Meta-training classes are answered far better than new ones: {note}.",
        Severity.SEVERE if gap - half > limits[1] else Severity.WARNING,
        _REMEDY,
        {"train": reports[0].mean, "val": reports[1].mean, "gap": gap, "half_width": half},
    )
    return Observation(note, (finding,))


def _gap(seen: Report, new: Report) -> tuple[float, float]:
    """How much better the seen tasks are answered, with half its 95 % interval (Welch): of accuracies, or of log errors."""
    variances = [statistics.variance(r.scores) / len(r.scores) if len(r.scores) > 1 else math.inf for r in (seen, new)]
    if seen.higher_is_better:
        return seen.mean - new.mean, 2 * math.sqrt(sum(variances))
    tiny = 1e-12
    relative = [v / max(r.mean, tiny) ** 2 for v, r in zip(variances, (seen, new), strict=True)]
    return math.log(max(new.mean, tiny) / max(seen.mean, tiny)), 2 * math.sqrt(sum(relative))
