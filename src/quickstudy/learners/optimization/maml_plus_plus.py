"""MAML++: MAML with separate rates, norms and losses for each step.

Source: Antoniou, Edwards & Storkey, 2019, How to train your MAML.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.checkpointing import repeated
from quickstudy.functional.unroll import Weights, gradient
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn import norm as norms
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, call, weights_of
from quickstudy.nn.step_statistics import StepStatistics
from quickstudy.task import Examples, Inputs, Task

__all__ = ["Improvements", "MAMLPlusPlus"]


@dataclass(frozen=True)
class Improvements:
    """What MAML++ adds to MAML, each by itself.

    Args:
        multi_step_loss: outer steps over which the losses of the earlier inner steps fade, 10 epochs of 500 in the paper;
            0 evaluates the last weights alone.
        first_order: outer steps with inner gradients held constant, before they are differentiated (derivative-order
            annealing; 50 epochs in the paper, none in its published settings).
        learned_rates: a learned step size for every weight tensor and inner step.
        step_statistics: batch norms in eval mode use running averages, apart for every inner step.
        step_affine: batch norms have scales and shifts for every inner step, meta-learned instead of adapted.
    """

    multi_step_loss: int = 5000
    first_order: int = 0
    learned_rates: bool = True
    step_statistics: bool = True
    step_affine: bool = True


class MAMLPlusPlus(Learner[FastWeights]):
    """Meta-learns an initialisation θ, a rate of every weight tensor w and inner step t, and norms of every inner step.

        ``θ_0 = θ``,    ``θ_{t+1}[w] = θ_t[w] − α[w, t] ∇_w L_S(θ_t)``,    meta-training minimises ``Σ_t v_t L_Q(θ_t)``

    The shares v of the losses after steps 1 to T are equal at first; all but the last fade with the outer steps that are
    done, to a floor of 0.03 / T, and then drop. `train` counts outer steps by `advance`, in a buffer, so that a run resumes.
    With all improvements off this is MAML. The sixth improvement, cosine annealing, is the outer optimizer's schedule.

    Deviations: the shares fade with every outer step instead of every epoch. Norms of step t see support and queries under
    θ_t (the published code's queries use those of the step before). Its norms use the batch's own statistics at all
    times, and its running averages are never read; here they normalise in eval mode, and support statistics in training.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        improvements: which are on, and for how long.
        inner_lr: α at the start.
        inner_steps: T in meta-training.
        test_steps: T in eval mode; steps after the last learned one use its rates and norms.
        norm: without step statistics, "support" or "batch" (transductive, as in the paper's experiments), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: no inner step, a negative step size, nothing that adapts, or batch statistics beside step statistics.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> learner = MAMLPlusPlus(nn.Linear(2, 3), inner_steps=2, improvements=Improvements(multi_step_loss=100))
    >>> [(name, tuple(weight.shape)) for name, weight in learner.named_parameters()]
    [('rates', (2, 2)), ('network.weight', (3, 2)), ('network.bias', (3,))]
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)
    steps_done: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        improvements: Improvements = Improvements(),
        inner_lr: float = 0.1,
        inner_steps: int = 5,
        test_steps: int | None = None,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 1 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_steps must be 1 or more, inner_lr and test_steps 0 or more.")
        self.network = norms.convert(network)
        layers = [part for part in self.network.modules() if isinstance(part, norms.BatchNorm)]
        running = improvements.step_statistics and bool(layers)
        if running and norm == "batch":
            raise LearnerError('norm="batch" leaves running averages unused. Pass Improvements(step_statistics=False).')
        self.improvements, self.inner_lr, self.inner_steps, self.norm = improvements, inner_lr, inner_steps, norm
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.likelihood, self.normed = likelihood, bool(layers)
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.long))
        self.statistics = StepStatistics(self.network, steps=inner_steps + 1) if running else None
        self.affine_names, self.affine = _step_affine(self.network, inner_steps + 1 if improvements.step_affine else 0)
        adapting = weights_of(self.network)
        if not adapting:
            raise LearnerError(
                "no weight of the network requires a gradient, so none can adapt. Call requires_grad_(True) on it."
            )
        self.rates = None
        if improvements.learned_rates:
            self.rates = nn.Parameter(next(iter(adapting.values())).new_full((len(adapting), inner_steps), inner_lr))
        self.facts = replace(
            self.facts,
            transductive=norm == "batch",
            norm="running" if running else norm,
            gradient="surrogate" if improvements.first_order > 0 else "exact",
        )

    def advance(self) -> None:
        self.steps_done += 1
        if self.statistics is not None:
            self.statistics.fold()

    def adapt(self, support: Examples) -> FastWeights:
        steps = self.inner_steps if self.training else self.test_steps
        weights, done = repeated(lambda carry: self._step(support, *carry), (weights_of(self.network), 0), steps)
        return self._state(weights, done, support)

    def step_sizes(self) -> dict[str, Tensor]:
        """α of each inner step, (weight tensors,)."""
        return {} if self.rates is None else {f"step {t + 1}": rate.detach() for t, rate in enumerate(self.rates.unbind(1))}

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)

    def objective(self, task: Task) -> Tensor:
        steps = self.inner_steps if self.training else self.test_steps
        gather, loss = self.training and self.statistics is not None, task.query.y.new_zeros(())
        for step, (share, weights) in enumerate(zip(self.shares(steps), self._path(task.support, steps), strict=True)):
            if not share and not gather:
                continue
            with torch.set_grad_enabled(torch.is_grad_enabled() and share > 0):
                state = self._state(weights, step, task.support, gather=gather)
            if share:
                outputs = self.predict(state, task.query.x)
                loss = loss + share * self.likelihood.nll(outputs, task.query.y, task.query.mask)
        return loss

    def shares(self, steps: int) -> list[float]:
        """v of the loss after 0, 1, … ``steps`` inner steps, at this point of meta-training."""
        fade, done = self.improvements.multi_step_loss, int(self.steps_done)
        if not self.training or done >= fade or steps < 2:
            return [0.0] * steps + [1.0]
        early = max(0.03, 1 - done / fade) / steps
        return [0.0] + [early] * (steps - 1) + [1 - (steps - 1) * early]

    def _path(self, support: Examples, steps: int) -> Iterator[Weights]:
        """θ_0 to θ_T, of the weights that adapt."""
        carry = weights_of(self.network), 0
        yield carry[0]
        for _ in range(steps):
            carry = self._step(support, *carry)
            yield carry[0]

    def _step(self, support: Examples, weights: Weights, done: int) -> tuple[Weights, int]:
        """From θ_t to θ_{t+1}, and t + 1."""
        first_order = self.training and int(self.steps_done) < self.improvements.first_order
        grads = gradient(lambda weights: self._loss(weights, done, support), weights, first_order=first_order)
        rates = self._rates(done, len(weights))
        return {name: w - rate * grads[name] for rate, (name, w) in zip(rates, weights.items(), strict=True)}, done + 1

    def _rates(self, step: int, count: int) -> list[Tensor | float]:
        if self.rates is None:
            return [self.inner_lr] * count
        return list(self.rates[:, min(step, self.inner_steps - 1)].unbind())

    def _at(self, weights: Weights, step: int) -> Weights:
        """All that a pass of the network at ``step`` takes in place of its own."""
        step = min(step, self.inner_steps)
        return weights | {name: rows[step] for name, rows in zip(self.affine_names, self.affine, strict=True)}

    def _loss(self, weights: Weights, step: int, support: Examples) -> Tensor:
        averages = self.statistics if not self.training else None
        with norms.replaying(averages.at(step)) if averages is not None else norms.counting(support.mask):
            outputs = call(self.network, self._at(weights, step), support.x)
        present = self.likelihood.present(support.y, support.mask)
        return self.likelihood.nll(self.likelihood.restrict(outputs, present), support.y, support.mask)

    def _state(self, weights: Weights, step: int, support: Examples, gather: bool = False) -> FastWeights:
        whole, present = self._at(weights, step), self.likelihood.present(support.y, support.mask)
        if self.statistics is not None and not self.training:
            return FastWeights(whole, self.statistics.at(step), present)
        if not self.normed or self.norm == "batch":
            return FastWeights(whole, {}, present)
        with norms.recording(support.mask) as kept:
            call(self.network, whole, support.x)
        if gather and self.statistics is not None:
            self.statistics.gather(step, kept)
        return FastWeights(whole, kept, present)


def _step_affine(network: nn.Module, sets: int) -> tuple[list[str], nn.ParameterList]:
    """Names of the batch norms' weights, and for each its values of every step; the network's own no longer adapt."""
    found = {}
    for path, part in network.named_modules() if sets else ():
        for key, weight in part.named_parameters(recurse=False) if isinstance(part, norms.BatchNorm) else ():
            if weight.requires_grad:
                found[f"{path}.{key}" if path else key] = weight.requires_grad_(False)
    return list(found), nn.ParameterList(w.detach().clone().expand(sets, *w.shape).contiguous() for w in found.values())
