"""Which learner is checked, on tasks that suit it: one line for each in its subpackage's file, variants included."""

from contract.cases import (
    baselines,
    bayesian,
    blackbox,
    closed_form,
    forecast,
    kernels,
    learned,
    memory,
    metric,
    optimization,
    policies,
    relatives,
    wrappers,
)
from contract.cases.ground import INPUTS, Case, blobs, few

__all__ = ["CASES", "INPUTS", "Case", "blobs", "few"]

CASES: dict[str, Case] = (
    optimization.CASES
    | learned.CASES
    | relatives.CASES
    | memory.CASES
    | metric.CASES
    | blackbox.CASES
    | closed_form.CASES
    | bayesian.CASES
    | forecast.CASES
    | kernels.CASES
    | policies.CASES
    | baselines.CASES
    | wrappers.CASES
)
"""The name begins with the learner's class; after a comma, the variant."""
