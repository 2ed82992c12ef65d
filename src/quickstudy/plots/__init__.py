"""Pictures of results; each function returns a matplotlib ``Figure`` without touching any window or global state."""

from quickstudy.plots.calibration import reliability_picture
from quickstudy.plots.costs import Cost, accuracy_against_cost
from quickstudy.plots.diversity import diversity
from quickstudy.plots.pictures import embedding_map, plane, task_picture
from quickstudy.plots.ranks import ranks
from quickstudy.plots.results import accuracy_against_shots, accuracy_against_ways, intervals, training_curve
from quickstudy.plots.style import svg

__all__ = [
    "Cost",
    "accuracy_against_cost",
    "accuracy_against_shots",
    "accuracy_against_ways",
    "diversity",
    "embedding_map",
    "intervals",
    "plane",
    "ranks",
    "reliability_picture",
    "svg",
    "task_picture",
    "training_curve",
]
