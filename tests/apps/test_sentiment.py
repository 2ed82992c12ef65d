"""Sentiment on six products: it starts at what other products say, learns from its sentences, and says what is wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch

from apps.tables import written
from apps.texts import sentences
from quickstudy import evaluate
from quickstudy.apps import sentiment
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport
from quickstudy.learners import LRD2
from quickstudy.task import Examples
from quickstudy.tasks.by_task import ByTask

HEAD = ("text", "label", "product")
GOOD = [
    (f"{word} {n} {p}", label, f"p{p}")
    for p in range(5)
    for n in range(6)
    for word, label in (("good", "positive"), ("bad", "negative"))
]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("reviews") / "reviews.csv", sentences(), HEAD)
    made = sentiment.recipe(data=path, backbone="hashed", steps=3)
    assert len(list(made.records(seed=0))) == 3
    return made


def test_without_sentences_it_answers_as_the_prior_does(recipe: Any) -> None:
    learner = recipe.learner.eval()
    assert isinstance(learner, LRD2) and learner.prior is not None
    x = learner.reads.batch(["works perfectly", "broke after a week"])
    empty = Examples(x[:0], torch.zeros(0, 2), torch.zeros(0))
    found = learner(empty)(x)
    hidden = learner.encoder(x)
    assert torch.allclose(found, learner.log_scale.exp() * learner.prior(hidden), atol=1e-5)


def test_it_follows_the_labels_of_its_sentences(recipe: Any) -> None:
    """Sentences of which all is said the other way round: only the support set can reveal that."""
    x = recipe.learner.reads.batch([f"{word} {n}" for word in ("great", "awful") for n in ("one", "two", "three", "four")])
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])  # great is negative here
    learner = recipe.learner.eval()
    with torch.no_grad():
        learner.log_penalty.fill_(0.0)
    queries = learner.reads.batch(["great five", "awful six"])
    assert learner(Examples.of(x, y))(queries).argmax(1).tolist() == [0, 1]
    assert learner(Examples.of(x, 1 - y))(queries).argmax(1).tolist() == [1, 0]


def test_products_of_few_sentences_have_the_sizes_that_fit(tmp_path: Path) -> None:
    made = sentiment.recipe(data=written(tmp_path / "few.csv", sentences(each=8), HEAD), backbone="hashed", steps=1)
    assert list(sentiment.settings(made)) == ["1 of each"]


def test_columns_are_fixed_and_products_apart(recipe: Any) -> None:
    found = sentiment.settings(recipe)
    assert list(found) == ["1 of each", "5 of each", "10 of each", "20 of each"]
    source = found["1 of each"].test
    assert isinstance(source, ByTask) and source.fixed and source.table.classes == ("negative", "positive")
    trained = recipe.train.sources[0].table.task_names
    assert not set(trained) & set(source.table.task_names)


def test_every_baseline_is_made_of_a_recipe(recipe: Any) -> None:
    source = sentiment.settings(recipe)["5 of each"].test
    for name, baseline in sentiment.baselines.items():
        assert evaluate(baseline.make(recipe, **baseline.choices[0]), source, tasks=2).mean > 0.3, name
    assert evaluate(NoSupport(recipe.learner), source, tasks=3, strategy="loop").mean > 0.3


def test_parts_of_the_products_share_no_kind() -> None:
    from quickstudy.apps.sentiment import _FOLDS, _VALIDATION  # type: ignore[attr-defined]

    every = [product for part in _FOLDS for product in part]
    assert len(set(every)) == len(every) == 17
    assert all(not set(part) & set(_VALIDATION[fold % 2]) for fold, part in enumerate(_FOLDS))


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (GOOD, ("text", "label", "shop"), 'no column "product"'),
        (GOOD, ("sentence", "label", "product"), 'no column "text"'),
        ([*GOOD, ("so so", "neutral", "p1")], HEAD, 'has .*neutral.* in row 60.*"negative" or "positive"'),
        ([*GOOD, ("", "positive", "p1")], HEAD, "text 60 .* is empty"),
        ([*GOOD, ("good", "positive", "")], HEAD, "has no value in row 60"),
        ([], HEAD, "no rows"),
        ([row for row in GOOD if row[1:] != ("negative", "p2")], HEAD, '"p2" are of one class'),
        (GOOD[:24], HEAD, "has 2 values"),
        ([row for row in GOOD if int(row[0].split()[1]) < 4], HEAD, "no product has a sentence of both classes and 10 more"),
    ],
    ids=["product column", "text column", "label", "empty text", "no product", "empty", "one class", "two products", "few"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        sentiment.recipe(data=written(tmp_path / "my.csv", rows, head), backbone="hashed")
