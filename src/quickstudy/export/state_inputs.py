"""The state of an adapted predictor as the named inputs of its learner's exported program."""

import numpy as np

from quickstudy.export.programs import named_tensors
from quickstudy.learner import Predictor

__all__ = ["state_inputs"]


def state_inputs(predictor: Predictor) -> dict[str, np.ndarray]:
    """What the exported learner is given beside ``x`` to answer for this predictor's task.

    >>> import torch
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> predictor = ProtoNet(torch.nn.Identity())(Examples.of(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1])))
    >>> state_inputs(predictor)["state.means"].tolist()
    [[0.0], [2.0]]
    """
    return {name: tensor.detach().cpu().numpy() for name, tensor in named_tensors(predictor.state, "state").items()}
