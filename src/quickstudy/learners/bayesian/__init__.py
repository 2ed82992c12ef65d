"""Learners that hold a distribution over functions and condition it on the support set."""

from quickstudy.learners.bayesian.alpaca import ALPaCA

__all__ = ["ALPaCA"]
