"""Layers with slow and fast weights side by side, and a network that reads one coordinate of a gradient after another.

Source: Munkhdalai & Yu, 2017, Meta networks.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.log_sign import log_sign
from quickstudy.functional.unroll import Weights
from quickstudy.nn import norm
from quickstudy.nn.fast import call
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Inputs

__all__ = ["Augmented", "AugmentedMLP", "CoordinateMLP"]


class Augmented(Recorded, nn.Module):
    """Blocks in a row, each with its slow weights and, where there are any, with fast weights beside them.

        ``h_l = f_l(W_l, h_{l−1}) + f_l(W*_l, h_{l−1})``

    f_l holds its activation, as in the paper: ``relu(W h) + relu(W* h)``. Matrices and kernels have fast weights;
    biases and norms serve both sides.

    Args:
        blocks: f_1, f_2, …; norms among them must work on single examples (layer, group or instance norm).

    Raises:
        LearnerError: fewer than two blocks, or a batch norm: fast weights differ by example, which leaves it no batch.

    Shapes:
        (examples, …), fast weights by name -> (examples, outputs of the last block)

    >>> import torch
    >>> network = Augmented([nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)])
    >>> x = torch.ones(1, 2)
    >>> doubled = network(x, network.slow)
    >>> torch.allclose(doubled, 4 * network(x))
    True
    """

    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(norm.convert(block) for block in blocks)
        if len(self.blocks) < 2:
            raise LearnerError("an augmented network needs at least two blocks: one that gives features, one that reads them.")
        if any(isinstance(part, norm.BatchNorm) for part in self.modules()):
            raise LearnerError(
                "batch norm has no batch where fast weights differ by example. Use nn.GroupNorm or nn.LayerNorm in its place."
            )

    @property
    def slow(self) -> Weights:
        """The slow weights that have fast ones beside them, by name."""
        return {name: w for name, w in self.named_parameters() if w.ndim > 1 and w.requires_grad}

    def forward(self, x: Inputs, fast: Weights | None = None) -> Tensor:
        return self._through(len(self.blocks), x, fast)

    def features(self, x: Inputs, fast: Weights | None = None) -> Tensor:
        """What the last block is given."""
        return self._through(len(self.blocks) - 1, x, fast)

    def _through(self, count: int, x: Inputs, fast: Weights | None) -> Tensor:
        h: Tensor = x
        for number, block in enumerate(list(self.blocks)[:count]):
            start = f"blocks.{number}."
            beside = {name.removeprefix(start): w for name, w in (fast or {}).items() if name.startswith(start)}
            h = block(h) + call(block, beside, h) if beside else block(h)
        return h


class AugmentedMLP(Augmented):
    """Linear layers without biases, ReLU after all but the last, slow and fast.

    Args:
        inputs: numbers in an example.
        hidden: widths of the hidden layers.
        outputs: of the last layer.

    >>> import torch
    >>> AugmentedMLP(8, (16,), outputs=5).features(torch.zeros(3, 8)).shape
    torch.Size([3, 16])
    """

    def __init__(self, inputs: int, hidden: Sequence[int] = (64,), *, outputs: int) -> None:
        widths = [inputs, *hidden]
        layers = [nn.Sequential(nn.Linear(a, b, bias=False), nn.ReLU()) for a, b in pairwise(widths)]
        super().__init__([*layers, nn.Linear(widths[-1], outputs, bias=False)])


class CoordinateMLP(Recorded, nn.Module):
    """The same small network for each coordinate of a gradient: ``w* = m(log_sign(∇))``.

    Args:
        hidden: units in each of two hidden layers.
        p: of the gradients' preprocessing, see `functional.log_sign`.

    Shapes:
        gradients by name, any leading axes -> fast weights of the same names and shapes

    >>> import torch
    >>> CoordinateMLP()({"a": torch.ones(3, 2)})["a"].shape
    torch.Size([3, 2])
    """

    def __init__(self, hidden: int = 20, *, p: float = 7.0) -> None:
        super().__init__()
        self.p = p
        self.layers = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(self, gradients: Weights) -> Weights:
        return {name: self.layers(log_sign(g, self.p))[..., 0] for name, g in gradients.items()}
