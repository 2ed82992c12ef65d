"""Checks of learners, sources and data: the contract that every learner and every source keeps, and the doctor."""

from quickstudy.checks.columns import fixed_columns, revealing_positions
from quickstudy.checks.contract import BATTERY, check_learner
from quickstudy.checks.cost import StepCost, costs_too_much, step_cost
from quickstudy.checks.diversity import TaskDiversity, differ_too_little, task_diversity
from quickstudy.checks.doctor import CHECKS, Subject, examine, subject_of_data
from quickstudy.checks.finding import Diagnosis, Finding, Observation, Severity
from quickstudy.checks.gradient import check_metagradient
from quickstudy.checks.memorisation import answered_without_support
from quickstudy.checks.other_queries import moved_by_names, moved_by_order, moved_by_other_queries
from quickstudy.checks.overview import Overview, overview
from quickstudy.checks.progress import meta_overfitting, meta_train_gap
from quickstudy.checks.record import Checks, Point
from quickstudy.checks.scene import Training
from quickstudy.checks.second_order import unsafe_second_order
from quickstudy.checks.sources import check_source
from quickstudy.checks.splits import copies_inside_classes, repeated_examples, shared_classes

__all__ = [
    "BATTERY",
    "CHECKS",
    "Checks",
    "Diagnosis",
    "Finding",
    "Observation",
    "Overview",
    "Point",
    "Severity",
    "StepCost",
    "Subject",
    "TaskDiversity",
    "Training",
    "answered_without_support",
    "check_learner",
    "check_metagradient",
    "check_source",
    "copies_inside_classes",
    "costs_too_much",
    "differ_too_little",
    "examine",
    "fixed_columns",
    "meta_overfitting",
    "meta_train_gap",
    "moved_by_names",
    "moved_by_order",
    "moved_by_other_queries",
    "overview",
    "repeated_examples",
    "revealing_positions",
    "shared_classes",
    "step_cost",
    "subject_of_data",
    "task_diversity",
    "unsafe_second_order",
]
