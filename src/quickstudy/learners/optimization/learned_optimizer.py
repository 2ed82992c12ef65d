"""Learning to learn by gradient descent by gradient descent: the optimizer itself is a recurrent network.

Source: Andrychowicz, Denil, Gomez, Hoffman, Pfau, Schaul, Shillingford & de Freitas, 2016, Learning to learn by gradient
descent by gradient descent.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.starts import redrawn
from quickstudy.functional.tree import map_leaves
from quickstudy.functional.unroll import Weights, gradient
from quickstudy.functional.windows import Windows
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, apply, fit, support_loss, weights_of
from quickstudy.nn.learned_rule import LearnedRule, Memory
from quickstudy.nn.norm import convert
from quickstudy.nn.rule_optimizer import RuleOptimizer
from quickstudy.task import Examples, Inputs, Task

__all__ = ["LearnedOptimizer"]


class LearnedOptimizer(Learner[FastWeights]):
    """Meta-learns the rule by which a network is trained on a task's support set; the network's start is not learned.

        ``θ_{t+1} = θ_t + g_t``,    ``(g_t, h_{t+1}) = m(∇L_S(θ_t), h_t, φ)``

        objective: ``mean over windows of score(L_Q(θ_{t+1}), t in the window)``

    A task is a problem of optimization: its support set is the problem's data, all of it a batch, and its query set what the
    trajectory is evaluated on: held-out data, or, as in the paper, the same (`tasks.Unsplit`). In meta-training a trajectory
    begins where ``start`` puts it, runs without gradient to a random depth, and is then differentiated through one or more
    windows, one after another (truncated backpropagation; the depth is drawn for each task, and is 0 where the windows fill
    the trajectory). In eval mode it begins at the weights of ``network``.

    The gradients that the rule reads are constants, as in the paper, and so is what came before the window: the outer
    gradient is a surrogate, unless ``first_order=False`` and one window is the whole trajectory. Deviation: an outer step takes
    place after all windows of a trajectory, where the paper has one after each.

    Args:
        network: to be trained on each task; a copy is kept, whose weights are a start and never change.
        rule: the optimizer, which alone is meta-trained.
        steps: of a trajectory.
        window: steps that are differentiated through, their losses averaged; or `functional.Windows`, to have several of them,
            or to count losses otherwise.
        start: where trajectories of meta-training begin, given the network's weights; ``functional.redrawn`` draws each weight
            anew by the mean and spread of its tensor, ``functional.as_given`` takes them as they are.
        first_order: gradients that the rule reads are constants.
        likelihood: of the outputs.

    Raises:
        LearnerError: windows that are longer than the trajectory.

    >>> from quickstudy.nn.coordinate_lstm import CoordinateLSTM
    >>> learner = LearnedOptimizer(nn.Linear(2, 2), CoordinateLSTM(), steps=10, window=5)
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    >>> network = nn.Linear(4, 1)
    >>> optimizer = learner.optimizer(network.parameters())  # goes wherever a torch.optim optimizer goes
    >>> network(torch.ones(1, 4)).sum().backward()
    >>> optimizer.step()
    """

    facts = Facts(label_order=True, norm="support", gradient="surrogate", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        rule: LearnedRule,
        *,
        steps: int = 100,
        window: int | Windows = 20,
        start: Callable[[Weights], Weights] = redrawn,
        first_order: bool = True,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.windows = Windows(window) if isinstance(window, int) else window
        if self.windows.steps > steps:
            raise LearnerError(
                f"{self.windows.count} × {self.windows.length} steps of windows do not fit into {steps} steps. "
                "Choose fewer or shorter windows, or a longer trajectory."
            )
        self.network, self.rule = convert(network), rule
        self.moving = tuple(weights_of(self.network))
        self.network.requires_grad_(False)
        self.steps, self.start = steps, start
        self.first_order, self.likelihood = first_order, likelihood
        if not first_order and self.windows.count == 1 and self.windows.length == steps:
            self.facts = replace(self.facts, gradient="exact")

    def optimizer(self, parameters: Iterable[Any], *, lr: float = 1.0) -> RuleOptimizer:
        """The rule as it is now, as a `torch.optim` optimizer over a network's parameters."""
        rule = copy.deepcopy(self.rule).requires_grad_(False)
        return RuleOptimizer(parameters, rule, lr=lr)

    def adapt(self, support: Examples) -> FastWeights:
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=self.rule,
            steps=self.steps,
            start=self._given(),
            first_order=self.first_order,
        )

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)

    def objective(self, task: Task) -> Tensor:
        present = self.likelihood.present(task.support.y, task.support.mask)

        def loss(weights: Weights, examples: Examples = task.support) -> Tensor:
            return support_loss(self.network, weights, examples, self.likelihood, present)

        weights = self.start(self._given()) if self.training else self._given()
        weights, memory = self._run_up(loss, weights)
        scores = []
        for number in range(self.windows.count):
            if number:
                weights, memory = map_leaves(lambda kept: kept.detach(), (weights, memory))
            losses = []
            for _ in range(self.windows.length):
                weights, memory = self._step(loss, weights, memory)
                losses.append(loss(weights, task.query))
            scores.append(self.windows.score(torch.stack(losses)))
        return torch.stack(scores).mean()

    def _given(self) -> Weights:
        weights = dict(self.network.named_parameters())
        return {name: weights[name] for name in self.moving}

    def _step(self, loss: Callable[[Weights], Tensor], weights: Weights, memory: Memory) -> tuple[Weights, Memory]:
        change, memory = self.rule(gradient(loss, weights, first_order=self.first_order), memory)
        return {name: w - change[name] for name, w in weights.items()}, memory

    @torch.no_grad()
    def _run_up(self, loss: Callable[[Weights], Tensor], weights: Weights) -> tuple[Weights, Memory]:
        """The trajectory up to a random depth (in eval mode 0); all steps are taken, those beyond the depth change nothing."""
        memory: Memory = self.rule.init(weights)
        longest = self.steps - self.windows.steps if self.training else 0
        depth = torch.randint(longest + 1, (), device=memory[0][0].device)
        for step in range(longest):
            further, later = self._step(loss, weights, memory)
            going = step < depth
            weights = {name: torch.where(going, w, weights[name]) for name, w in further.items()}
            memory = tuple(
                (torch.where(going, h, h0), torch.where(going, c, c0)) for (h, c), (h0, c0) in zip(later, memory, strict=True)
            )
        return weights, memory
