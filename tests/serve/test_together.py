"""Many tasks asked at once: each gets its own answer, whatever is computed beside it; concurrent changes lose nothing."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from contract.cases import CASES
from quickstudy.errors import LearnerError
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Predictor
from quickstudy.serve.database import Database
from quickstudy.serve.limits import Limits
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.together import predicted_each, predicted_together
from serve.scene import served

WORDS = ("card", "bank", "rain", "sun", "train", "ticket", "refund", "bill", "cold", "hot", "lost", "stolen", "wrong", "late")


@pytest.mark.parametrize("name", ["ProtoNet", "R2D2", "LRD2", "MAML", "NearestNeighbours", "MatchingNet", "SNAIL", "CNAPs"])
def test_together_is_each_alone(name: str) -> None:
    case = CASES[name]
    learner, source = case.make().eval(), case.source()
    tasks = source.sample(6, torch.Generator().manual_seed(0))
    asked = []
    for number in range(6):
        task = tasks[number]
        rows = map_leaves(lambda leaf, number=number: leaf[: 1 + number % 3], task.query.trim().x)
        asked.append((learner(task.support.trim()), rows))
    found = predicted_together(learner, asked)
    for (predictor, x), outputs in zip(asked, found, strict=True):
        alone = predictor(x)
        assert outputs.shape == alone.shape
        scale = float(alone.abs().max().clamp(min=1))
        assert torch.allclose(outputs, alone, atol=1e-5 * scale)


def test_one_that_fails_harms_no_other() -> None:
    learner = served()["texts"]
    assert learner.reads is not None
    x = learner.reads.batch(["a card", "some rain"])
    good = learner(_support(x))
    broken = Predictor(learner, good.state._replace(weight=good.state.weight * torch.nan), good.classes, good.reads, good.rows)
    found = predicted_each(learner, [(broken if n % 3 == 0 else good, x) for n in range(12)])
    for number, outputs in enumerate(found):
        if number % 3 == 0:
            assert isinstance(outputs, LearnerError) and "NaN" in str(outputs)
        else:
            assert isinstance(outputs, torch.Tensor) and torch.allclose(outputs, good(x), atol=1e-5)


def _support(x: torch.Tensor):  # type: ignore[no-untyped-def]
    from quickstudy import Examples

    return Examples.of(x, [0, 1])


def test_fifty_tenants_never_see_each_other(tmp_path: Path) -> None:
    """Each tenant's classes have names of its own; adapting, adding and asking go on at the same time."""
    sessions = Sessions({"texts": served()["texts"]}, Database(f"sqlite:///{tmp_path}/t.db"), Limits(adapting=2))
    truth: dict[int, list[dict[str, str]]] = {}
    wrong: list[str] = []

    def tenant(number: int) -> None:
        luck = random.Random(number)
        names = [f"{word} of {number}" for word in luck.sample(WORDS, 3)]
        examples = [{"text": " ".join(luck.sample(WORDS, 3)), "label": name} for name in names for _ in range(2)]
        task = sessions.adapt(f"tenant {number}", "texts", examples).task
        for turn in range(4):
            if turn == 2:
                more = [{"text": " ".join(luck.sample(WORDS, 3)), "label": luck.choice([*names, f"new of {number}"])}]
                sessions.add(f"tenant {number}", "texts", task, more)
                examples += more
            queries = [{"text": " ".join(luck.sample(WORDS, 2))} for _ in range(luck.randint(1, 3))]
            answers = sessions.predict(f"tenant {number}", "texts", task, queries)
            alone = _alone(sessions, examples, queries)
            for answer, (classes, row) in zip(answers, alone, strict=True):
                if list(answer.scores) != classes:
                    wrong.append(f"{number}: classes {list(answer.scores)} instead of {classes}")
                elif max(abs(a - b) for a, b in zip(answer.scores.values(), row, strict=True)) > 1e-5:
                    wrong.append(f"{number}: {answer.scores} instead of {row}")
        truth[number] = examples

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(tenant, range(50)))
    sessions.close()
    assert not wrong, wrong[:3]
    assert len(truth) == 50


def _alone(
    sessions: Sessions, examples: list[dict[str, str]], queries: list[dict[str, str]]
) -> list[tuple[list[str], list[float]]]:
    from quickstudy.serve.raw import examples_of

    learner = sessions.learner("texts").learner
    support, names = examples_of(examples, learner, Limits())
    predictor = learner(support, names)
    assert predictor.reads is not None and names is not None
    rows = predictor.probabilities(predictor.reads.batch([query["text"] for query in queries])).tolist()
    return [(list(names), row) for row in rows]


def test_examples_added_at_once_are_all_kept(tmp_path: Path) -> None:
    sessions = Sessions({"texts": served()["texts"]}, Database(f"sqlite:///{tmp_path}/t.db"))
    task = sessions.adapt("", "texts", [{"text": "a card", "label": "a"}, {"text": "some rain", "label": "b"}]).task
    start = threading.Barrier(3)

    def add(number: int) -> None:
        start.wait()
        sessions.add("", "texts", task, [{"text": f"word{number}", "label": "a"}])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(add, range(3)))
    about = sessions.about("", "texts", task)
    assert about.version == 4 and about.examples == 5
    sessions.close()
