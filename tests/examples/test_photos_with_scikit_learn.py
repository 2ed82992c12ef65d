"""The example compares its models on the same tasks, and its few-shot classifier is what it says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

FILE = Path(__file__).parents[2] / "examples" / "photos_with_scikit_learn.py"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("photos_with_scikit_learn", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_models_see_the_same_tasks(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(0)
    y = np.repeat([f"class{number}" for number in range(7)], 25)
    X = draws.normal(size=(7, 10)).repeat(25, 0) + draws.normal(size=(175, 10))
    name = "FewShotClassifier, nearest_centroid, features of length 1"
    theirs = make_pipeline(Normalizer(), NearestCentroid())
    monkeypatch.setattr(example, "MODELS", {"theirs": theirs, "mine": example.MODELS[name]})
    found = example.accuracies(X, y, tasks=5, seed=0)
    assert found["mine"] == found["theirs"]
    assert len(set(found["mine"])) > 1 and 0.3 < np.mean(found["mine"]) < 1
    assert example.accuracies(X, y, tasks=2, seed=0)["mine"] == found["mine"][:2]
