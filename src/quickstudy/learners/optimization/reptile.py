"""Reptile: move the initialisation toward the weights that ordinary training on a task ends at.

Source: Nichol, Achiam & Schulman, 2018, On first-order meta-learning algorithms.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import cat, map_leaves
from quickstudy.functional.unroll import Adam, Rule, Weights, gradient
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, support_loss, weights_of
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs, Task

__all__ = ["Reptile"]


class Reptile(Learner[FastWeights]):
    """Meta-learns an initialisation θ without differentiating through the inner loop.

        ``φ = U^k(θ)`` (k inner steps),    ``θ ← θ + ε (φ − θ)``

    The objective is the surrogate ``½ ‖θ − φ‖²`` with φ held constant: its gradient is θ − φ, so that meta-training with
    plain SGD of step size ε (annealed from 1 to 0 in the paper) is the paper's update. The inner steps of meta-training
    run over mini-batches of the task's support and query examples together, in the order they come; a source with
    ``shots + queries = 10`` gives the paper's ten examples a class. In eval mode the whole support set is one batch.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        rule: of the inner descent; the paper's is Adam without momentum.
        inner_steps: k in meta-training.
        inner_batch: examples in an inner mini-batch of meta-training.
        test_steps: inner steps in eval mode.
        norm: "support" or "batch" (transductive), see `MAML`.
        likelihood: of the outputs.

    >>> learner = Reptile(nn.Linear(2, 2), test_steps=20)
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    """

    facts = Facts(label_order=True, norm="support", gradient="surrogate")

    def __init__(
        self,
        network: nn.Module,
        *,
        rule: Rule = Adam(1e-3, betas=(0.0, 0.999)),  # noqa: B008  a frozen record
        inner_steps: int = 5,
        inner_batch: int = 10,
        test_steps: int = 50,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 1 or inner_batch < 1 or test_steps < 0:
            raise LearnerError("inner_steps and inner_batch must be 1 or more, test_steps 0 or more.")
        self.network = convert(network)
        self.rule, self.inner_steps, self.inner_batch, self.test_steps = rule, inner_steps, inner_batch, test_steps
        self.norm, self.likelihood = norm, likelihood
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def adapt(self, support: Examples) -> FastWeights:
        return fit(self.network, support, self.likelihood, rule=self.rule, steps=self.test_steps, policy=self.norm)

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)

    def objective(self, task: Task) -> Tensor:
        start = weights_of(self.network)
        end = self._train(start, cat([task.support, task.query]))
        return sum((((w - end[name].detach()) ** 2).sum() for name, w in start.items()), torch.zeros(())) / 2

    def _train(self, weights: Weights, examples: Examples) -> Weights:
        """k steps over consecutive mini-batches of real rows, starting over when all were seen."""
        present = self.likelihood.present(examples.y, examples.mask)
        real_first = examples.mask.argsort(descending=True, stable=True)
        real = examples.mask.sum().long().clamp(min=1)
        memory = self.rule.init(weights)
        for step in range(self.inner_steps):
            places = torch.arange(step * self.inner_batch, (step + 1) * self.inner_batch, device=real.device) % real
            rows = real_first[places]
            batch = map_leaves(lambda leaf, rows=rows: leaf[rows], examples)

            def loss(weights: Weights, batch: Examples = batch) -> Tensor:
                return support_loss(self.network, weights, batch, self.likelihood, present)

            grads = gradient(loss, weights, first_order=True)
            change, memory = self.rule(grads, memory)
            weights = {name: w - change[name] for name, w in weights.items()}
        return weights
