"""Images of a search show the numbers they were given."""

import numpy as np
import pytest

from quickstudy.plots.tuning import argument_importances, argument_slices, trial_history
from quickstudy.reports.tuned import Trial, Tuned

SPACE = {"lr": {"low": 1e-4, "high": 1e-1, "by_ratio": True}, "flat": {"values": [False, True]}}
SCORES = [0.9, 0.5, 0.7, 0.01]
TRIALS = (
    *(Trial(n, {"lr": 10.0 ** (-4 + n), "flat": n % 2 == 0}, "complete", score=s) for n, s in enumerate(SCORES)),
    Trial(4, {"lr": 1e-3, "flat": True}, "pruned", score=0.8),
    Trial(5, {"lr": 1e-1, "flat": True}, "failed"),
)
TUNED = Tuned(
    "maml",
    {
        "data": "sinusoid",
    },
    SPACE,
    0,
    "mse",
    False,
    200,
    TRIALS,
    {"lr": 0.75, "flat": 0.25},
)


def test_the_history_shows_every_trial_and_the_best_so_far() -> None:
    axes = trial_history(TUNED).axes[0]
    lines = {str(line.get_label()): line for line in axes.lines}
    assert list(np.asarray(lines["complete"].get_ydata())) == SCORES
    assert list(np.asarray(lines["best so far"].get_ydata())) == [0.9, 0.5, 0.01, 0.01]
    assert list(np.asarray(lines["best so far"].get_xdata())) == [0, 1, 3, 5]
    assert list(np.asarray(lines["stopped, others did better"].get_xdata())) == [4]
    assert list(np.asarray(lines["failed"].get_xdata())) == [5]
    assert axes.get_yscale() == "log", "errors that differ by a factor of 90"


def test_importances_are_drawn_largest_on_top() -> None:
    axes = argument_importances(TUNED).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([25, 75])  # type: ignore[attr-defined]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["flat", "lr"]


def test_slices_span_the_space_and_ring_the_best() -> None:
    lr, flat = argument_slices(TUNED).axes
    assert lr.get_xscale() == "log" and lr.get_xlim()[0] < 1e-4 and lr.get_xlim()[1] > 1e-1
    assert list(np.asarray(lr.lines[-1].get_xdata())) == [0.1] and list(np.asarray(lr.lines[-1].get_ydata())) == [0.01]
    assert [label.get_text() for label in flat.get_xticklabels()] == ["False", "True"]


def test_accuracies_are_drawn_in_percent_upward() -> None:
    trials = tuple(Trial(n, {"lr": 1e-3}, "complete", score=s) for n, s in enumerate([0.5, 0.4, 0.6]))
    found = Tuned("proto", {}, {"lr": SPACE["lr"]}, 0, "accuracy", True, 100, trials)
    lines = {str(line.get_label()): line for line in trial_history(found).axes[0].lines}
    assert list(np.asarray(lines["best so far"].get_ydata())) == pytest.approx([50, 60, 60])
