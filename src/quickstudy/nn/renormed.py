"""Networks whose batch norms were replaced, so that they can be used inside a task without batch statistics."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from quickstudy.nn.exchange import exchanged
from quickstudy.nn.norm import SettledNorm
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Inputs

__all__ = ["NormedByExample", "Settled"]


class _Renormed(Recorded, nn.Module):
    def __init__(
        self, network: nn.Module, norm: Callable[[_BatchNorm], nn.Module], agreeing_in: Literal["eval"] | None = None
    ) -> None:
        super().__init__()
        self.network = exchanged(
            network, lambda layer: norm(layer) if isinstance(layer, _BatchNorm) else None, agreeing_in=agreeing_in
        )

    def forward(self, x: Inputs) -> Tensor:
        outputs: Tensor = self.network(x)
        return outputs


class Settled(_Renormed):
    """A copy of a pre-trained network whose batch norms keep the running averages that they have, as constants.

    Args:
        network: any.

    Raises:
        LearnerError: a batch norm without running averages, or one of a derived class that computes something else.

    >>> Settled(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    Settled(
      (network): Sequential(
        (0): Linear(in_features=2, out_features=3, bias=True)
        (1): SettledNorm(3, eps=1e-05, affine=True)
      )
    )
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, SettledNorm, "eval")


class NormedByExample(_Renormed):
    """A copy of a network with layer norms for batch norms: each example over its own channels and positions.

    Source: Ba, Kiros & Hinton, 2016, Layer normalization.

    Args:
        network: any.

    >>> import torch
    >>> NormedByExample(nn.BatchNorm1d(2))(torch.tensor([[0.0, 1.0], [5.0, 9.0]])).detach().round()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, _by_example)


def _by_example(norm: _BatchNorm) -> nn.Module:
    return nn.GroupNorm(1, norm.num_features, norm.eps, norm.affine)
