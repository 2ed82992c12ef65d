"""Pictures of results; each function returns a matplotlib ``Figure`` without touching any window or global state."""

from quickstudy.plots.calibration import reliability_picture
from quickstudy.plots.costs import Cost, accuracy_against_cost
from quickstudy.plots.diversity import diversity
from quickstudy.plots.pictures import embedding_map, plane, task_picture
from quickstudy.plots.ranks import ranks
from quickstudy.plots.results import accuracy_against_shots, accuracy_against_ways, intervals, training_curve
from quickstudy.plots.style import svg
from quickstudy.plots.training import adaptation_picture, progress_picture, step_size_picture, validation_picture

__all__ = [
    "Cost",
    "accuracy_against_cost",
    "accuracy_against_shots",
    "accuracy_against_ways",
    "adaptation_picture",
    "diversity",
    "embedding_map",
    "intervals",
    "plane",
    "progress_picture",
    "ranks",
    "reliability_picture",
    "step_size_picture",
    "svg",
    "task_picture",
    "training_curve",
    "validation_picture",
]
