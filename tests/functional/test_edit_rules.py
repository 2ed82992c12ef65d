"""Edit rules of tensors are those that a few lines of Python find in texts."""

import random
from difflib import SequenceMatcher

import pytest
import torch

from quickstudy.functional.edit_rules import applied, common_ends, crossed, edit_rules
from quickstudy.functional.spelling import codes_of, lengths, marks, texts_of

LENGTH = 12


def words(count: int, seed: int, longest: int = 7) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choice("abc") for _ in range(rng.randint(1, longest))) for _ in range(count)]


def cut(source: str, target: str) -> tuple[str, str, str, str]:
    """p₁, p₂, s₁ and s₂ around the longest common substring that ends first in the source, and first in the target."""
    found: tuple[int, int, int] = (0, 0, 0)
    for i in range(len(source)):
        for j in range(len(target)):
            n = 0
            while n <= min(i, j) and source[i - n] == target[j - n]:
                n += 1
            if n > found[0]:
                found = (n, i + 1, j + 1)
    n, i, j = found
    return source[: i - n], target[: j - n], source[i:], target[j:]


def changed(rule: tuple[str, str, str, str], word: str) -> str | None:
    p, q, s, t = rule
    fits = word.startswith(p) and word.endswith(s) and len(word) >= len(p) + len(s)
    made = q + word[len(p) : len(word) - len(s)] + t if fits else ""
    return made if fits and len(made) <= LENGTH else None


def test_rules_and_what_they_make_are_those_of_texts() -> None:
    sources, targets, others = words(60, 0), words(60, 1), words(40, 2)
    rules = edit_rules(codes_of(sources, LENGTH), codes_of(targets, LENGTH))
    made, fits = applied(rules, codes_of(others, LENGTH))
    for s, (source, target) in enumerate(zip(sources, targets, strict=True)):
        rule = cut(source, target)
        sizes = [int(part[s]) for part in rules[2:]]
        assert sizes == [len(rule[0]), len(rule[2]), len(rule[1]), len(rule[3])], (source, target)
        assert (
            len(source) - len(rule[0]) - len(rule[2])
            == SequenceMatcher(None, source, target, autojunk=False).find_longest_match().size
        )
        wanted = [changed(rule, word) for word in others]
        assert fits[:, s].tolist() == [each is not None for each in wanted]
        assert texts_of(made[:, s]) == [each or "" for each in wanted]


def test_a_prefix_of_one_rule_and_a_suffix_of_another() -> None:
    sources, targets, others = words(30, 10), words(30, 11), words(30, 12)
    rules = edit_rules(codes_of(sources, LENGTH), codes_of(targets, LENGTH))
    first = torch.arange(30).flip(0)
    made, fits = crossed(rules, codes_of(others, LENGTH), first)
    cuts = [cut(source, target) for source, target in zip(sources, targets, strict=True)]
    for q, word in enumerate(others):
        wanted = [changed((*cuts[int(first[q])][:2], *rule[2:]), word) for rule in cuts]
        assert fits[q].tolist() == [each is not None for each in wanted]
        assert texts_of(made[q]) == [each or "" for each in wanted]


def test_a_rule_makes_its_own_target_and_a_form_that_is_too_long_is_none() -> None:
    sources, targets = words(50, 3), words(50, 4)
    source, target = codes_of(sources, LENGTH), codes_of(targets, LENGTH)
    made, fits = applied(edit_rules(source, target), source)
    assert bool(fits.diagonal().all())
    assert torch.equal(made[torch.arange(50), torch.arange(50)], target)
    longer = edit_rules(codes_of(["a"], 4), codes_of(["abbb"], 4))
    _, fits = applied(longer, codes_of(["a", "aa"], 4))
    assert fits.tolist() == [[True], [False]]


@pytest.mark.parametrize("tail", ["", "a", "bca"])
def test_common_ends(tail: str) -> None:
    one, other = words(20, 5), words(30, 6)
    found = common_ends(codes_of([word + tail for word in one], LENGTH), codes_of([word + tail for word in other], LENGTH))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            x, y = a + tail, b + tail
            begin = next((n for n in range(min(len(x), len(y))) if x[n] != y[n]), min(len(x), len(y)))
            end = next((n for n in range(min(len(x), len(y))) if x[-1 - n] != y[-1 - n]), min(len(x), len(y)))
            assert (int(found[0][i, j]), int(found[1][i, j])) == (begin, end)


def test_numbers_of_texts() -> None:
    texts = sorted({*words(3000, 7), "\u00e9t\u00e9", "\U0001f600"})
    codes = codes_of(texts, LENGTH)
    assert texts_of(codes) == texts and texts_of(codes.float()) == texts, "code points are exact in single precision"
    assert lengths(codes).tolist() == [len(text) for text in texts]
    assert len(set(marks(codes).tolist())) == len(texts)
    assert torch.equal(marks(codes_of(texts, 30)), marks(codes))
