"""Numbers that stand for themselves: reports, intervals, paired comparisons, rankings."""

from quickstudy.reports.compare import compare, conclude
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.intervals import (
    Apart,
    interval_by_bootstrap,
    interval_over_classes,
    interval_over_runs,
    interval_over_tasks,
    intervals_of,
)
from quickstudy.reports.ranking import Ranking, holm, rank
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score
from quickstudy.reports.tuned import Trial, Tuned

__all__ = [
    "Apart",
    "Comparison",
    "Ranking",
    "Report",
    "Score",
    "Trial",
    "Tuned",
    "compare",
    "conclude",
    "holm",
    "interval_by_bootstrap",
    "interval_over_classes",
    "interval_over_runs",
    "interval_over_tasks",
    "intervals_of",
    "rank",
]
