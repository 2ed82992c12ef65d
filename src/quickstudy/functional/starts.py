"""Where the training of a network begins: its own weights, or others like them."""

import torch

from quickstudy.functional.unroll import Weights

__all__ = ["as_given", "redrawn"]


def as_given(weights: Weights) -> Weights:
    """The weights themselves."""
    return weights


def redrawn(weights: Weights) -> Weights:
    """Each tensor drawn anew from the normal distribution of its own mean and spread; a constant one stays as it is.

    >>> redrawn({"bias": torch.ones(3)})
    {'bias': tensor([1., 1., 1.])}
    """
    return {name: w.mean() + w.std(correction=0) * torch.randn_like(w) for name, w in weights.items()}
