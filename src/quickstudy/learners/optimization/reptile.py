"""Reptile: move the initialisation toward the weights that ordinary training on a task ends at.

Source: Nichol, Achiam & Schulman, 2018, On first-order meta-learning algorithms.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import cat, map_leaves
from quickstudy.functional.unroll import Adam, Rule, Weights, gradient
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, support_loss, weights_of
from quickstudy.nn.kept_memory import KeptMemory
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs, Task

__all__ = ["Reptile"]


class Reptile(Learner[FastWeights]):
    """Meta-learns an initialisation θ without differentiating through the inner loop.

        ``φ = U^k(θ)`` (k inner steps),    ``θ ← θ + ε (φ − θ)``

    The objective is the surrogate ``½ ‖θ − φ‖²`` with φ held constant: its gradient is θ − φ, so that meta-training with
    plain SGD of step size ε (annealed from 1 to 0 in the paper) is the paper's update. The inner steps of meta-training
    run over mini-batches of the task's support and query examples together, in an order drawn anew for each task and each
    pass over its examples; a source with ``shots + queries = 10`` gives the paper's ten examples a class. In eval mode the
    whole support set is one batch.

    What the rule remembers (Adam's moments and its count of steps) is kept from task to task, as in the authors' code, and
    adaptation in eval mode starts from it, too. Deviation: there it runs on through the tasks of an outer step, one after
    another; here these tasks all start from the same memory, and the mean of what they end with is kept.

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

    facts = Facts(label_order=True, norm="support", gradient="surrogate", unexportable_adaptation=INNER_GRADIENTS)

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
        self.kept = KeptMemory(rule, weights_of(self.network))
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def advance(self) -> None:
        self.kept.fold()

    def adapt(self, support: Examples) -> FastWeights:
        return fit(self.network, support, self.likelihood, rule=self.kept, steps=self.test_steps, policy=self.norm)

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)

    def objective(self, task: Task) -> Tensor:
        start = weights_of(self.network)
        end = self._train(start, cat([task.support, task.query]))
        return sum((((w - end[name].detach()) ** 2).sum() for name, w in start.items()), torch.zeros(())) / 2

    def _train(self, weights: Weights, examples: Examples) -> Weights:
        """k steps over mini-batches of real rows, after which the rule's memory is handed to `advance`."""
        present = self.likelihood.present(examples.y, examples.mask)
        memory = self.kept.init(weights)
        for rows in self._batches(examples.mask).unbind():
            batch = map_leaves(lambda leaf, rows=rows: leaf[rows], examples)

            def loss(weights: Weights, batch: Examples = batch) -> Tensor:
                return support_loss(self.network, weights, batch, self.likelihood, present)

            grads = gradient(loss, weights, first_order=True)
            change, memory = self.kept(grads, memory)
            weights = {name: w - change[name] for name, w in weights.items()}
        if self.training:
            self.kept.gather(memory)
        return weights

    def _batches(self, mask: Tensor) -> Tensor:
        """Row numbers (k, inner_batch): passes over all real rows, each in an order of its own; as they come in eval mode."""
        passes, rows = self.inner_steps, mask.shape[0]
        place = torch.arange(rows, device=mask.device) / rows
        keys = torch.rand(passes, rows, device=mask.device) if self.training else place.expand(passes, rows)
        behind = 2 * passes * (mask <= 0)
        order = (keys + torch.arange(passes, device=mask.device)[:, None] + behind).flatten().argsort(stable=True) % rows
        wanted = torch.arange(passes * self.inner_batch, device=mask.device)
        return order[wanted % (passes * mask.sum().long()).clamp(min=1)].view(passes, self.inner_batch)
