"""Closed-form learners: the head of a task is a convex problem with an exact solution, and meta-training differentiates that."""

from quickstudy.learners.closed_form.gated_heads import GatedHeads
from quickstudy.learners.closed_form.kernel_ridge import KernelRidge
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.learners.closed_form.r2d2 import R2D2

__all__ = ["LRD2", "R2D2", "GatedHeads", "KernelRidge", "LogisticByShots"]
