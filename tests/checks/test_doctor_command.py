"""``quickstudy doctor``: what it names it finds, it draws, and its exit status says whether anything is severe."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from contract.cases import blobs
from quickstudy import checks, datasets, learners, save, tasks
from quickstudy.nn import MLP
from quickstudy.plots import diversity
from quickstudy.runs.run import Run

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(call: Call) -> Call:
    """The command with its output on one line, too."""

    def run(*words: object) -> tuple[int, str, str]:
        status, out, err = call("doctor", *words)
        return status, " ".join(out.split()), err

    return run


def images(root: Path, classes: list[str], seed: int, count: int = 8) -> None:
    rng = np.random.default_rng(seed)
    for name in classes:
        (root / name).mkdir(parents=True)
        for place in range(count):
            Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(root / name / f"{place}.png")


def test_a_folder_whose_splits_share_images_is_severe(tmp_path: Path, call: Call) -> None:
    for seed, part in enumerate(datasets.class_index.Splits._fields):
        images(tmp_path / "photos" / part, [f"{part}{n}" for n in range(3)], seed)
    asked = ["--only", "class names", "--only", "examples"]
    status, out, _ = call(tmp_path / "photos", *asked)
    assert status == 0 and "nothing found" in out
    stolen = (tmp_path / "photos/train/train0/3.png").read_bytes()
    (tmp_path / "photos/test/test1/9.png").write_bytes(stolen)
    status, out, _ = call(tmp_path / "photos", *asked)
    assert status == 1 and "severe 1 of 25 examples of test are also in train" in out and "what to do: Leave them out" in out
    status, out, _ = call(tmp_path / "photos", *asked, "--json")
    assert status == 1 and json.loads(out)["checks"]["examples"]["verdict"] == "severe"


def test_a_recipe_is_examined_before_it_runs(call: Call, tmp_path: Path) -> None:
    image = tmp_path / "deep" / "waves.png"
    status, out, _ = call("maml", "--data", "sinusoid", "--only", "cost", "--only", "diversity", "--out", image)
    assert status == 0 and "a step of 25 tasks" in out and "30,000 steps" in out and image.stat().st_size > 5000


def test_a_run_and_its_learner(call: Call, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", "maml", {"data": "sinusoid", "steps": 2, "batch": 2, "validations": 1})
    assert len([item for item in run.train() if hasattr(item, "loss")]) == 2
    status, out, _ = call(tmp_path / "run", "--tasks", 30, "--only", "gap", "--only", "meta-overfitting")
    assert status == 0 and "on validation tasks: gap" in out and "1 validations are too few" in out
    status, out, _ = call(tmp_path / "run" / "best.safetensors", "--only", "other queries")
    assert status == 0 and "other queries beside them" in out


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        ("nonsense", "no name of a recipe or data set. Data sets: glyphs"),
        ("own.safetensors", "does not name the recipe that made it"),
    ],
)
def test_what_cannot_be_examined_is_said(
    thing: str, says: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(learners.ProtoNet(MLP(4, (8,))), "own.safetensors")
    status, _, err = call(thing)
    assert status == 1 and says in err


def test_the_image_shows_every_pair_and_every_class() -> None:
    index = datasets.split_classes(blobs()).train
    found = checks.task_diversity(tasks.FewShot(index, 5, 1, 5), tasks=12)
    assert found is not None
    figure = diversity(found, title="blobs")
    shown, spread, draws = (axes for axes in figure.axes if axes.get_title(loc="left"))
    drawn = torch.as_tensor(np.asarray(shown.images[0].get_array()))
    assert drawn.shape == (12, 12) and torch.equal(drawn.flatten().sort().values, found.apart.flatten().sort().values)
    assert torch.equal(drawn.diagonal().sort().values, found.apart.diagonal().sort().values), "one task on the diagonal"
    assert len(draws.lines[0].get_ydata()) == len(index.classes)  # type: ignore[arg-type]
    assert any(f"{found.coefficient:.2f}" in text.get_text() for text in spread.get_legend().get_texts())  # type: ignore[union-attr]
    waves = checks.task_diversity(tasks.Sinusoid(), tasks=6)
    assert waves is not None and len([a for a in diversity(waves).axes if a.get_title(loc="left")]) == 2
