"""Learners that hold a distribution over functions and condition it on the support set."""

from quickstudy.learners.bayesian.alpaca import ALPaCA
from quickstudy.learners.bayesian.corrected_gaussian import CorrectedGaussian
from quickstudy.learners.bayesian.deep_kernel_transfer import DeepKernelTransfer
from quickstudy.learners.bayesian.logistic_mixture import BayesianLogisticRegression

__all__ = ["ALPaCA", "BayesianLogisticRegression", "CorrectedGaussian", "DeepKernelTransfer"]
