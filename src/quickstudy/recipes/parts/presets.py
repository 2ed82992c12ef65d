"""Presets that recipes share; above all one small equal budget, in which all learners are compared on the same tasks.

Equal are the tasks and not the seconds, for three reasons: labelled tasks are what a person has few of; the list of tasks,
and so the result, is the same on every machine and however busy it is, which seconds are not; and what a learner makes of
a task in how many seconds is a finding, to be printed beside its accuracy. A learner that is pre-trained on mini-batches of
labelled examples instead of tasks sees as many of them.
"""

from typing import Any

__all__ = ["BUDGET", "MANY_WAYS"]

BUDGET: dict[str, Any] = {
    "ways": 5,
    "shots": 1,
    "queries": 15,
    "train_ways": 5,
    "train_shots": 1,
    "train_queries": 5,
    "width": 32,
    "strided": True,
    "steps": 300,
    "batch": 8,
    "lr": 4e-3,
    "clip": 10.0,
    "val_tasks": 0,
}
"""Arguments that all recipes share in it: 2,400 tasks, which show 72,000 examples."""

MANY_WAYS: dict[str, Any] = {
    "queries": 15,
    "train_ways": 60,
    "train_queries": 2,
    "val_ways": 20,
    "val_queries": 5,
    "steps": 1800,
    "lr": 4e-3,
    "validations": 4,
    "val_tasks": 100,
}
"""Of metric learners on Omniglot: tasks of many ways, which are harder and teach more."""
