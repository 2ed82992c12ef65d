"""The one evaluation loop, by task and by presentation; any outside function as a baseline."""

from quickstudy.evaluation.baselines import baseline, listed_rows
from quickstudy.evaluation.contest import Contest, Contestant, Trained, evaluate_by_shots, reach, tasks_by_shots, tasks_to_pay
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.evaluation.evaluate import Watcher, evaluate, evaluate_each
from quickstudy.evaluation.interact import interact
from quickstudy.evaluation.mixed_effects import MixedEffects
from quickstudy.evaluation.outside import Baseline, Solver
from quickstudy.evaluation.stream import StreamReport, evaluate_stream
from quickstudy.evaluation.temperature import fit_temperature

__all__ = [
    "Baseline",
    "Contest",
    "Contestant",
    "MixedEffects",
    "Solver",
    "StreamReport",
    "Trained",
    "Watcher",
    "baseline",
    "encoded_batches",
    "evaluate",
    "evaluate_by_shots",
    "evaluate_each",
    "evaluate_stream",
    "fit_temperature",
    "interact",
    "listed_rows",
    "reach",
    "tasks_by_shots",
    "tasks_to_pay",
]
