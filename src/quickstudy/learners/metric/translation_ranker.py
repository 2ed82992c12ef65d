"""Which of several sentences is a translation: letters in common, what many languages taught, and what a few pairs add.

Source: Cavnar & Trenkle, 1994, N-gram-based text categorization (overlap of n-grams); Bertinetto et al., 2019, Meta-learning with
differentiable closed-form solvers (ridge regression of a task inside of meta-training).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.ngrams import WORDS, hashed, hashed_counts
from quickstudy.functional.spelled import Spelled, candidates
from quickstudy.functional.spelling import lengths, marks
from quickstudy.learner import Facts, Learner, Samples
from quickstudy.likelihood import ABSENT
from quickstudy.task import Examples, Inputs, Task

__all__ = ["Phrases", "TranslationRanker"]

_LETTERS = (1, 2, 3, 4, 5)
_SOURCE = (2, 3, 4, 5, WORDS)
_TARGET = (3, 4, 5, WORDS)
_SEEN = 100
_ONCE = "each text is counted once, and a program does not know how many there are"
_AT_ONCE = 256
"""Texts whose n-grams are counted together."""
_SETTLED = 5.0
"""Pairs that count as much as the assumption that a translation is as long as its sentence."""


class Phrases(NamedTuple):
    """Of S pairs: n-grams of the sentences, weighted (S, K, V), the weights (K, V), what the translations teach beyond what was
    expected (S, D), and how much longer they are (a number, of logarithms)."""

    grams: Tensor
    weights: Tensor
    beyond: Tensor
    longer: Tensor


class TranslationRanker(Learner[Phrases]):
    """Puts candidates in order by what they share with a sentence, and by what pairs say about its words.

        ``score(c | s, S) = Σ_n w_n cos(ν_n(s), ν_n(c)) + τ e(s)·h(c) / (|e(s)| + ε) − ℓ d² / (1 + |d|)``

        ``e(s) = γ f(s) + k(s, S) (k(S, S) + λI)⁻¹ (h(T) − γ f(S))``

    ν_n are counts of runs of n letters, rare ones weighing more. h embeds a candidate and f expects this of a sentence of
    whatever language, both by learned vectors of their n-grams and words; k is a cosine of the n-grams and words of sentences
    of the language, of sizes that are weighed by softmax; T are the translations of the known sentences S, so that what is
    regressed on is what f does not expect of them. d is how much longer c is than s, beyond what is usual in the pairs.

    f learns from tasks without pairs, where it is all there is, and is held fixed in those with pairs. Give these of other
    languages: what f says of a sentence it was trained on is better than what it says of a new language. All sums begin as n-gram
    overlap with ridge regression of random projections.

    Args:
        width: D, numbers of an embedding.
        buckets: among which n-grams are parted by their hash, each with a vector.
        counted: buckets for n-grams that are only counted.

    Raises:
        LearnerError: sizes below 1.

    Shapes:
        support x {"source": (S, L), "candidates": (S, M, L)} of `inputs.SentenceChoices`, y (S, L) code points
        -> candidates (Q, M, 1 + L)

    >>> from quickstudy.functional.spelling import codes_of
    >>> from quickstudy.inputs.sentence_choices import SentenceChoices
    >>> learner = TranslationRanker(buckets=512)
    >>> learner.reads = SentenceChoices(length=20, choices=2)
    >>> known = learner.reads.batch(["la casa\\tx", "la luna\\tx"])
    >>> predictor = learner(Examples(known, codes_of(["the house", "the moon"], 20).float(), torch.ones(2)))
    >>> predictor.names(["casa\\tmoon\\thouse", "luna\\tmoon\\thouse"])
    ['house', 'moon']
    """

    facts = Facts(norm="none", gradient="surrogate", batchable=False, unexportable=_ONCE, unexportable_adaptation=_ONCE)
    likelihood = Spelled()

    def __init__(self, *, width: int = 128, buckets: int = 2**14, counted: int = 2048) -> None:
        super().__init__()
        whole(LearnerError, width=width, buckets=buckets, counted=counted)
        self.buckets, self.counted = buckets, counted
        self.answer, self.expected = (nn.Parameter(torch.zeros(buckets, width)) for _ in range(2))
        nn.init.normal_(self.answer)
        self.shared = nn.Parameter(torch.full((len(_LETTERS),), 4.0))
        self.kernel = nn.Parameter(torch.zeros(len(_SOURCE)))
        self.penalty, self.floor, self.length = (nn.Parameter(torch.tensor(at)) for at in (-2.0, -2.0, 1.0))
        self.scale, self.trust = nn.Parameter(torch.tensor(9.0)), nn.Parameter(torch.tensor(1.0))
        self.rare: Tensor
        self.rare_answers: Tensor
        self.register_buffer("rare", torch.ones(len(_LETTERS), counted))
        self.register_buffer("rare_answers", torch.ones(buckets))

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        """How rare n-grams are among the candidates of some meta-training tasks."""
        listed = [_once(source.sample(1, generator).query.x["candidates"])[0] for _ in range(_SEEN)]
        texts = _once(torch.cat(listed))[0]
        letters, answers = torch.zeros_like(self.rare), torch.zeros_like(self.rare_answers)
        for first in range(0, len(texts), _AT_ONCE):
            part = texts[first : first + _AT_ONCE]
            letters += (hashed_counts(part, _LETTERS, self.counted) > 0).sum(0)
            for size in _TARGET:
                places, real = hashed(part, size, self.buckets)
                answers += torch.bincount(places[real], minlength=self.buckets)
        self.rare.copy_(((1 + len(texts)) / (1 + letters)).log() + 1)
        self.rare_answers.copy_(((1 + len(texts)) / (1 + answers.clamp(max=len(texts)))).log() + 1)

    def encode(self, x: Inputs) -> Inputs:
        source, listed = _trimmed(x["source"]), x["candidates"]
        kind = self.answer.dtype
        texts, place = _once(listed)
        texts = _trimmed(texts)
        ours, theirs = self._letters(source), self._letters(texts)
        shared = [_near(ours[:, n], theirs[:, n], place) for n in range(len(_LETTERS))]
        return {
            "grams": hashed_counts(source, _SOURCE, self.counted, kind).sqrt(),
            "expected": self._summed(source, _SOURCE, self.expected, torch.ones_like(self.rare_answers), length=False),
            "length": lengths(source).to(kind).clamp(min=1).log(),
            "candidates": listed,
            "answers": self.embedded(texts)[place],
            "shared": torch.stack(shared, -1),
            "lengths": lengths(listed).to(kind).clamp(min=1).log(),
        }

    def adapt(self, support: Examples) -> Phrases:
        x, mask = support.x, support.mask
        y = _trimmed(support.y.long())
        met = ((x["grams"] > 0) * mask[:, None, None]).sum(0)
        weights = ((1 + mask.sum()) / (1 + met)).log() + 1
        grams = self._weighed(x["grams"], weights) * mask[:, None, None]
        beyond = (self.embedded(y) - self.trust * x["expected"]) * mask[:, None]
        system = torch.einsum("skv,tkv->st", grams, grams)
        system = system + nn.functional.softplus(self.penalty) * torch.eye(mask.shape[0], dtype=mask.dtype, device=mask.device)
        solved = torch.linalg.solve_ex(_precise(system), _precise(beyond)).result.to(mask.dtype)
        longer = ((lengths(y).to(mask.dtype).clamp(min=1).log() - x["length"]) * mask).sum() / (mask.sum() + _SETTLED)
        return Phrases(grams, weights, solved, longer)

    def predict(self, state: Phrases, x: Inputs) -> Tensor:
        grams = self._weighed(x["grams"], state.weights)
        meant = self.trust * x["expected"] + torch.einsum("qkv,skv->qs", grams, state.grams) @ state.beyond
        meant = meant / (_norm(meant) + nn.functional.softplus(self.floor))
        apart = x["lengths"] - x["length"][:, None] - state.longer
        score = (x["shared"] * self.shared).sum(-1) + self.scale * (x["answers"] * meant[:, None]).sum(-1)
        score = score - 10 * nn.functional.softplus(self.length) * apart.square() / (1 + apart.abs())
        listed = x["candidates"]
        return candidates(torch.where(lengths(listed) > 0, score, ABSENT), listed)

    def objective(self, task: Task) -> Tensor:
        known = task.support.mask.sum() > 0
        sides = [side.replace(self._held(side.x, known)) for side in (task.support, task.query)]
        return super().objective(Task(*sides))

    def embedded(self, codes: Tensor) -> Tensor:
        """h: unit vectors of texts (R, D), or 0."""
        return _unit(self._summed(codes, _TARGET, self.answer, self.rare_answers, length=True))

    def _held(self, x: Inputs, known: Tensor) -> Inputs:
        """What is expected, held fixed in tasks with pairs."""
        return {**x, "expected": torch.where(known, x["expected"].detach(), x["expected"])}

    def _summed(self, codes: Tensor, sizes: Sequence[int], vectors: Tensor, rare: Tensor, *, length: bool) -> Tensor:
        """Weighted sums of the vectors of n-grams (R, D), each size over its weights' length or root sum."""
        found = torch.zeros(codes.shape[0], vectors.shape[1], dtype=vectors.dtype, device=codes.device)
        for size in sizes:
            places, real = hashed(codes, size, self.buckets)
            weights = rare[places] * real
            size_of = weights.square().sum(-1, keepdim=True) if length else weights.sum(-1, keepdim=True)
            weights = weights / size_of.sqrt().clamp(min=1)
            found = found + nn.functional.embedding_bag(places, vectors, per_sample_weights=weights, mode="sum")
        return found

    def _letters(self, codes: Tensor) -> Tensor:
        """ν: (R, N, V)."""
        return _unit(hashed_counts(codes, _LETTERS, self.counted, self.answer.dtype).sqrt() * self.rare)

    def _weighed(self, counts: Tensor, weights: Tensor) -> Tensor:
        """Rows whose products are the kernel (R, K, V)."""
        return _unit(counts * weights) * self.kernel.softmax(0).sqrt()[:, None]


def _once(listed: Tensor) -> tuple[Tensor, Tensor]:
    """Each text once (U, L), and the place of each of the texts (…, L) among them (…,)."""
    rows = listed.flatten(0, -2)
    found, place = torch.unique(marks(rows), return_inverse=True)
    first = torch.zeros_like(found).scatter_(0, place, torch.arange(rows.shape[0], device=rows.device))
    return rows[first], place.reshape(listed.shape[:-1])


def _trimmed(codes: Tensor) -> Tensor:
    """Code points (R, L) without columns in which no text has any."""
    return codes[:, : max(1, int(lengths(codes).max()) if codes.shape[0] else 1)]


def _near(ours: Tensor, theirs: Tensor, place: Tensor) -> Tensor:
    """Products of rows (R, V) with those of their own candidates (U, V), numbered by ``place`` (R, M): (R, M)."""
    parts = (slice(first, first + _AT_ONCE) for first in range(0, ours.shape[0], _AT_ONCE))
    return torch.cat([(ours[part] @ theirs.mT).gather(1, place[part]) for part in parts])


def _norm(x: Tensor) -> Tensor:
    """Length of vectors, with a gradient at 0."""
    return (x.square().sum(-1, keepdim=True) + 1e-12).sqrt()


def _unit(x: Tensor) -> Tensor:
    return x / _norm(x)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
