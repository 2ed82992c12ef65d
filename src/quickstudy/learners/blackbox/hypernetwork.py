"""A hypernetwork: a network that reads the support set and writes weights of another network, in one forward pass.

Source: Ha, Dai & Le, 2017, HyperNetworks.
"""

from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor, nn

from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.written import Written
from quickstudy.task import Examples, Inputs

__all__ = ["Generated", "HyperNetwork"]


class Generated(NamedTuple):
    """What is remembered of a support set: the numbers written from it, and which classes are present (N,)."""

    numbers: Any
    present: Tensor


class HyperNetwork(Learner[Generated]):
    """Weights are generated from the support set instead of found by gradient descent: ``θ = h(S)``, ``f(x) = f_θ(x)``.

    What is written is an object of `quickstudy.nn.written`: a head (`WrittenHead`), FiLM scales (`WrittenFiLM`), low-rank
    updates (`WrittenLowRank`), a whole small network (`WrittenNetwork`), or a body and then a head (`WrittenInTurn`).
    A head whose row is ``w_n = 2 c_n, b_n = −‖c_n‖²`` makes a prototypical network; `WrittenHead` starts from ``c_n``.

    Deviation: the paper's h reads a learned layer embedding and writes the same weights for all inputs; here it reads a
    support set, as in the hypernetworks of few-shot learning that came after it.

    Args:
        encoder: any network from inputs to features (D,), shared by all tasks; `torch.nn.Identity()` hands the inputs on.
        written: the part that is written for each task, on top of the encoder.
        likelihood: of the outputs.

    Raises:
        ShapeError: (at adaptation) a written network with fewer outputs than ways.

    >>> import torch
    >>> from quickstudy.nn.written import WrittenHead
    >>> learner = HyperNetwork(nn.Flatten(), WrittenHead(nn.Linear(4, 4), nn.Linear(4, 1)))
    >>> learner(Examples.of(torch.eye(4), torch.tensor([0, 1, 2, 2])))(torch.zeros(7, 4)).shape
    torch.Size([7, 3])
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        written: Written,
        *,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.encoder, self.written, self.likelihood = encoder, written, likelihood
        norm = "running" if written.norm == "none" else written.norm
        self.facts = replace(self.facts, label_order=written.label_order, norm=norm)

    def encode(self, x: Inputs) -> Inputs:
        return self.encoder(x)

    def adapt(self, support: Examples) -> Generated:
        return Generated(self.written.write(support), self.likelihood.present(support.y, support.mask))

    def predict(self, state: Generated, x: Inputs) -> Tensor:
        return self.likelihood.restrict(self.written(state.numbers, x), state.present)
