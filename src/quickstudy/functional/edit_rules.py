"""Edit rules: how one word became another, and the same change made to other words.

Source: Chrupała, 2006, Simple data-driven context-sensitive lemmatization (edits as classes); Cotterell et al., 2018, The
CoNLL–SIGMORPHON 2018 shared task: universal morphological reinflection (changes of prefixes and suffixes).

    ``source = p₁ m s₁``,    ``target = p₂ m s₂``,    m the longest common substring

The rule replaces a prefix p₁ by p₂ and a suffix s₁ by s₂, and changes words that begin with p₁ and end with s₁.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.functional.spelling import lengths

__all__ = ["EditRules", "applied", "common_ends", "crossed", "edit_rules"]


class EditRules(NamedTuple):
    """Rules of S pairs: code points of both words (S, L), and the lengths of p₁, s₁, p₂ and s₂ (S,)."""

    source: Tensor
    target: Tensor
    prefix: Tensor
    suffix: Tensor
    new_prefix: Tensor
    new_suffix: Tensor


def edit_rules(source: Tensor, target: Tensor) -> EditRules:
    """The rule of each pair of words; of several longest common substrings the one that ends first in the source.

    Args:
        source, target: code points (S, L), 0 behind the end.

    >>> from quickstudy.functional.spelling import codes_of
    >>> rules = edit_rules(codes_of(["machen"], 10), codes_of(["gemacht"], 10))
    >>> [each.item() for each in rules[2:]]  # ge- before, -en becomes -t
    [0, 2, 2, 1]
    """
    ends = torch.zeros_like(target)  # of the common substring that ends at this letter of both
    best = torch.zeros_like(source[:, 0])
    at, at_target = torch.zeros_like(best), torch.zeros_like(best)
    for place, letter in enumerate(source.unbind(-1)):
        before = torch.nn.functional.pad(ends[:, :-1], (1, 0))
        ends = torch.where((target == letter[:, None]) & (target > 0), before + 1, 0)
        longest, where = ends.max(-1)
        better = longest > best
        best = torch.where(better, longest, best)
        at, at_target = torch.where(better, place + 1, at), torch.where(better, where + 1, at_target)
    prefix, new_prefix = at - best, at_target - best
    return EditRules(source, target, prefix, lengths(source) - at, new_prefix, lengths(target) - at_target)


def common_ends(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """How many letters at the beginning, and at the end, each word of one list shares with each of another, (Q, S) both.

    >>> from quickstudy.functional.spelling import codes_of
    >>> [each.tolist() for each in common_ends(codes_of(["singing"], 8), codes_of(["sing", "ring"], 8))]
    [[[4, 0]], [[3, 3]]]
    """
    found = []
    for a, b in ((one, other), (_reversed(one), _reversed(other))):
        same = (a[:, None] == b[None]) & (a[:, None] > 0)
        found.append(same.long().cumprod(-1).sum(-1))
    return found[0], found[1]


def applied(rules: EditRules, words: Tensor) -> tuple[Tensor, Tensor]:
    """Each word (Q, L) changed by each rule: code points (Q, S, L), and whether the rule changes this word (Q, S).

    Where a rule does not fit, or what it makes is longer than L, the code points are 0.

    >>> from quickstudy.functional.spelling import codes_of, texts_of
    >>> rules = edit_rules(codes_of(["machen"], 10), codes_of(["gemacht"], 10))
    >>> found, fits = applied(rules, codes_of(["lachen", "rot"], 10))
    >>> texts_of(found[:, 0]), fits.tolist()
    (['gelacht', ''], [[True], [False]])
    """
    begins, ends = common_ends(words, rules.source)
    return _changed(words, _Prefix(begins, rules.prefix[None], rules.new_prefix[None], rules.target[None]), ends, rules)


def crossed(rules: EditRules, words: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """Each word (Q, L) with its prefix changed as by one rule, ``first`` (Q,), and its suffix as by each; as `applied`.

    >>> from quickstudy.functional.spelling import codes_of, texts_of
    >>> rules = edit_rules(codes_of(["machen", "rot"], 10), codes_of(["gemacht", "rotes"], 10))
    >>> texts_of(crossed(rules, codes_of(["gut"], 10), torch.tensor([0]))[0][0])
    ['', 'gegutes']
    """
    begins, ends = common_ends(words, rules.source)
    begins = begins.gather(1, first[:, None])
    one = _Prefix(begins, rules.prefix[first, None], rules.new_prefix[first, None], rules.target[first, None])
    return _changed(words, one, ends, rules)


class _Prefix(NamedTuple):
    """What is done at the beginning: letters shared with the source there, lengths of p₁ and p₂ (Q or 1, S or 1), and the target
    that begins with p₂."""

    shared: Tensor
    prefix: Tensor
    new_prefix: Tensor
    target: Tensor


def _changed(words: Tensor, first: _Prefix, ends: Tensor, rules: EditRules) -> tuple[Tensor, Tensor]:
    size = lengths(words)[:, None]
    middle = size - first.prefix - rules.suffix
    total = first.new_prefix + middle + rules.new_suffix
    longest = words.shape[-1]
    fits = (first.shared >= first.prefix) & (ends >= rules.suffix) & (middle >= 0) & (total <= longest)
    place = torch.arange(longest, device=words.device)
    shape = (*fits.shape, longest)
    until = (first.new_prefix + middle)[..., None]
    stem = (place - first.new_prefix[..., None] + first.prefix[..., None]).clamp(0, longest - 1).expand(shape)
    behind = (place - total[..., None] + lengths(rules.target)[None, :, None]).clamp(0, longest - 1).expand(shape)
    of_word = words[:, None].expand(shape).gather(-1, stem)
    suffix = rules.target[None].expand(shape).gather(-1, behind)
    found = torch.where(place < first.new_prefix[..., None], first.target, torch.where(place < until, of_word, suffix))
    return torch.where((place < total[..., None]) & fits[..., None], found, 0), fits


def _reversed(words: Tensor) -> Tensor:
    """Each word from its end to its beginning."""
    place = lengths(words)[:, None] - 1 - torch.arange(words.shape[-1], device=words.device)
    return torch.where(place >= 0, words.gather(-1, place.clamp(min=0)), 0)
