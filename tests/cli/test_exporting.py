"""`quickstudy export`: runs, learners and predictors as files that onnxruntime runs without quickstudy."""

import json
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch
from PIL import Image

from quickstudy.export import check, notes, state_inputs
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import load

Call = Callable[..., tuple[int, str, str]]
SMALL = {"steps": 2, "train_ways": 5, "train_queries": 2, "queries": 2, "val_tasks": 3}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exporting")
    for recipe, arguments, folder in (("proto", SMALL, "run"), ("maml", {"data": "sinusoid", "steps": 1, "batch": 2}, "waves")):
        for _ in Run(root / folder, recipe, arguments).train():
            pass
    for number, name in enumerate("abc"):
        (root / "photos" / name).mkdir(parents=True)
        for other in range(2):
            image = Image.new("L", (28, 28), 255)
            image.paste(0, (3 + 6 * number, 2, 7 + 6 * number, 20 + other))
            image.save(root / "photos" / name / f"{other}.png")
    return root


def test_a_run_its_adaptation_and_a_predictor_agree(place: Path, tmp_path: Path, call: Call) -> None:
    status, out, err = call("export", place / "run", "-o", tmp_path / "run.onnx", "--with-adaptation", "--shots", 2)
    assert status == 0, err
    assert f"{tmp_path}/run.adapt.onnx" in out and out.count("self-test: passed") == 2
    assert "free: queries, ways" in out and "free: examples, ways" in out
    assert check(tmp_path / "run.onnx").within() and check(tmp_path / "run.adapt.onnx").within()
    assert call("adapt", place / "run", place / "photos", "-o", tmp_path / "mine.safetensors", "--calibrate", "support")[0] == 0
    status, out, err = call("export", tmp_path / "mine.safetensors", "-o", tmp_path / "mine.onnx", "--json")
    assert status == 0, err
    said = json.loads(out)
    assert (said["kind"], said["inputs"], said["free"], said["int8"]) == ("predictor", ["x"], ["queries"], None)
    predictor = load(tmp_path / "mine.safetensors")
    known = notes(tmp_path / "mine.onnx")
    assert known["classes"] == ["a", "b", "c"] and known["threshold"] == predictor.threshold.least
    x = predictor.reads.batch([place / "photos" / name / "1.png" for name in "cab"])
    folded = onnxruntime.InferenceSession(tmp_path / "mine.onnx").run(["probabilities"], {"x": x.numpy()})[0]
    shared = onnxruntime.InferenceSession(tmp_path / "run.onnx").run(
        ["probabilities"], {"x": x.numpy(), **state_inputs(predictor)}
    )[0]
    for found in (folded, shared):
        torch.testing.assert_close(torch.as_tensor(found), predictor.probabilities(x), atol=1e-5, rtol=0)
    assert folded.argmax(-1).tolist() == [2, 0, 1]


def test_a_run_of_numbers_takes_its_inputs_from_its_tasks(place: Path, tmp_path: Path, call: Call) -> None:
    status, _, err = call("export", place / "waves", "-o", tmp_path / "waves.onnx")
    assert status == 0, err
    assert notes(tmp_path / "waves.onnx")["targets"] == "values" and check(tmp_path / "waves.onnx").within()
    learner = Run(place / "waves").learner()
    task = Run(place / "waves").recipe().test.sample(1)
    predictor = learner(task.support[0])
    x = task.query.x[0]
    found = onnxruntime.InferenceSession(tmp_path / "waves.onnx").run(None, {"x": x.numpy(), **state_inputs(predictor)})[0]
    torch.testing.assert_close(torch.as_tensor(found), predictor(x), atol=1e-5, rtol=1e-5)


def test_a_program_of_pytorch_comes_with_a_warning(place: Path, tmp_path: Path, call: Call) -> None:
    status, out, err = call("export", place / "run", "--format", "pt2", "-o", tmp_path / "run.pt2")
    assert status == 0, err
    assert "load only your own" in out and (tmp_path / "run.pt2").read_bytes()[:2] == b"PK"
