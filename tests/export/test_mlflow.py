"""Models of MLflow: from code over our file, with a signature and an example, the same answers, and a self-test when loaded."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from quickstudy import Examples, learners, save
from quickstudy.errors import ArtefactError, DataError, LearnerError, MissingExtra
from quickstudy.export import answer_table, example_table, export_mlflow, opened
from quickstudy.export import mlflow_folder as module
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Learner, Predictor
from quickstudy.likelihood import Gaussian, Labels

Call = Callable[..., tuple[int, str, str]]
HERE = importlib.util.find_spec("mlflow") is not None
needed = pytest.mark.skipif(not HERE, reason='needs mlflow-skinny: pip install "quickstudy[mlflow]"')
SUPPORT = pd.DataFrame(
    {"text": ["my card is lost", "a stolen card", "will it rain", "rain today"], "label": ["card", "card", "sky", "sky"]}
)
ASKED = pd.DataFrame({"text": ["where is my card", "is it rain"]})


def of_texts() -> Learner[Any]:
    learner: Learner[Any] = learners.NearestCentroid()
    learner.reads = Texts(width=128)
    return learner


def of_rows(**more: Any) -> Learner[Any]:
    learner: Learner[Any] = learners.NearestCentroid(**more)
    learner.reads = Columns.fitted({"age": [30.0, 50.0], "sex": ["f", "m"], "born": ["2001-02-03", "1990-01-01"]})
    return learner


def of_images() -> Learner[Any]:
    learner: Learner[Any] = learners.NearestCentroid()
    learner.reads = Images((8, 8), strokes=False)
    return learner


def adapted() -> Predictor:
    learner = of_texts()
    return learner(Examples.of(learner.reads.batch(SUPPORT["text"].tolist()), [0, 0, 1, 1]), ["card", "sky"])


def test_a_predictor_answers_each_row() -> None:
    predictor = adapted()
    found = answer_table(predictor, ASKED)
    assert list(found.columns) == ["class", "probability", "probability of card", "probability of sky"]
    wanted = predictor.probabilities(ASKED["text"].tolist())
    assert torch.equal(torch.tensor(found.iloc[:, 2:].to_numpy(), dtype=torch.float32), wanted)
    assert found["class"].tolist() == ["card", "sky"] and found["probability"].tolist() == wanted.amax(1).tolist()


def test_a_learner_adapts_to_rows_with_a_label_and_answers_the_others() -> None:
    table = pd.concat([ASKED.iloc[:1], SUPPORT, ASKED.iloc[1:]], ignore_index=True)
    assert answer_table(of_texts(), table).equals(answer_table(adapted(), ASKED))


def test_values() -> None:
    learner = learners.ALPaCA(torch.nn.Identity(), 1)
    learner.reads = Columns.fitted({"dose": [0.0, 1.0, 2.0]})
    table = pd.DataFrame({"dose": [0.0, 1.0, 2.0, 1.5], "target": [0.0, 1.0, 2.0, None]})
    found = answer_table(learner, table)
    support = Examples.of(learner.reads.batch(table[["dose"]][:3]), torch.tensor([0.0, 1.0, 2.0]), kind="values")
    assert found["value"].tolist() == pytest.approx(
        learner(support).probabilities(learner.reads.batch([{"dose": 1.5}]))[:, 0].tolist()
    )


@pytest.mark.parametrize("make", [of_texts, of_rows, of_images])
def test_examples_of_input_are_answered(make: Callable[[], Learner[Any]]) -> None:
    learner = make()
    table = example_table(learner)
    found = answer_table(learner, table)
    assert len(found) == 1 and found["class"][0] in ("a", "b") and table["label"].isna().sum() == 1


@pytest.mark.parametrize(
    ("thing", "table", "said"),
    [
        (of_texts(), ASKED, 'the column "label" is missing'),
        (of_texts(), SUPPORT, 'of 4 rows 4 have a "label"'),
        (adapted(), pd.DataFrame({"txt": ["a"]}), 'the column "text" is missing. There are: txt'),
        (of_images(), pd.DataFrame({"image": ["%", "x"], "label": ["a", None]}), "row 0 .* the image is no base64"),
        (adapted(), ["a"], "a table of pandas is read here, not a list"),
        (learners.NearestCentroid(), ASKED.assign(label=["a", None]), "does not know how a raw thing becomes an input"),
        (of_rows(likelihood=Labels()), SUPPORT, "several labels a row takes no table"),
    ],
    ids=["no label", "no query", "no text", "no image", "no table", "no reads", "labels"],
)
def test_what_cannot_be_read_is_said(thing: Any, table: Any, said: str) -> None:
    with pytest.raises((DataError, LearnerError), match=said):
        answer_table(thing, table)


@needed
@pytest.mark.filterwarnings("ignore")  # MLflow warns of its own code
def test_the_model_answers_as_python_does_and_needs_no_pickle(tmp_path: Path) -> None:
    import mlflow

    predictor = adapted()
    place = export_mlflow(predictor, tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(place))
    assert model.predict(ASKED).equals(answer_table(predictor, ASKED))
    signature = model.metadata.signature
    assert signature.inputs.input_names() == ["text"]
    assert signature.outputs.input_names() == ["class", "probability", "probability of card", "probability of sky"]
    assert model.input_example["text"].tolist() == example_table(predictor)["text"].tolist()
    assert not [file for file in place.rglob("*") if file.suffix in (".pkl", ".pickle")]
    assert (place / "answers.py").read_text() == module.SCRIPT
    thing = opened(place / "artifacts" / "files")
    assert isinstance(thing, Predictor) and thing.support is None, "examples stay at home"
    with pytest.raises(ArtefactError, match="is there already. Name a folder that is not"):
        export_mlflow(predictor, place)


@needed
@pytest.mark.filterwarnings("ignore")  # MLflow warns of its own code
def test_a_learner_by_the_command(tmp_path: Path, call: Call) -> None:
    import mlflow

    save(of_rows(), tmp_path / "learner")
    status, out, err = call("export", tmp_path / "learner", "--format", "mlflow", "-o", tmp_path / "model")
    assert status == 0 and "mlflow models serve" in out, err
    table = pd.DataFrame(
        {"age": [30.0, 60.0, 58.0], "sex": ["f", "f", "m"], "born": ["2001-02-03"] * 3, "label": ["no", "yes", None]}
    )
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert model.predict(table).equals(answer_table(of_rows(), table))


@needed
@pytest.mark.filterwarnings("ignore")  # MLflow warns of its own code
def test_a_damaged_model_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    import mlflow

    place = export_mlflow(adapted(), tmp_path / "model")
    said = place / "artifacts" / "files" / "said.json"
    said.write_text(said.read_text().replace("0.", "0.1", 1))
    with pytest.raises(ArtefactError, match="answers otherwise than when it was exported"):
        mlflow.pyfunc.load_model(str(place))


def test_flags_of_programs_are_refused_and_a_missing_package_is_said(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(of_texts(), tmp_path / "learner")
    words = ("export", tmp_path / "learner", "--format", "mlflow", "-o", tmp_path / "model")
    status, _, err = call(*words, "--int8")
    assert status == 1 and "--int8 has no effect on a model of MLflow" in err
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    status, _, err = call(*words)
    assert status == 1 and 'models of MLflow need mlflow-skinny. Install it: pip install "quickstudy[mlflow]"' in err
    with pytest.raises(MissingExtra):
        export_mlflow(of_texts(), tmp_path / "model")


def test_gaussian_learners_have_a_target_column() -> None:
    learner = learners.MAML(torch.nn.Linear(1, 1), likelihood=Gaussian())
    learner.reads = Columns.fitted({"dose": [0.0, 1.0, 2.0]})
    assert "target" in example_table(learner)
