"""Tags of words that follow one another: any learner of words, with transitions that are meta-learned for types in general.

Source: Yang & Katiyar, 2020, Simple and effective few-shot named entity recognition with structured nearest neighbor learning
(abstract transitions); Lafferty, McCallum & Pereira, 2001, Conditional random fields.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.linear_chain import chain_marginals
from quickstudy.learner import Learner
from quickstudy.task import Inputs, Task
from quickstudy.wrapper import LearnerWrapper

__all__ = ["AbstractTransitions"]


class AbstractTransitions(LearnerWrapper):
    """The marginals of a linear chain over each sentence, whose scores of single words are another learner's.

        ``p(t_1 … t_T) ∝ exp(Σ_i log softmax(f(x_i))[t_i] + a[t_1] + Σ_i b[t_i, t_{i+1}])``,    ``outputs_i = log p(t_i)``

    Column 0 of targets is outside, the others are types. New types come without transitions of their own, so that these are the
    same for all types: b has a number each for outside after outside, a type after outside, outside after a type, the same type
    again, and another type; a has one for outside and one for a type. With zeros the learner inside is what it was.

    A word's outputs depend on the other words of its sentence, so that queries come as whole sentences: rows of equal ``unit``,
    side by side and in order. Sentences do not depend on each other.

    Args:
        learner: of words, for example `OnWords`; its inputs have a leaf ``unit``.
        again: of the same type again, at the start; the others start at zero.

    Raises:
        LearnerError: in `encode`, inputs that do not say which words are one sentence.

    >>> from quickstudy.learners.metric.matching import MatchingNet
    >>> from quickstudy.learners.wrappers.on_words import OnWords
    >>> from quickstudy.nn.backbones.word_states import WordStates
    >>> from quickstudy.nn.frozen import Frozen
    >>> from quickstudy.task import Examples
    >>> words = OnWords(Frozen(WordStates(30522, 8, heads=2)), MatchingNet(nn.Identity()))
    >>> learner = AbstractTransitions(words, again=2.0)
    >>> states, unit = torch.eye(3, 8), torch.zeros(3).long()
    >>> support = Examples.of({"states": states, "unit": unit}, torch.tensor([0, 1, 1]))
    >>> asked = {"states": states[[1, 0, 2]] + 0.9 * states[[2, 2, 2]], "unit": unit}
    >>> learner(support).names(asked), words(support).names(asked)  # the word in the middle stands between two of a type
    (['1', '1', '1'], ['1', '0', '1'])
    """

    def __init__(self, learner: Learner[Any], *, again: float = 0.0) -> None:
        super().__init__(learner)
        self.facts = replace(
            learner.facts,
            transductive=True,
            label_order=True,
            unexportable="a sentence is a chain of its words, and how many there are decides how often a program repeats itself",
        )
        self.starts = nn.Parameter(torch.zeros(2))
        self.steps = nn.Parameter(torch.tensor([0.0, 0.0, 0.0, float(again), 0.0]))

    @property
    def title(self) -> str:
        return f"{self.learner.title} in a chain"

    def encode(self, x: Inputs) -> Inputs:
        if not isinstance(x, dict) or not isinstance(x.get("unit"), Tensor):
            raise LearnerError('nothing says which words are one sentence. Give inputs a leaf "unit" of whole numbers.')
        return {"features": self.learner.encode(x), "unit": x["unit"]}

    @property
    def encodes(self) -> bool:
        return True

    def features(self, x: Inputs) -> Inputs:
        return x["features"]

    def predict(self, state: Any, x: Inputs) -> Tensor:
        scores = self.learner.predict(state, x["features"]).log_softmax(-1)
        return chain_marginals(scores, x["unit"], *self.transitions(scores.shape[1]))

    def transitions(self, tags: int) -> tuple[Tensor, Tensor]:
        """a (N,) and b (N, N), of outside and N − 1 types."""
        inside = (torch.arange(tags, device=self.steps.device) > 0).long()
        same = torch.eye(tags, dtype=torch.bool, device=self.steps.device) & (inside > 0)
        kind = 2 * inside[:, None] + inside + (inside[:, None] * inside)  # 0: O O, 1: O I, 2: I O, 4: I I
        return self.starts[inside], self.steps[torch.where(same, 3, kind)]

    def objective(self, task: Task) -> Tensor:
        outputs = self.predict(self.adapt(task.support), task.query.x)
        return self.likelihood.nll(outputs, task.query.y, task.query.mask)
