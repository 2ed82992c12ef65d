"""No output option destroys a file: only one of the same kind of ours is written over, and a run's own files never are."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import load
from quickstudy.storage.outputs import (
    ANSWERS,
    FIGURE,
    LOG_TABLE,
    ONNX_MODEL,
    PAGE,
    PREDICTOR,
    TASK_LIST,
    TORCH_PROGRAM,
    Kind,
    check_output,
)

Call = Callable[..., tuple[int, str, str]]
SMALL = {"steps": 2, "train_ways": 5, "train_queries": 2, "queries": 2, "val_tasks": 3}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs") / "run"
    for _ in Run(folder, "proto", SMALL).train():
        pass
    return folder


@pytest.fixture(scope="module")
def support(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("support")
    for number, name in enumerate(("apple [red]", "[/]", ":smile:", *"0123456789")):
        (folder / name.replace("/", "\N{DIVISION SLASH}")).mkdir()
        Image.new("L", (9, 9), 20 * number).save(folder / name.replace("/", "\N{DIVISION SLASH}") / "[b]1.png")
    return folder


WRITES: dict[str, tuple[Kind, str]] = {
    "adapt {run} {support} -o {out}": (PREDICTOR, "p.safetensors"),
    "update {predictor} {support} -o {out}": (PREDICTOR, "p.safetensors"),
    "predict {predictor} {support}/0 -o {out}": (ANSWERS, "answers.csv"),
    "export {predictor} -o {out}": (ONNX_MODEL, "p.onnx"),
    "export {predictor} --format pt2 -o {out}": (TORCH_PROGRAM, "p.pt2"),
    "watch {run} --csv {out}": (LOG_TABLE, "log.csv"),
    "watch {run} --html {out}": (PAGE, "page.html"),
    "evaluate {run} --tasks 2 --save-list {out}": (TASK_LIST, "list.tasks"),
    "doctor {run} --tasks 2 --only examples --out {out}": (FIGURE, "tasks.png"),
}
"""Every command with an option for a file, what it writes, and a name for it."""


@pytest.mark.parametrize("words", WRITES)
def test_every_output_spares_what_is_not_ours(words: str, run: Path, support: Path, tmp_path: Path, call: Call) -> None:
    kind, name = WRITES[words]
    predictor = tmp_path / "known.safetensors"
    assert call("adapt", run, support, "-o", predictor)[0] == 0
    photo = b"a photo, say"

    def write(target: Path, *more: str) -> tuple[int, str, str]:
        return call(*[w.format(run=run, support=support, predictor=predictor, out=target) for w in words.split()], *more)

    target = tmp_path / name
    target.write_bytes(photo)
    status, out, err = write(target)
    assert status == 1 and out == "" and target.read_bytes() == photo
    assert f"{target} already exists and is no {kind.name} of quickstudy" in err and err.endswith("overwrite it with --force.")
    target.unlink()
    assert write(target)[0] == 0 and kind.known(target), "where nothing is"
    assert write(target)[0] == 0, "over a file of its own kind"
    target.write_bytes(photo)
    assert write(target, "--force")[0] == 0 and kind.known(target)
    for owned in ("best.safetensors", "training.safetensors", "run.json", "log.jsonl"):
        before = (run / owned).read_bytes()
        link = tmp_path / f"link to {owned}"
        link.symlink_to(run / owned)
        for place in (run / owned, link):
            status, out, err = write(place, "--force")
            assert status == 1 and "which needs it" in err and (run / owned).read_bytes() == before


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("/dev/null", "a device or a pipe"),
        ("{tmp}", "is a folder"),
        ("{tmp}/file/inside", "is no folder"),
        ("{tmp}/fifo", "a pipe"),
    ],
)
def test_what_is_no_file_is_never_replaced(place: str, says: str, run: Path, support: Path, tmp_path: Path, call: Call) -> None:
    import os

    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    status, _, err = call("adapt", run, support, "--force", "-o", place.format(tmp=tmp_path))
    assert status == 1 and says in err and "with --output" in err
    assert not Path("/dev/null").is_file()


def test_a_figure_has_a_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.png or \.svg or \.pdf with out\."):
        check_output(tmp_path / "figure", FIGURE, argument="out")


def test_folders_of_results_spare_what_is_not_ours(tmp_path: Path, call: Call) -> None:
    (tmp_path / "accuracy-training.png").write_bytes(b"mine")
    words = ["compare", "--all", "glyphs", "--steps", 1, "--tasks", 2, "--only", "NearestCentroid", "--out", tmp_path]
    status, _, err = call(*words)
    assert status == 1 and "accuracy-training.png already exists" in err and "with --out" in err
    (tmp_path / "history.png").write_bytes(b"mine")
    status, _, err = call("tune", "maml", "--data", "sinusoid", "--trials", 1, "--steps", 1, "--out", tmp_path)
    assert status == 1 and "history.png already exists" in err
    assert (tmp_path / "accuracy-training.png").read_bytes() == (tmp_path / "history.png").read_bytes() == b"mine"


def test_predict_names_the_likeliest_and_keeps_all(
    run: Path, support: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirteen classes, their names with brackets, slashes and colons, on a narrow terminal; one image is broken."""
    predictor, answers = tmp_path / "p.safetensors", tmp_path / "answers.csv"
    assert call("adapt", run, support, "-o", predictor)[0] == 0
    classes = load(predictor).classes
    assert len(classes) == 13 and "apple [red]" in classes
    broken = tmp_path / "broken[1].png"
    broken.write_text("no image")
    images = [support / "apple [red]" / "[b]1.png", broken, support / ":smile:" / "[b]1.png"]
    status, out, err = call("predict", predictor, *images, "--top", 13, "-o", answers, "--threshold", 0)
    flat = "".join(ch for ch in out if not ch.isspace() and ch not in "│┃")
    assert status == 1 and "broken[1].png is not an image" in err
    assert flat.count("apple[red]") >= 2 and ":smile:" in flat and "[b]1.png" in flat and "…" not in out
    assert all(name.replace(" ", "") in flat for name in classes)
    with answers.open(newline="") as file:
        table = list(csv.DictReader(file))
    status, out, err = call("predict", predictor, *images, "--json", "--threshold", 0)
    found = json.loads(out)
    assert status == 1 and [row["input"] for row in table] == [item["input"] for item in found] == [
        str(images[0]),
        str(images[2]),
    ]
    for row, item in zip(table, found, strict=True):
        assert row["class"] == item["class"] == max(item["probabilities"], key=item["probabilities"].get)
        assert list(item["probabilities"]) == list(classes)
        assert sum(float(row[name]) for name in classes) == pytest.approx(1, abs=1e-4)
    short = call("predict", predictor, images[0])[1]
    assert sum(name in short for name in "0123456789") <= 10 and "next" in short
    status, out, err = call("predict", predictor, broken, "--json")
    assert status == 1 and json.loads(out) == []


def test_names_with_brackets_are_printed_as_they_are(tmp_path: Path, call: Call) -> None:
    root = tmp_path / "data [red] :smile:"
    for name in ("a [red]", "b"):
        (root / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (9, 9), 60 * number).save(root / name / f"{number}.png")
    status, out, err = call("doctor", root, "--only", "examples", "--tasks", 2)
    assert status in (0, 1) and "data [red] :smile:" in out and "defect" not in err
    folder = tmp_path / "run [bold] :smile:"
    assert (
        call("train", "proto", *(w for k, v in SMALL.items() for w in (f"--{k}".replace("_", "-"), v)), "--out", folder)[0] == 0
    )
    status, out, err = call("watch", folder, "--once")
    assert status == 0 and "run [bold] :smile:" in "".join(out.splitlines())
    other = tmp_path / "[bold]"
    other.symlink_to(folder)
    status, out, err = call("evaluate", folder, other, "--tasks", 2)
    assert status == 0, err
    flat = "".join(ch for ch in out if not ch.isspace() and ch not in "│┃")
    assert "run[bold]:smile:" in flat and "[bold]" in flat, "runs of one recipe are told apart by their folders"
    assert "proto in [bold]" in (folder / "report.html").read_text()
