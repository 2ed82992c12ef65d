"""Numbers drawn: what stands in a figure is what the reports say."""

import math
import warnings
from itertools import pairwise

import pytest

from quickstudy.plots import accuracy_against_shots, intervals, training_curve
from quickstudy.reports.report import Report
from quickstudy.train import Record


def report(model: str, scores: list[float], metric: str = "accuracy") -> Report:
    return Report(model, "toys", metric, metric == "accuracy", tuple(scores), "d", 0, False, "none", 0.0, 0)


def test_intervals_are_drawn_to_the_number_and_ranked() -> None:
    weak, strong = report("Weak", [0.2, 0.4, 0.3]), report("Strong", [0.7, 0.9])
    axes = intervals([strong, weak]).axes[0]
    bars = [line for line in axes.lines if len(line.get_xdata()) == 2]
    for place, found in enumerate([weak, strong]):
        assert list(bars[place].get_xdata()) == pytest.approx([100 * bound for bound in found.interval])
        assert list(bars[place].get_ydata()) == [place, place]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Weak (3 tasks)", "Strong (2 tasks)"]
    assert axes.get_xlabel().startswith("accuracy, %")


def test_of_errors_the_smallest_stands_on_top() -> None:
    axes = intervals([report("Good", [0.1, 0.2], "mse"), report("Bad", [3.0, 4.0], "mse")]).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Bad (2 tasks)", "Good (2 tasks)"]
    assert axes.get_xlabel().startswith("mse:")


def test_a_single_task_has_no_interval_and_warns_of_nothing() -> None:
    figure = intervals([report("One", [0.5])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    assert list(figure.axes[0].lines[0].get_xdata()) == [50, 50]


def test_curves_pass_through_the_means_and_name_the_shots() -> None:
    curve = {5: report("A", [0.8, 0.9]), 1: report("A", [0.4, 0.6]), 20: report("A", [0.9, 1.0])}
    axes = accuracy_against_shots({"A": curve}).axes[0]
    assert list(axes.lines[0].get_xdata()) == [1, 5, 20]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([50, 85, 95])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "5", "20"]
    assert "2 tasks a point" in axes.get_ylabel()
    assert [text.get_text() for text in axes.texts] == ["A"]


def test_names_at_the_ends_of_lines_keep_apart() -> None:
    axes = accuracy_against_shots({name: {1: report(name, [0.2, 0.4]), 2: report(name, [0.6, 0.8])} for name in "ABC"}).axes[0]
    heights = sorted(text.xy[1] for text in axes.texts)
    low, high = axes.get_ylim()
    assert min(b - a for a, b in pairwise(heights)) >= 0.05 * (high - low)


def test_training_shows_each_step_its_running_mean_and_the_validations() -> None:
    records = {"A": [Record(step, float(step), 1.0, 0.1, 0.0) for step in range(1, 61)]}
    found = report("A", [0.5, 0.7])
    upper, lower = training_curve(records, {"A": [(30, found), (60, found)], "B": []}).axes
    each, running = upper.lines
    assert list(each.get_ydata()) == [float(step) for step in range(1, 61)]
    assert running.get_ydata()[0] == 1.0
    assert running.get_ydata()[-1] == pytest.approx(sum(range(36, 61)) / 25)
    assert list(lower.lines[0].get_xdata()) == [30, 60]
    assert list(lower.lines[0].get_ydata()) == pytest.approx([60, 60])
    assert not math.isnan(lower.dataLim.height)


def test_training_without_validations_has_one_panel() -> None:
    records = {"A": [Record(1, 1.0, 1.0, 0.1, 0.0), Record(2, 0.5, 1.0, 0.1, 0.0)]}
    assert len(training_curve(records, {}).axes) == 1
