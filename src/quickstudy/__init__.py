"""quickstudy: learn from many small tasks how to learn the next one from a handful of examples."""

from quickstudy import checks, datasets, learners, metrics, nn, recipes, tasks
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.evaluation.stream import evaluate_stream
from quickstudy.learner import Learner, Predictor
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.saving.checkpoint import load, save
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
