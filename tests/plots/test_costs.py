"""Accuracy against cost: dots stand where the numbers say, the frontier is one, and names keep apart."""

import itertools

import pytest

from quickstudy.plots.costs import Cost, accuracy_against_cost


def cost(name: str, accuracy: float, spent: float, family: str = "metric") -> Cost:
    return Cost(name, family, accuracy, (accuracy - 0.02, accuracy + 0.01), spent)


def test_dots_stand_at_cost_and_accuracy_in_a_colour_for_each_family() -> None:
    figure = accuracy_against_cost([cost("A", 0.9, 10.0), cost("B", 0.5, 1.0, "baselines")], "milliseconds")
    axes = figure.axes[0]
    dots = {container.get_label(): container.lines[0] for container in axes.containers}
    assert list(dots["metric"].get_xdata()) == [10.0] and list(dots["metric"].get_ydata()) == [90.0]
    assert list(dots["baselines"].get_xdata()) == [1.0]
    assert dots["metric"].get_color() != dots["baselines"].get_color()
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((88.0, 91.0))
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "milliseconds"


def test_the_frontier_joins_what_nothing_cheaper_beats() -> None:
    found = [cost("cheap", 0.5, 1.0), cost("bad", 0.4, 2.0), cost("better", 0.7, 3.0), cost("expensive", 0.7, 9.0)]
    axes = accuracy_against_cost(found, "seconds").axes[0]
    (line,) = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert list(line.get_xdata()) == [1.0, 3.0]


def test_what_costs_nothing_has_no_place_on_a_logarithmic_axis() -> None:
    axes = accuracy_against_cost([cost("free", 0.5, 0.0), cost("expensive", 0.7, 9.0)], "seconds").axes[0]
    assert [text.get_text() for text in axes.texts] == ["expensive"]


def test_names_of_crowded_dots_keep_apart() -> None:
    figure = accuracy_against_cost([cost(f"Learner{i}", 0.9 + 0.002 * i, 5.0 + i) for i in range(7)], "milliseconds")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.shrunk(0.9, 0.8).overlaps(b.shrunk(0.9, 0.8)) for a, b in itertools.combinations(boxes, 2))
