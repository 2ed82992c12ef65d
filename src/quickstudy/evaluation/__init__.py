"""The one evaluation loop, by task and by presentation; any outside function as a baseline."""

from quickstudy.evaluation.baselines import Solver, listed_rows, rival
from quickstudy.evaluation.contest import Contest, Contestant, Trained, judge_by_shots, reach, tasks_by_shots, tasks_to_pay
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.evaluation.evaluate import Rival, Watcher, evaluate, evaluate_each
from quickstudy.evaluation.stream import StreamReport, evaluate_stream

__all__ = [
    "Contest",
    "Contestant",
    "Rival",
    "Solver",
    "StreamReport",
    "Trained",
    "Watcher",
    "encoded_batches",
    "evaluate",
    "evaluate_each",
    "evaluate_stream",
    "judge_by_shots",
    "listed_rows",
    "reach",
    "rival",
    "tasks_by_shots",
    "tasks_to_pay",
]
