"""The reliability figure and scores by ways: what stands in a figure is what was measured."""

import pytest
import torch

from quickstudy.metrics.calibration import Reliability
from quickstudy.plots import accuracy_against_ways, reliability_figure
from quickstudy.reports.report import Report


def test_each_bin_with_queries_stands_at_its_confidence_and_accuracy() -> None:
    found = Reliability(torch.tensor([0.0, 5, 20]), torch.tensor([0.0, 0.5, 0.9]), torch.tensor([0.0, 0.6, 0.7]))
    figure = reliability_figure(found, "Model")
    figure.draw_without_rendering()
    upper, lower = figure.axes
    dots = [line for line in upper.lines if line.get_marker() == "o"]
    assert [(d.get_xdata()[0], d.get_ydata()[0]) for d in dots] == [pytest.approx((0.5, 0.6)), pytest.approx((0.9, 0.7))]
    assert dots[0].get_alpha() < dots[1].get_alpha() == 1, "five queries are drawn pale"
    assert [bar.get_height() for bar in lower.patches] == pytest.approx([0, 20, 80])
    assert upper.get_title(loc="left") == "Model: 25 queries" and upper.get_position().height > 2 * lower.get_position().height


def test_scores_by_ways_stand_above_guessing() -> None:
    def report(mean: float) -> Report:
        return Report("A", "toys", "accuracy", True, (mean - 0.1, mean + 0.1), "d", 0, False, "none", 0.0, 0)

    figure = accuracy_against_ways({"A": {2: report(0.9), 5: report(0.7), 20: report(0.4)}})
    curve, guessing = figure.axes[0].lines
    assert list(curve.get_ydata()) == pytest.approx([90, 70, 40]) and list(guessing.get_ydata()) == pytest.approx([50, 20, 5])
    assert figure.axes[0].get_xlabel().startswith("ways")
