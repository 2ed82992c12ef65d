"""Finding translations in made-up languages: it learns a new one from its pairs, and says what is wrong with a file."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import evaluate
from quickstudy.apps import translation_retrieval
from quickstudy.datasets import translations
from quickstudy.datasets.sentence_pairs import own_translations
from quickstudy.errors import DataError, LearnerError, TaskError
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.functional.spelling import texts_of
from quickstudy.metrics import hits_5, mrr
from quickstudy.saving.checkpoint import load, save
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import examples_of, inputs_of
from quickstudy.tasks import Retrievals
from quickstudy.use.answers import answers
from quickstudy.use.evidence import evidence
from quickstudy.use.own_report import own_report
from quickstudy.use.pair_support import pair_support
from quickstudy.use.queries import Query, queries_of_files
from quickstudy.use.support_set import support_set

ENGLISH = ("dog", "house", "sees", "big", "red", "you", "water", "tree")
Row = tuple[str, ...]


def rows(languages: int = 6, each: int = 50, seed: int = 0) -> list[Row]:
    """Language, source and translation: sentences of three words, each with a word of the language's own."""
    rng, found = random.Random(seed), []
    for language in range(languages):
        own = {word: "".join(rng.choice("bdgklmt") + rng.choice("aeiou") for _ in range(2)) for word in ENGLISH}
        sentences: set[Row] = set()
        while len(sentences) < each:
            sentences.add(tuple(rng.sample(ENGLISH, 3)))
        for words in sorted(sentences):
            found.append((f"language {language}", " ".join(own[word] for word in words), " ".join(words)))
    return found


def written(path: Path, found: Sequence[Row], header: str = "language,source,translation") -> str:
    path.write_text("\n".join([header, *(",".join(row) for row in found)]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("sentences") / "mine.csv", rows())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = translation_retrieval.recipe(data=path, steps=6, width=64)
    assert len([record.loss for record in recipe.records(seed=0)]) == 6
    recipe.learner.reads = recipe.reads
    return recipe


def test_it_learns_a_language_from_its_pairs_and_not_from_shuffled_ones(made: Any) -> None:
    setting = translation_retrieval.settings(made)["30 pairs"]
    report = evaluate(made.learner, setting.test, tasks=3, metrics=(hits_5, mrr))
    assert report.metric == "exact match" and report.mean > 0.35, "five words of eight are known of most sentences"
    assert report.mean < report.by("mrr").mean < report.by("hits_5").mean
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, tasks=3, strategy="loop").mean
    blank = evaluate(NoSupport(made.learner), setting.test, tasks=3, strategy="loop").mean
    assert max(shuffled, blank) < report.mean - 0.2, (shuffled, blank)


def test_every_baseline_is_made_of_a_recipe_and_ranks_all_candidates(made: Any) -> None:
    setting = translation_retrieval.settings(made)["30 pairs"]
    for name, baseline in translation_retrieval.baselines.items():
        found = evaluate(baseline.make(made, **baseline.choices[0]), setting.test, tasks=2, metrics=(hits_5,))
        assert (found.mean < 0.3) if name == "n-gram overlap" else (found.mean > 0.3), (name, found.mean)
        assert found.by("hits_5").mean > found.mean


def test_languages_of_the_package_are_in_one_part() -> None:
    parts = translations()
    assert [len(part.task_names) for part in parts] == [39, 6, 14] and sum(map(len, parts)) == 19_586
    assert not {name for part in parts[:2] for name in part.task_names} & set(parts.test.task_names)
    first = parts.val.x
    assert isinstance(first, dict) and texts_of(parts.val.y)[0] and texts_of(first["source"])[0]


def test_candidates_are_the_translations_of_the_language_and_none_are_known(tmp_path: Path) -> None:
    table = own_translations(written(tmp_path / "mine.csv", rows())).train
    tasks = Retrievals(table, 10, queries=4, candidates=12).sample(2, torch.Generator().manual_seed(0))
    for number in range(2):
        listed = texts_of(tasks.query.x["candidates"][number, 0])
        assert len(set(listed)) == 12 and set(texts_of(tasks.query.y[number])) <= set(listed)
        assert not set(texts_of(tasks.support.y[number])) & set(listed)
    assert not tasks.support.x["candidates"].any()
    alone = Retrievals(table, 10, queries=4, candidates=12, known=False)
    assert not alone.sample(2).support.mask.any() and "0 pairs" in alone.name
    with pytest.raises(TaskError, match="queries=9 must not exceed candidates=8"):
        Retrievals(table, 10, queries=9, candidates=8)


def test_a_saved_learner_takes_pairs_of_ones_own_and_finds_translations(made: Any, tmp_path: Path) -> None:
    save(made.learner, tmp_path / "learner.safetensors")
    learner = load(tmp_path / "learner.safetensors")
    own = [row[1:] for row in rows(1, 42, seed=5)]
    random.Random(0).shuffle(own)
    read = support_set(written(tmp_path / "pairs.csv", own[:30], "source,translation"), learner)
    assert read.classes is None and read.places[3].endswith("row 3")
    save(learner(read.examples), tmp_path / "mine.safetensors")
    predictor = load(tmp_path / "mine.safetensors")
    listed = [translation for _, translation in own[30:]]
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps({"source": each, "candidates": listed}) + "\n" for each, _ in own[30:]), encoding="utf-8")
    found = list(answers(predictor, queries_of_files([asked], predictor.reads)))
    assert sum(answer.name == right for answer, right in zip(found, listed, strict=True)) >= 6, (
        "of twelve, where guessing finds one"
    )
    assert found[0].kind == "texts" and len(found[0].ranked) > 3 and found[0].ranked[0][1] <= 1
    tabbed = "\t".join([own[30][0], *listed])
    assert predictor.names([tabbed]) == [found[0].name]
    sentences = own_report(predictor).sentences()
    assert "left out one by one: exact match" in sentences[0] and "exact match 0" not in sentences[0]
    first = evidence(predictor, predictor.reads.batch([tabbed]), most=2)[0]
    assert len(first) == 2 and first[0].weight >= first[1].weight
    faults = list(answers(predictor, [Query("a", "alone"), Query("b", tabbed)]))
    assert "no candidates" in str(faults[0].fault) and faults[1].fault is None


def test_a_server_takes_them_as_texts(made: Any) -> None:
    given = [{"text": f"{source}\t-", "target": translation} for _, source, translation in rows(1, 30)]
    support, classes = examples_of(given, made.learner, Limits())
    assert classes is None and texts_of(support.y)[0] == given[0]["target"]
    outputs = made.learner(support)(
        inputs_of([{"text": f"{given[0]['text'][:-1]}{given[0]['target']}\tno"}], made.reads, Limits())
    )
    assert texts_of(made.learner.likelihood.mean(outputs)) == [given[0]["target"]]


GOOD = rows(5, 24)


@pytest.mark.parametrize(
    ("found", "header", "said"),
    [
        ([], "language,source,translation", "no rows|holds no"),
        ([row[:2] for row in GOOD], "language,source", 'no column "translation"'),
        ([row[1:] for row in GOOD], "source,translation", 'no column "language"'),
        ([*GOOD, ("language 1", "", "x")], "language,source,translation", r"row 120 .*the source is empty"),
        ([*GOOD, ("language 1", "x", " ")], "language,source,translation", r"row 120 .*the translation is empty"),
        ([*GOOD, ("", "x", "x")], "language,source,translation", 'the column "language" has no value in row 120'),
        ([*GOOD, ("other", "x", "y")], "language,source,translation", r"other \(1\)"),
        (GOOD[:48], "language,source,translation", "2 values, too few"),
        ([*GOOD, ("language 1", "x")], "language,source,translation", "line 122"),
    ],
    ids=["empty", "no translation", "no language", "no source", "blank", "nameless", "small", "two languages", "short row"],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, found: Any, header: str, said: str) -> None:
    path = written(tmp_path / "mine.csv", found, header)
    with pytest.raises(DataError, match=said):
        translation_retrieval.recipe(data=path)
    with pytest.raises(DataError, match="nowhere"):
        translation_retrieval.recipe(data=str(tmp_path / "nowhere.csv"))


def test_what_is_wrong_with_pairs_and_questions(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes("source,translation\nGr\xfc\xdfe,x\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        pair_support(path, made.learner)
    assert len(pair_support(path, made.learner, encoding="latin-1")[1]) == 1
    with pytest.raises(DataError, match="no rows"):
        pair_support(written(path, [], "source,translation"), made.learner)
    from quickstudy.learners import NearestCentroid

    with pytest.raises(LearnerError, match="reads no sentences"):
        pair_support(path, NearestCentroid())
    asked = next(queries_of_files([written(path, [("ja",)], "source")], made.reads))
    assert 'no column "candidates"' in str(asked.fault)
