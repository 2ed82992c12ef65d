"""Any learner on the states of words in their sentences: trained on cached states, it answers raw sentences."""

import torch
from torch import Tensor

from quickstudy.errors import ShapeError
from quickstudy.functional.unroll import is_exporting
from quickstudy.task import Inputs
from quickstudy.wrapper import LearnerOnBackbone

__all__ = ["OnWords"]

_AT_ONCE = 32
"""Sentences that the backbone computes at once."""


class OnWords(LearnerOnBackbone):
    """``encode(x) = learner.encode(h(x))``, where h(x) is the state of a word in its sentence, by a frozen backbone.

    A row is a word. As ``{"states", "unit"}`` its state was computed before (`datasets.word_states`); as `inputs.Sentences`
    gives it, ``{"pieces", "start", "end", "unit"}``, the states of each sentence are computed once for all of its words.

    Args:
        backbone: frozen `WordStates`, such as ``nn.backbones.build("minilm", tokens=True)``.
        learner: on states (words, features), for example a `MatchingNet`.

    Raises:
        LearnerError: a backbone that does not say how many features it gives.
        ShapeError: in `encode`, rows that are no words.

    >>> from quickstudy.inputs.sentences import Sentences
    >>> from quickstudy.learners.metric.matching import MatchingNet
    >>> from quickstudy.nn.backbones.word_states import WordStates
    >>> from quickstudy.nn.frozen import Frozen
    >>> learner = OnWords(Frozen(WordStates(30522, 8)), MatchingNet(torch.nn.Identity()))
    >>> learner.encode(Sentences(16).batch(["play some jazz", "go"])).shape
    torch.Size([4, 8])
    """

    def vectors(self, x: Inputs) -> Tensor:
        if isinstance(x, dict) and isinstance(x.get("states"), Tensor):
            states: Tensor = x["states"]
            if states.shape[1:] != (self.backbone.features,):
                raise ShapeError(f"states of {tuple(states.shape[1:])} numbers; this backbone gives {self.backbone.features}.")
            return states
        if isinstance(x, dict) and {"pieces", "start", "end"} <= x.keys():
            return self._computed(x["pieces"], x["start"], x["end"])
        raise ShapeError('rows are words: {"states", "unit"}, or what inputs.Sentences().batch(sentences) gives.')

    def _computed(self, pieces: Tensor, start: Tensor, end: Tensor) -> Tensor:
        """States of words (R, features): each sentence once; in a program each for every word, whatever their number."""
        if is_exporting():  # how many sentences there are stands in the data
            each: Tensor = self.backbone({"pieces": pieces, "starts": start[:, None], "ends": end[:, None]})
            return each[:, 0]
        sentences, whose = torch.unique(pieces, dim=0, return_inverse=True)
        order = whose.argsort(stable=True)
        counts = torch.bincount(whose, minlength=len(sentences))
        place = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[whose[order]]
        words = [start.new_zeros(len(sentences), int(counts.max())) for _ in range(2)]
        for found, given in zip(words, (start, end), strict=True):
            found[whose[order], place] = given[order]
        parts = zip(*(torch.split(each, _AT_ONCE) for each in (sentences, *words)), strict=True)
        states = torch.cat([self.backbone({"pieces": p, "starts": s, "ends": e}) for p, s, e in parts])
        found = states[whose[order], place]
        return torch.empty_like(found).index_copy(0, order, found)
