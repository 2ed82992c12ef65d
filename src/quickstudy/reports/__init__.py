"""Reports, intervals, paired comparisons and rankings."""

from quickstudy.reports.compare import compare, conclude
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.estimate import Estimate, estimate_over_classes, estimate_over_tasks
from quickstudy.reports.intervals import (
    interval_by_bootstrap,
    interval_of_share,
    interval_over_classes,
    interval_over_runs,
    interval_over_tasks,
)
from quickstudy.reports.ranking import Ranking, holm, rank
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score
from quickstudy.reports.tuned import Trial, Tuned
from quickstudy.reports.worlds import Apart, World, estimates_of, in_words

__all__ = [
    "Apart",
    "Comparison",
    "Estimate",
    "Ranking",
    "Report",
    "Score",
    "Trial",
    "Tuned",
    "World",
    "compare",
    "conclude",
    "estimate_over_classes",
    "estimate_over_tasks",
    "estimates_of",
    "holm",
    "in_words",
    "interval_by_bootstrap",
    "interval_of_share",
    "interval_over_classes",
    "interval_over_runs",
    "interval_over_tasks",
    "rank",
]
