"""Figures of results; each function returns a matplotlib ``Figure`` without touching any window or global state."""

from quickstudy.plots.calibration import reliability_figure
from quickstudy.plots.classes import classes_figure, most_confused
from quickstudy.plots.costs import Cost, accuracy_against_cost
from quickstudy.plots.diversity import diversity
from quickstudy.plots.ranks import ranks
from quickstudy.plots.results import accuracy_against_shots, accuracy_against_ways, intervals, training_curve
from quickstudy.plots.style import svg
from quickstudy.plots.tasks import embedding_map, plane, task_figure
from quickstudy.plots.training import adaptation_figure, progress_figure, step_size_figure, validation_figure

__all__ = [
    "Cost",
    "accuracy_against_cost",
    "accuracy_against_shots",
    "accuracy_against_ways",
    "adaptation_figure",
    "classes_figure",
    "diversity",
    "embedding_map",
    "intervals",
    "most_confused",
    "plane",
    "progress_figure",
    "ranks",
    "reliability_figure",
    "step_size_figure",
    "svg",
    "task_figure",
    "training_curve",
    "validation_figure",
]
