"""Edit rules of a few pairs of words, ranked for each new word by a meta-trained network.

Source: Chrupała, 2006, Simple data-driven context-sensitive lemmatization (edits as classes); Albright & Hayes, 2003, Rules vs.
analogy in English past tenses (how often a rule is right where it fits); Vinyals et al., 2016, Matching networks for one shot
learning (a new task from nearness to its examples).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.edit_rules import EditRules, applied, common_ends, crossed, edit_rules
from quickstudy.functional.spelled import Spelled, candidates
from quickstudy.functional.spelling import lengths, marks
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import ABSENT
from quickstudy.nn.mlp import MLP
from quickstudy.task import Examples, Inputs

__all__ = ["EditRuleRanker", "RuleBook"]

_FACTS = 21
_EQUAL, _COMMON, _END = 0, 1, 5
"""Places of facts: all features equal, share of features in common, letters in common at the end."""
_FAR = -6.0
"""Nearness (its logit) of a pair that has nothing in common with a word, at the start."""


class RuleBook(NamedTuple):
    """Of S pairs: rules, features (S, T), which are real (S,), a number for each change of a prefix (S,); which rule, the last
    one being copying, fits and which is right for which pair (S + 1, S)."""

    rules: EditRules
    tags: Tensor
    mask: Tensor
    prefixes: Tensor
    fits: Tensor
    right: Tensor


class EditRuleRanker(Learner[RuleBook]):
    """Inflects a word as one of the known pairs was: all their edit rules are tried, and a network says which to believe.

        ``p(form | q, S) = Σ_{s: r_s(q) = form} softmax_s g(φ(q, s), v(q, s))``

        ``v_h(q, s) = (yes, no, yes / (yes + no + ½))``,    ``yes = Σ_t κ_h(q, t) [r_s is right for t]``,
        ``no = Σ_t κ_h(q, t) [r_s fits t and is wrong]``

    r_s is the rule of pair s (`functional.edit_rules`), and one more rule copies the lemma. Besides, the change of the prefix
    that has most of the weight is crossed with the suffix of each rule, at logits ``g + a + b log weight``, a and b learned. φ
    says what word and pair have in common: grammatical features, letters at both ends, sizes of the rule, and learned numbers of
    the features that they do not share. v are votes: how often the rule is right and wrong for the known pairs that are near the
    word, by H learned kernels κ of φ, between 0 and 1. g and κ are linear functions, which begin at a nearest neighbour, plus a
    network that begins at 0 in g.

    Args:
        width: units of each hidden layer.
        kernels: H.
        tags: numbers for a feature that is not shared.
        buckets: among which features are parted by their number, so that there are any number of them.
        answers: candidates of a word that are answered, the most probable first.

    Raises:
        LearnerError: sizes below 1.

    Shapes:
        support x {"lemma": (S, L), "tags": (S, T)} of `inputs.WordForms`, y (S, L) code points -> candidates (Q, answers, 1 + L)

    >>> from quickstudy.functional.spelling import codes_of
    >>> from quickstudy.inputs.word_forms import WordForms
    >>> learner = EditRuleRanker()
    >>> learner.reads = WordForms(length=10)
    >>> known, forms = ["walk V;PST", "walk V;3;SG"], codes_of(["walked", "walks"], 10)
    >>> predictor = learner(Examples(learner.reads.batch(known), forms.float(), torch.ones(2)))
    >>> predictor.names(["talk V;PST", "talk V;3;SG"])
    ['talked', 'talks']
    """

    facts = Facts(norm="none")
    likelihood = Spelled()

    def __init__(self, *, width: int = 32, kernels: int = 4, tags: int = 8, buckets: int = 1024, answers: int = 32) -> None:
        super().__init__()
        whole(LearnerError, width=width, kernels=kernels, tags=tags, buckets=buckets, answers=answers)
        self.answers = answers
        self.unshared = nn.Embedding(buckets, tags)
        nn.init.normal_(self.unshared.weight, std=0.1)
        near, wide = _FACTS + tags, _FACTS + tags + 1 + 3 * kernels
        self.kernel, self.kernel_linear = MLP(near, (width,), outputs=kernels), nn.Linear(near, kernels)
        self.score, self.score_linear = MLP(wide, (width, width), outputs=1), nn.Linear(wide, 1)
        self.crossing = nn.Parameter(torch.tensor([-1.0, 1.0]))
        with torch.no_grad():
            for part in (*self.kernel.head.parameters(), self.kernel_linear.weight):
                part.mul_(0.3)  # kernels differ a little from each other
            for part in (*self.score.head.parameters(), *self.score_linear.parameters()):
                part.zero_()
            self.kernel_linear.bias.fill_(_FAR)
            self.kernel_linear.weight[:, [_EQUAL, _COMMON, _END]] += torch.tensor([2.0, 6.0, 4.0])
            self.score_linear.weight[0, [_EQUAL, _COMMON, _END, near]] = torch.tensor([3.0, 8.0, 5.0, 6.0])
            self.score_linear.weight[0, -kernels:] = 2.0 / kernels

    def adapt(self, support: Examples) -> RuleBook:
        lemma, form, real = support.x["lemma"], support.y.long(), support.mask > 0
        rules = edit_rules(lemma, form)
        made, fits = applied(rules, lemma)  # of pair t by rule s: (t, s)
        right = torch.cat([(made == form[:, None]).all(-1) & fits, (lemma == form).all(-1)[:, None]], 1)
        fits = torch.cat([fits & real, torch.ones_like(real)[:, None]], 1) & real[:, None]
        kind = support.mask.dtype
        place = torch.arange(lemma.shape[1], device=lemma.device)
        taken, put = (
            marks(torch.where(place < size[:, None], word, 0)) for word, size in ((lemma, rules.prefix), (form, rules.new_prefix))
        )
        return RuleBook(rules, support.x["tags"], support.mask, 31 * taken + put, fits.mT.to(kind), (right & fits).mT.to(kind))

    def predict(self, state: RuleBook, x: Inputs) -> Tensor:
        made, fits = applied(state.rules, x["lemma"])
        usable = torch.cat([fits & (state.mask > 0), torch.ones_like(fits[:, :1])], 1)
        logits = self._logits(state, x)
        first, mass = self._prefix(state, x, logits[:, :-1])
        crossing, other = crossed(state.rules, x["lemma"], first)
        other = other & (state.mask > 0) & (state.prefixes != state.prefixes[first][:, None])
        more = logits[:, :-1] + self.crossing[0] + self.crossing[1] * mass[:, None]
        codes = torch.cat([made, x["lemma"][:, None], crossing], 1)
        logits = torch.cat([logits, more], 1)
        logits = _together(logits, torch.cat([usable, other], 1), marks(codes))
        lacking = max(0, self.answers - logits.shape[1])
        best = nn.functional.pad(logits, (0, lacking), value=ABSENT).topk(self.answers, 1)
        codes = nn.functional.pad(codes, (0, 0, 0, lacking))
        codes = codes.gather(1, best.indices[..., None].expand(-1, -1, codes.shape[-1]))
        codes = torch.where(best.values[..., None] > ABSENT / 2, codes, 0)
        order = marks(codes).argsort(1)  # in an order of the texts' own, whatever that of the pairs is
        return candidates(best.values.gather(1, order), codes.gather(1, order[..., None].expand(-1, -1, codes.shape[-1])))

    def _prefix(self, state: RuleBook, x: Inputs, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The pair whose change of the prefix most of the weight is for (Q,), and the logarithm of that weight (Q,)."""
        begins, _ = common_ends(x["lemma"], state.rules.source)
        usable = (begins >= state.rules.prefix) & (state.mask > 0)
        chance = torch.where(usable, logits, ABSENT).softmax(-1)
        same = (state.prefixes[:, None] == state.prefixes).to(chance.dtype)
        mass, first = torch.where(usable, chance @ same, -1.0).max(1)
        return first, mass.clamp(min=1e-6).log()

    def _logits(self, state: RuleBook, x: Inputs) -> Tensor:
        """How much each rule is to be believed for each word, copying last, (Q, S + 1)."""
        near = self._near(state, x)
        kernels = _each(self.kernel, near) + self.kernel_linear(near)
        weight = kernels.sigmoid() * state.mask[:, None]  # (Q, S, H)
        yes = torch.einsum("qth,st->qsh", weight, state.right)
        no = torch.einsum("qth,st->qsh", weight, state.fits - state.right)
        shown = nn.functional.pad(near, (0, 1, 0, 1))  # copying has nothing in common with the word but is marked
        mark = torch.zeros_like(shown).index_fill(1, torch.tensor(near.shape[1], device=near.device), 1.0)[..., :1]
        shown = torch.cat([shown[..., :-1], mark], -1)
        told = torch.cat([shown, yes.log1p(), no.log1p(), yes / (yes + no + 0.5)], -1)
        believed: Tensor = _each(self.score, told) + self.score_linear(told)
        return believed[..., 0]

    def _near(self, state: RuleBook, x: Inputs) -> Tensor:
        """φ: what each word and each pair have in common, (Q, S, F)."""
        rules, kind = state.rules, state.mask.dtype
        ours, theirs = x["tags"], state.tags
        same = (ours[:, None, :, None] == theirs[None, :, None]) & (theirs > 0)[None, :, None]
        shared = same.any(-1)
        ours_alone = (~shared & (ours > 0)[:, None]).to(kind)  # (Q, S, T)
        theirs_alone = (~same.any(-2) & (theirs > 0)).to(kind)
        more, less, both = (part.sum(-1).to(kind) for part in (ours_alone, theirs_alone, shared))
        buckets = self.unshared.num_embeddings
        apart = torch.einsum("qst,qtk->qsk", ours_alone, self.unshared(ours % buckets))
        apart = apart + torch.einsum("qst,stk->qsk", theirs_alone, self.unshared(theirs % buckets))
        begin, end = (part.to(kind) for part in common_ends(x["lemma"], rules.source))
        beyond = end - rules.suffix
        length, other = lengths(x["lemma"])[:, None], lengths(rules.source)[None]
        facts = [more + less == 0, both / (both + more + less).clamp(min=1), more / 2, less / 2, same[..., 0, 0]]
        facts += [end.clamp(max=5) / 5, *(end >= n for n in (1, 2, 3)), *(beyond >= n for n in (1, 2, 3))]
        facts += [begin.clamp(max=5) / 5, begin >= 1, begin >= 2, (begin >= length) & (length == other)]
        facts += [(length - other).abs().clamp(max=8) / 8, *((part / 4).expand_as(begin) for part in rules[2:])]
        return torch.cat([torch.stack([fact.to(kind) for fact in facts], -1), apart], -1)


def _each(network: nn.Module, x: Tensor) -> Tensor:
    """A network of vectors, on those of pairs (Q, S, F)."""
    outputs: Tensor = network(x.flatten(0, 1))
    return outputs.reshape(*x.shape[:2], -1)


def _together(logits: Tensor, usable: Tensor, texts: Tensor) -> Tensor:
    """Log-probabilities (Q, C) of candidates: the first of equal texts has the weight of all of them, the others have none."""
    chance = torch.where(usable, logits, ABSENT).softmax(-1)
    same = (texts[:, :, None] == texts[:, None]) & usable[:, None] & usable[:, :, None]
    mass = (same.to(chance.dtype) @ chance[..., None])[..., 0]
    return torch.where(usable & ~same.tril(-1).any(-1), mass.clamp(min=1e-12).log(), ABSENT)
