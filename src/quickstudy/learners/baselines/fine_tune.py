"""Pre-train on all meta-training classes, then fine-tune on the support set: transfer learning, the baseline to beat.

Source: Chen, Liu, Kira, Wang & Huang, 2019, A closer look at few-shot classification ("Baseline").
"""

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import Adam, Rule, Weights, descend
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.nn.fast import FastWeights, call, weights_of
from quickstudy.task import Examples, Inputs, Task

__all__ = ["FineTune"]


class FineTune(Learner[FastWeights]):
    """An encoder pre-trained with a linear head over all classes; a task gets a new head and a few steps on everything.

    Pre-training is meta-training on `tasks.Supervised`, whose support sets are empty. On a real support set the head
    starts at zero, and encoder and head descend together. Batch norms keep their running statistics while fine-tuning.

    Deviations: the paper's Baseline leaves the encoder as it was pre-trained (``tune_encoder=False`` here), draws its new head at
    random, and takes 100 epochs of gradient descent (0.01, momentum and dampening 0.9, weight decay 0.001) in mini-batches of
    four; here it is Adam on the whole support set, from zero, and by default the encoder descends, too.

    Args:
        encoder: any network from inputs to features (D,).
        features: D.
        classes: how many the pre-training data has.
        rule: of the fine-tuning; steps at 1e-2 suit a head that starts at zero.
        steps: of the fine-tuning, each on the whole support set.
        tune_encoder: False fine-tunes the head alone, which is then all that is remembered of a task.

    >>> import torch
    >>> learner = FineTune(nn.Flatten(), features=1, classes=3, rule=Adam(0.1), steps=100)
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.9]]))
    ['1']
    """

    facts = Facts(norm="running", batchable=False, unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        encoder: nn.Module,
        *,
        features: int,
        classes: int,
        rule: Rule = Adam(1e-3),  # noqa: B008  a frozen record
        steps: int = 50,
        tune_encoder: bool = True,
    ) -> None:
        super().__init__()
        if steps < 0:
            raise LearnerError("steps must be 0 or more.")
        self.encoder = encoder
        self.head = nn.Linear(features, classes)
        self.rule, self.steps, self.tune_encoder = rule, steps, tune_encoder

    def adapt(self, support: Examples) -> FastWeights:
        encoder = {f"encoder.{name}": weight for name, weight in weights_of(self.encoder).items()}
        if support.mask.shape[0] == 0:
            weights = encoder | {"head.weight": self.head.weight, "head.bias": self.head.bias}
            return FastWeights(weights, {}, self.head.bias.new_ones(support.y.shape[1]))
        present = self.likelihood.present(support.y, support.mask)
        head = {
            "head.weight": support.y.new_zeros(support.y.shape[1], self.head.in_features),
            "head.bias": support.y.new_zeros(support.y.shape[1]),
        }
        moving = encoder | head if self.tune_encoder else head
        known = None if self.tune_encoder else self._features({}, support.x)

        def loss(weights: Weights) -> Tensor:
            features = self._features(weights, support.x) if known is None else known
            outputs = self.likelihood.restrict(_head(features, weights), present)
            return self.likelihood.nll(outputs, support.y, support.mask)

        tuned = descend(loss, moving, rule=self.rule, steps=self.steps, first_order=True)
        return FastWeights(tuned, {}, present)

    def _features(self, weights: Weights, x: Inputs) -> Tensor:
        """Features by the encoder at ``weights``; where these hold none of it, by the encoder as it is."""
        own = {name.removeprefix("encoder."): w for name, w in weights.items() if name.startswith("encoder.")}
        features: Tensor = call(self.encoder, own, x).flatten(1)
        return features

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(_head(self._features(state.weights, x), state.weights), state.present)

    def objective(self, task: Task) -> Tensor:
        if task.support.mask.shape[0]:
            raise LearnerError("FineTune is pre-trained on tasks.Supervised(index), whose support sets are empty.")
        return super().objective(task)


def _head(features: Tensor, weights: Weights) -> Tensor:
    return nn.functional.linear(features, weights["head.weight"], weights["head.bias"])
