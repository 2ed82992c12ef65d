"""A pooled logistic regression as the start of a learner."""

from typing import Any

import torch
from torch import nn

__all__ = ["linear_prior"]


def linear_prior(model: Any) -> nn.Linear:
    """The layer whose two logits have the probabilities of a fitted logistic regression (scikit-learn) of two classes.

    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]]), np.array([0, 1, 1])
    >>> model = LogisticRegression().fit(x, y)
    >>> given = linear_prior(model)(torch.from_numpy(x).float()).softmax(1).detach()
    >>> np.allclose(given, model.predict_proba(x), atol=1e-6)
    True
    """
    prior = nn.Linear(model.coef_.shape[1], 2)
    half, bias = torch.as_tensor(model.coef_[0]).float() / 2, float(model.intercept_[0]) / 2
    with torch.no_grad():
        prior.weight.copy_(torch.stack([-half, half]))
        prior.bias.copy_(torch.tensor([-bias, bias]))
    return prior
