"""The ranker of translations against scikit-learn's overlap and kernel ridge regression, and what trains its parts."""

import pytest
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import cosine_similarity

from contract.cases.ground import translated
from quickstudy import learners
from quickstudy.errors import LearnerError
from quickstudy.functional.spelling import codes_of, texts_of
from quickstudy.inputs import SentenceChoices
from quickstudy.task import Examples, Task

KIND = SentenceChoices(length=24, choices=3)
ASKED = ["la casa blanca\tthe white house\ta red dog\tcasablanca", "un perro\ta dog\tthe sun"]


def ranker(**sizes: int) -> learners.TranslationRanker:
    torch.manual_seed(0)
    return learners.TranslationRanker(**({"width": 24, "buckets": 4096, "counted": 1 << 16} | sizes)).double()


def silent(learner: learners.TranslationRanker, *kept: str) -> learners.TranslationRanker:
    """With weights of 0 for all parts of the score but some."""
    with torch.no_grad():
        for name, off in (("shared", 0.0), ("scale", 0.0), ("length", -99.0)):
            if name not in kept:
                getattr(learner, name).fill_(off)
    return learner


def pairs(*rows: tuple[str, str]) -> Examples:
    x = KIND.batch([f"{source}\t{translation}" for source, translation in rows])
    return Examples(x, codes_of([translation for _, translation in rows], 24).double(), torch.ones(len(rows)).double())


NONE = pairs(("x", "x")).replace(KIND.batch("x\tx"))
NONE = Examples(NONE.x, NONE.y, torch.zeros(1).double())


def test_letters_in_common_are_the_cosine_of_n_grams() -> None:
    learner = silent(ranker(), "shared")
    with torch.no_grad():
        learner.shared.zero_()
        learner.shared[2] = 1.0
    scores = learner(NONE)(KIND.batch(ASKED))[..., 0]
    for row, text in enumerate(ASKED):
        texts = text.split("\t")
        counts = CountVectorizer(analyzer="char", ngram_range=(3, 3)).fit_transform([f" {each} " for each in texts]).sqrt()
        wanted = cosine_similarity(counts[:1], counts[1:])[0]
        assert scores[row, : len(wanted)].tolist() == pytest.approx(wanted.tolist(), abs=1e-6)
    assert scores[1, 2] == -1e4, "where there is no candidate"


def test_what_pairs_teach_is_kernel_ridge_regression_of_what_was_not_expected() -> None:
    learner = silent(ranker(), "scale")
    with torch.no_grad():
        learner.expected.normal_(0, 0.1)
        learner.kernel.normal_()
    known = pairs(("la casa", "the house"), ("el perro", "the dog"), ("la luna", "the moon"), ("rojo", "red"))
    support, query = (known.replace(learner.encode(known.x)), learner.encode(KIND.batch(ASKED)))
    state = learner.adapt(support)
    rows = state.grams.flatten(1).detach()
    asked = (query["grams"] * state.weights).detach()
    asked = (asked / asked.norm(dim=-1, keepdim=True) * learner.kernel.softmax(0).sqrt()[:, None]).flatten(1).detach()
    beyond = learner.embedded(known.y.long()) - support.x["expected"]
    model = KernelRidge(alpha=torch.nn.functional.softplus(learner.penalty).item(), kernel="precomputed")
    model.fit((rows @ rows.mT).numpy(), beyond.detach().numpy())
    meant = query["expected"].detach() + torch.from_numpy(model.predict((asked @ rows.mT).numpy()))
    meant = meant / (meant.norm(dim=-1, keepdim=True) + torch.nn.functional.softplus(learner.floor).detach())
    wanted = learner.scale * torch.einsum("qd,qmd->qm", meant, query["answers"])
    found = learner.predict(state, query)[..., 0]
    assert torch.allclose(found[0], wanted[0], atol=1e-6) and torch.allclose(found[1, :2], wanted[1, :2], atol=1e-6)


def test_words_of_pairs_are_found_again_and_no_pairs_say_nothing() -> None:
    learner = silent(ranker(), "scale")
    known = pairs(("la casa", "the house"), ("el perro", "the dog"), ("la luna", "the moon"), ("un perro", "a dog"))
    outputs = learner(known)(KIND.batch(["casa\tmoon\tdog\thouse", "perro\tmoon\tdog\thouse"]))
    assert texts_of(learner.likelihood.mean(outputs)) == ["house", "dog"]
    assert float(learner(NONE)(KIND.batch(ASKED))[0, :, 0].abs().max()) < 1e-9


def test_the_expectation_learns_from_tasks_without_pairs_alone() -> None:
    source, learner = translated(), learners.TranslationRanker(width=8, buckets=256, counted=64)
    raw = source.sample(1, torch.Generator().manual_seed(0))[0]
    for mask, moves in ((raw.support.mask, False), (torch.zeros_like(raw.support.mask), True)):
        support = Examples(learner.encode(raw.support.x), raw.support.y, mask)
        learner.zero_grad()
        learner.objective(Task(support, raw.query.replace(learner.encode(raw.query.x)))).backward()
        assert learner.expected.grad is not None and bool(learner.expected.grad.any()) == moves


def test_lengths_count_by_what_is_usual_in_pairs() -> None:
    learner = silent(ranker(), "length")
    x = KIND.batch("abcdef\tabcdef\tabcdefabcdef\tabc")
    assert learner(NONE)(x)[0, :, 0].argmax() == 0
    twice = pairs(*[("a" * n, "b" * 2 * n) for n in (2, 3, 4, 5, 6, 7, 8, 9, 10)] * 6)
    assert learner(twice)(x)[0, :, 0].argmax() == 1


def test_sizes_are_refused() -> None:
    with pytest.raises(LearnerError, match="buckets=0"):
        learners.TranslationRanker(buckets=0)
