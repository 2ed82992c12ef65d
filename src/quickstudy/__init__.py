"""quickstudy: learn from many small tasks how to learn the next one from a handful of examples."""

from quickstudy import checks, datasets, learners, metrics, nn, recipes, tasks
from quickstudy.checkpoint import load, save
from quickstudy.compare import compare
from quickstudy.evaluate import evaluate
from quickstudy.learner import Learner, Predictor
from quickstudy.report import Report
from quickstudy.stream import evaluate_stream
from quickstudy.task import Examples, Task
from quickstudy.train import train
from quickstudy.tuning.search import tune

__all__ = [
    "Examples",
    "Learner",
    "Predictor",
    "Report",
    "Task",
    "checks",
    "compare",
    "datasets",
    "evaluate",
    "evaluate_stream",
    "learners",
    "load",
    "metrics",
    "nn",
    "recipes",
    "save",
    "tasks",
    "train",
    "tune",
]
