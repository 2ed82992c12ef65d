"""What a hypernetwork may write for a task: a head, FiLM scales, low-rank updates, a whole network, or several in turn.

Source: Ha, Dai & Le, 2017, HyperNetworks.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import class_means
from quickstudy.functional.unroll import Weights
from quickstudy.nn import norm
from quickstudy.nn.fast import apply, weights_of
from quickstudy.nn.film import Modulations, ScaledFiLM, modulating, sites
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Examples, Inputs

__all__ = ["Body", "Rows", "Written", "WrittenFiLM", "WrittenHead", "WrittenInTurn", "WrittenLowRank", "WrittenNetwork"]


class Written(Recorded, nn.Module, ABC):
    """A part of a network whose numbers are written from the support set, for ONE task; a hypernetwork and its target."""

    label_order = False
    """Whether it matters which class stands in which column of y."""

    @property
    def norm(self) -> Literal["support", "running", "none"]:
        """Where the norms inside take their statistics from."""
        kinds = {type(part) for part in self.modules()}
        return "support" if norm.BatchNorm in kinds else "running" if norm.SettledNorm in kinds else "none"

    @abstractmethod
    def write(self, support: Examples) -> Any:
        """The numbers written for a support set, a tree of tensors."""

    @abstractmethod
    def forward(self, written: Any, x: Inputs) -> Tensor:
        """The part at work with these numbers on rows ``x``."""


class Rows(NamedTuple):
    """A linear head: weights (N, D) and biases (N,)."""

    weight: Tensor
    bias: Tensor


class WrittenHead(Written):
    """A linear head, each class's row written from the mean c_n of its examples, to which the weights are a residual.

        ``w_n = c_n + f(c_n)``,    ``b_n = g(c_n)``,    ``logit_n = w_n · x + b_n``

    With f = 0 the weights are the prototypes themselves: f need only learn what to change, as in the authors' code of CNAPs
    (Requeima et al., 2019). One f and one g serve all classes, so tasks may have any number of ways, and renaming the classes
    permutes the outputs.

    Args:
        weights: f, any network from features (D,) to D numbers.
        bias: g, any network from features (D,) to one number.

    >>> head = WrittenHead(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> head(head.write(Examples.of(torch.eye(2), torch.tensor([0, 1]))), torch.zeros(4, 2)).shape
    torch.Size([4, 2])
    """

    def __init__(self, weights: nn.Module, bias: nn.Module) -> None:
        super().__init__()
        self.weights, self.bias = weights, bias

    def write(self, support: Examples) -> Rows:
        means_ND = class_means(support.x, support.y, support.mask)
        return Rows(means_ND + self.weights(means_ND), self.bias(means_ND)[:, 0])

    def forward(self, written: Rows, x: Tensor) -> Tensor:
        return nn.functional.linear(x, written.weight, written.bias)


class Body(NamedTuple):
    """What was written for a network inside a task, and its norms' statistics on the support set under it."""

    numbers: Any
    statistics: norm.Statistics


class _WrittenBody(Written):
    """A network run under numbers that a code of the support set gives."""

    label_order = True

    def __init__(self, network: nn.Module, reader: SetEncoder) -> None:
        super().__init__()
        self.network, self.reader = norm.convert(network), reader

    @abstractmethod
    def numbers(self, code: Tensor) -> Any:
        """What is written, from the code (C,)."""

    @abstractmethod
    def run(self, numbers: Any, x: Inputs, statistics: norm.Statistics | None) -> Tensor:
        """The network under these numbers; norms use ``statistics``, or those of the rows given."""

    def write(self, support: Examples) -> Body:
        numbers = self.numbers(self.reader(support))
        with norm.recording(support.mask) as kept:
            if self.norm == "support":
                self.run(numbers, support.x, None)
        return Body(numbers, kept)

    def forward(self, written: Body, x: Inputs) -> Tensor:
        return self.run(written.numbers, x, written.statistics).flatten(1)


class WrittenFiLM(_WrittenBody):
    """A network whose norm layers are scaled and shifted for the task, by a `ScaledFiLM` that starts near the network itself.

    Args:
        network: any with norm layers; a copy of it is used.
        reader: the set encoder that gives z.
        code: numbers in z.
        channels: layers to modulate by name with their channels; the norm layers by default.

    >>> body = WrittenFiLM(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), SetEncoder(nn.Identity()), code=2)
    >>> body.write(Examples.of(torch.eye(2), torch.tensor([0, 1]))).numbers["1"][0].shape
    torch.Size([3])
    """

    def __init__(self, network: nn.Module, reader: SetEncoder, *, code: int, channels: Mapping[str, int] | None = None) -> None:
        super().__init__(network, reader)
        self.film = ScaledFiLM(code, sites(self.network) if channels is None else channels)

    def numbers(self, code: Tensor) -> Modulations:
        modulations: Modulations = self.film(code)
        return modulations

    def run(self, numbers: Modulations, x: Inputs, statistics: norm.Statistics | None) -> Tensor:
        with modulating(self.network, numbers):
            return apply(self.network, {}, x, statistics)


class WrittenNetwork(_WrittenBody):
    """A whole network, ``θ = θ_0 + W z + b``, from W = 0 and b = 0 on: meta-training starts at the network itself.

    Args:
        network: the one that is written, θ_0; small, for W has code × (its weights) numbers. A copy of it is used.
        reader: the set encoder that gives z.
        code: numbers in z.

    >>> from quickstudy.nn.set_encoder import PairEncoder
    >>> body = WrittenNetwork(nn.Linear(1, 1), PairEncoder(nn.Linear(2, 8)), code=8)
    >>> body.write(Examples.of(torch.ones(3, 1), torch.full((3,), 0.5))).numbers["weight"].shape
    torch.Size([1, 1])
    """

    def __init__(self, network: nn.Module, reader: SetEncoder, *, code: int) -> None:
        super().__init__(network, reader)
        self.writer = nn.Linear(code, sum(weight.numel() for weight in self.base.values()))
        nn.init.zeros_(self.writer.weight)
        nn.init.zeros_(self.writer.bias)

    @property
    def base(self) -> Weights:
        """θ_0, those of the network's weights that require a gradient."""
        return weights_of(self.network)

    def numbers(self, code: Tensor) -> Weights:
        parts = self.writer(code).split([weight.numel() for weight in self.base.values()])
        return {name: w + part.view_as(w) for (name, w), part in zip(self.base.items(), parts, strict=True)}

    def run(self, numbers: Weights, x: Inputs, statistics: norm.Statistics | None) -> Tensor:
        return apply(self.network, numbers, x, statistics)


class WrittenLowRank(_WrittenBody):
    """Low-rank updates of a network's matrices, ``W = W_0 + U(z) V(z)``, ``U = W_u z + b_u``, ``V = V_0 + W_v z + b_v``.

    A convolution's kernel counts as the matrix (filters, the rest). U starts at 0: meta-training starts at the network
    itself. The update of an (a × b) matrix needs rank · (a + b) numbers instead of a · b.

    Args:
        network: any with linear or convolution layers; a copy of it is used.
        reader: the set encoder that gives z.
        code: numbers in z.
        rank: of each update.

    Raises:
        LearnerError: a rank below one, or no matrix to update.

    >>> body = WrittenLowRank(nn.Linear(9, 9), SetEncoder(nn.Linear(9, 8)), code=8, rank=1)
    >>> [part.shape for part in body.write(Examples.of(torch.ones(3, 9), torch.full((3,), 0.5))).numbers["weight"]]
    [torch.Size([9, 1]), torch.Size([1, 9])]
    """

    def __init__(self, network: nn.Module, reader: SetEncoder, *, code: int, rank: int = 2) -> None:
        super().__init__(network, reader)
        self.rank = rank
        shapes = [(rank, weight.shape[0], weight[0].numel()) for weight in self.matrices.values()]
        if rank < 1 or not shapes:
            raise LearnerError(f"rank={rank} updates of {len(shapes)} matrices: at least one of each is needed.")
        self.outputs = nn.Linear(code, sum(rank * a for rank, a, _ in shapes))
        self.inputs = nn.Linear(code, sum(rank * b for rank, _, b in shapes))
        nn.init.zeros_(self.outputs.weight)
        nn.init.zeros_(self.outputs.bias)
        with torch.no_grad():
            bounds = [torch.full((rank * b,), 1 / math.sqrt(b)) for rank, _, b in shapes]
            self.inputs.bias.copy_(torch.cat(bounds) * (2 * torch.rand(len(self.inputs.bias)) - 1))

    @property
    def matrices(self) -> Weights:
        """W_0, those of the network's weights that are matrices or kernels and require a gradient."""
        return {name: weight for name, weight in weights_of(self.network).items() if weight.ndim > 1}

    def numbers(self, code: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        matrices = self.matrices
        left = self.outputs(code).split([self.rank * w.shape[0] for w in matrices.values()])
        right = self.inputs(code).split([self.rank * w[0].numel() for w in matrices.values()])
        return {name: (u.view(-1, self.rank), v.view(self.rank, -1)) for name, u, v in zip(matrices, left, right, strict=True)}

    def run(self, numbers: dict[str, tuple[Tensor, Tensor]], x: Inputs, statistics: norm.Statistics | None) -> Tensor:
        matrices = self.matrices
        weights = {name: matrices[name] + (u @ v).view_as(matrices[name]) for name, (u, v) in numbers.items()}
        return apply(self.network, weights, x, statistics)


class WrittenInTurn(Written):
    """One part after the other, the second written from what the first makes of the support set: a body, then a head.

    Args:
        body: a network under FiLM, low-rank updates or written as a whole.
        head: what is written from the features that it gives.

    >>> body = WrittenLowRank(nn.Linear(4, 4), SetEncoder(nn.Linear(4, 8)), code=8)
    >>> both = WrittenInTurn(body, WrittenHead(nn.Linear(4, 4), nn.Linear(4, 1)))
    >>> both(both.write(Examples.of(torch.eye(4), torch.arange(4))), torch.eye(4)).shape
    torch.Size([4, 4])
    """

    def __init__(self, body: Written, head: Written) -> None:
        super().__init__()
        self.body, self.head = body, head
        reads = any(isinstance(part, SetEncoder) and part.reads_labels for part in body.modules())
        self.label_order = reads or head.label_order

    def write(self, support: Examples) -> tuple[Any, Any]:
        body = self.body.write(support)
        return body, self.head.write(support.replace(self.body(body, support.x)))

    def forward(self, written: tuple[Any, Any], x: Inputs) -> Tensor:
        outputs: Tensor = self.head(written[1], self.body(written[0], x))
        return outputs
