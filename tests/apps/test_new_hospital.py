"""New hospital on six small ones: it starts at the pooled score, follows its patients, and says what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import new_hospital
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.learners import LRD2
from quickstudy.metrics import auroc
from quickstudy.tasks.by_task import ByTask

HEAD = ("hospital", "outcome", "split", "pressure", "sugar", "age")


def patients(each: int = 40) -> list[tuple[Any, ...]]:
    """High pressure is ill everywhere; in the hospitals for meta-test low sugar is, too, where it is healthy elsewhere."""
    random = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for place, part in enumerate(("train", "train", "train", "val", "test", "test")):
        sign = 2.0 if part == "train" else -2.0
        for number in range(each):
            ill = number % 2
            values = random.standard_normal(3) + np.array([ill, sign * ill, 0.0])
            rows.append((f"h{place}", ("healthy", "ill")[ill], part, *values.round(4).tolist()))
    return rows


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = written(tmp_path_factory.mktemp("patients") / "patients.csv", patients(), HEAD)
    made = new_hospital.recipe(data=path, steps=4, penalty=1.0)
    assert len(list(made.records(seed=0))) == 4
    return made


def test_without_patients_it_answers_as_the_pooled_score(recipe: Any) -> None:
    learner = recipe.learner.eval()
    assert isinstance(learner, LRD2) and learner.prior is not None
    known = recipe.read.train
    x = known.gather(torch.arange(len(known)))
    pooled = LogisticRegression(C=0.1, max_iter=500).fit(x.numpy(), known.y.numpy())
    logits = learner.prior(x)
    np.testing.assert_allclose((logits[:, 1] - logits[:, 0]).detach().numpy(), pooled.decision_function(x.numpy()), atol=1e-4)


def test_it_follows_the_outcomes_of_its_patients(recipe: Any) -> None:
    source = new_hospital.settings(recipe)["10 of each"].test

    def score(model: Any) -> float:
        return float(evaluate(model, source, tasks=10, seed=0, metrics=(auroc,), strategy="loop").others[0].value)

    right, before, shuffled = (
        score(model) for model in (recipe.learner, NoSupport(recipe.learner), ShuffledSupport(recipe.learner))
    )
    assert right > 0.8 and right > before + 0.3 and right > shuffled + 0.2, (right, before, shuffled)


def test_each_hospital_is_left_out_of_its_own_training() -> None:
    for fold, name in enumerate(("cleveland", "hungarian", "switzerland", "va")):
        made = new_hospital.recipe(fold=fold, steps=1)
        assert made.read.test.task_names == (name,) and len(made.read.train.task_names) == 2
        assert name not in made.read.train.task_names + made.read.val.task_names
    found = new_hospital.settings(new_hospital.recipe(fold=2, steps=1))
    assert list(found) == ["1 of each", "2 of each", "5 of each"]  # eight healthy patients


def test_baselines_are_made_of_a_recipe(recipe: Any) -> None:
    source = new_hospital.settings(recipe)["5 of each"].test
    assert isinstance(source, ByTask) and source.fixed
    for name, baseline in new_hospital.baselines.items():
        model = baseline.make(recipe, **baseline.choices[-1])
        found = float(evaluate(model, source, tasks=4, seed=0, metrics=(auroc,)).others[0].value)
        assert found < 0.5 if baseline.control else found > 0.2, (name, found)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([row[1:] for row in patients(6)], HEAD[1:], 'no column "hospital"'),
        ([(row[0], *row[2:]) for row in patients(6)], (HEAD[0], *HEAD[2:]), 'no column "outcome"'),
        ([*patients(6), ("h0", "dead", "train", 0, 0, 0)], HEAD, 'outcome of row 36 is \'dead\'. Write "healthy" or "ill"'),
        ([*patients(6), ("h0", "ill", "train", "high", 0, 0)], HEAD, 'column "pressure" holds numbers, but row 36'),
        ([*patients(6), ("h0", "ill", "soon", 0, 0, 0)], HEAD, "must name the part"),
        ([row for row in patients(6) if row[1] == "ill"], HEAD, "three patients in both classes"),
        (patients(4), HEAD, "three patients in both classes"),
        ([], HEAD, "no rows"),
    ],
    ids=["hospital", "outcome", "another outcome", "word", "part", "one class", "few", "empty"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        new_hospital.recipe(data=written(tmp_path / "patients.csv", rows, head))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes("hospital,outcome,m\nK\u00f6ln,ill,1\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        new_hospital.recipe(data=str(path))
