"""Standardised features have one length, which bounds the curvature of a linear head on them."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy.nn import Standardised

D, WAYS = 12, 4


def features(stretch: float) -> Tensor:
    layer = nn.Linear(5, D)
    with torch.no_grad():
        layer.weight.mul_(stretch)
    found: Tensor = Standardised(layer)(torch.randn(WAYS, 5)).detach().double()
    return found


@pytest.mark.parametrize("stretch", [1.0, 100.0])
def test_all_features_have_one_length(stretch: float) -> None:
    z = features(stretch)
    torch.testing.assert_close(z.mean(1), torch.zeros(WAYS).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close((z**2).sum(1), torch.full((WAYS,), float(D)).double(), rtol=1e-2, atol=0)


def test_the_curvature_of_a_head_is_bounded() -> None:
    """At most D / 2 anywhere, nearly reached where two classes share the probability of one and the same input."""
    same = features(100.0)[:1].expand(WAYS, D)

    def loss(weight: Tensor, z: Tensor) -> Tensor:
        return nn.functional.cross_entropy(z @ weight.reshape(WAYS, D).mT, torch.arange(WAYS))

    torn = torch.zeros(WAYS, D).double()
    torn[:2] = 100 * same[0]
    for weight, z in [(torn, same), *[(torch.randn(WAYS, D).double(), features(1.0)) for _ in range(5)]]:
        hessian = torch.autograd.functional.hessian(lambda w, z=z: loss(w, z), weight.flatten())
        top = float(torch.linalg.eigvalsh(hessian)[-1])
        assert top <= D / 2 + 1e-6
        assert top > 0.99 * D / 2 or weight is not torn
