"""The command line, from a real shell where it matters: the whole way from training to a named image, and errors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from quickstudy.datasets.glyphs import glyphs

SHELL = Path(sys.executable).parent / "quickstudy"


def shell(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SHELL, *map(str, words)], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    words = "train proto --steps 30 --train-ways 10 --train-queries 2 --queries 5 --seed 3 --out"
    done = shell(*words.split(), folder)
    assert done.returncode == 0, done.stderr
    assert "validation accuracy" in done.stderr and f"quickstudy evaluate {folder}" in done.stdout
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of class folders: photographs of dark strokes on white paper, of odd sizes and modes."""
    root = tmp_path_factory.mktemp("images")
    index = glyphs().test
    for number in (0, 40, 80):
        rows = (index.labels == number).nonzero().flatten()[:4].tolist()
        folder = root / "support" / f"letter{number}"
        folder.mkdir(parents=True)
        for place, row in enumerate(rows):
            strokes = Image.fromarray(255 - index.x[row, 0].numpy()).resize((50 + 10 * place, 50 + 10 * place))  # type: ignore[index]
            target = folder / f"{place}.png" if place < 3 else root / f"query{number}.jpg"
            strokes.convert(["L", "RGB", "RGBA", "RGB"][place]).save(target)
    return root


def test_train_evaluate_adapt_predict_from_a_shell(run: Path, images: Path, tmp_path: Path) -> None:
    evaluated = shell("evaluate", run, "--tasks", 40, "--json")
    report = json.loads(evaluated.stdout)[0]
    assert evaluated.returncode == 0 and len(report["scores"]) == 40 and report["mean"] > 0.3
    assert (run / f"report-{report['digest']}.json").exists()
    adapted = shell("adapt", run, images / "support", "-o", tmp_path / "mine.safetensors")
    assert adapted.returncode == 0 and "9 images of 3 classes" in adapted.stdout, adapted.stderr
    assert "Warning" not in adapted.stderr and "not compared" not in adapted.stdout, "letters are what it was trained on"
    queries = sorted(images.glob("query*.jpg"))
    named = shell("predict", tmp_path / "mine.safetensors", *queries, "--json")
    found = json.loads(named.stdout)
    assert named.returncode == 0
    right = [item["class"] == path.stem.replace("query", "letter") for item, path in zip(found, queries, strict=True)]
    assert sum(right) >= 2, "thirty steps of training name most letters"
    assert all(sum(item["probabilities"].values()) == pytest.approx(1) for item in found)
    table = shell("predict", tmp_path / "mine.safetensors", images / "support" / "letter0")
    assert table.returncode == 0 and "letter0" in table.stdout


def test_photos_to_a_learner_of_strokes_are_noticed(run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("beach", "wood"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            rough = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            rough.resize((90, 90), Image.Resampling.BICUBIC).save(tmp_path / "photos" / name / f"{number}.jpg")
    told = shell("adapt", run, tmp_path / "photos", "-o", tmp_path / "photos.safetensors")
    assert told.returncode == 0 and "Warning: These images are unlike those of meta-training" in told.stderr
    assert "--no-expect" in told.stderr and (tmp_path / "photos.safetensors").exists()
    quiet = shell("adapt", run, tmp_path / "photos", "-o", tmp_path / "photos.safetensors", "--no-expect")
    assert quiet.returncode == 0 and "Warning" not in quiet.stderr


def test_same_command_again_has_nothing_left_to_do(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    before = (run / "training.safetensors").read_bytes()
    assert call("resume", run)[0] == 0
    assert (run / "training.safetensors").read_bytes() == before


def test_compare_pairs_runs_on_the_same_tasks(run: Path, tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "other"
    words = "train proto --steps 1 --train-ways 5 --train-queries 1 --queries 5 --out"
    assert call(*words.split(), other)[0] == 0
    status, out, _ = call("compare", run, other, "--tasks", 60, "--json")
    found = json.loads(out)
    first, second = found["reports"]
    assert status == 0 and first["digest"] == second["digest"]
    assert found["comparisons"][0]["difference"] == pytest.approx(second["mean"] - first["mean"])
    worlds = found["comparisons"][0]["worlds"]
    assert {name: each["holds_for"] for name, each in worlds.items()} == {
        "tasks": "other tasks of the same classes",
        "classes": "new classes",
    }
    words = " ".join(call("compare", run, other, "--tasks", 60)[1].split())
    assert "same 60 tasks. For other tasks of the same classes: " in words and ". For new classes: " in words
    assert "± is the 95 % t-interval of the mean for other tasks of the same classes" in words
    status, out, _ = call("compare", run, other, "--tasks", 10, "--metric", "log_loss", "--json")
    found = json.loads(out)
    losses = [report["scores"] for report in found["reports"]]
    assert found["comparisons"][0]["metric"] == "log_loss" and not found["reports"][0]["higher_is_better"]
    assert found["comparisons"][0]["difference"] == pytest.approx(sum(b - a for a, b in zip(*losses, strict=True)) / 10)
    assert call("compare", run)[0] == 1


def test_a_stream_is_evaluated_by_presentation(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("evaluate", run, "--stream", "--tasks", 5, "--shots", 3)
    assert status == 0 and "accuracy by presentation on 5 tasks" in out and len(list(run.glob("stream-*.json"))) == 1
    status, out, _ = call("evaluate", run, "--stream", "--tasks", 5, "--shots", 3, "--json")
    assert status == 0 and [len(each) for each in json.loads(out)[0]["scores"]] == [5, 5, 5]


def test_other_sizes_and_other_arguments(run: Path, tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("evaluate", run, "--tasks", 5, "--ways", 3, "--shots", 2, "--learner-arg", "learn_scale=true", "--json")
    assert status == 0 and "3-way 2-shot" in json.loads(out)[0]["source"]
    status, _, err = call("evaluate", run, "--learner-arg", "nonsense=1")
    assert status == 1 and "ProtoNet has no argument nonsense" in err
    status, out, _ = call("evaluate", run, "--tasks", 5, "--data-arg", "ways=4", "--json")
    assert status == 0 and "4-way" in json.loads(out)[0]["source"]
    status, _, err = call("evaluate", run, "--data-arg", "nonsense=1")
    assert status == 1 and "proto has no argument nonsense" in err
    status, _, err = call("evaluate", run, "--ways", 100_000)
    assert status == 1 and "--ways 100000 needs 100000 classes, but glyphs/test has" in err
    assert call("train", "maml", "--data", "sinusoid", "--steps", 2, "--out", tmp_path / "sine")[0] == 0
    status, _, err = call("evaluate", tmp_path / "sine", "--ways", 3)
    assert status == 1 and "no ways, shots and queries" in err


def test_help_shows_type_default_and_meaning(call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("train", "maml", "--data", "omniglot", "--help")
    text = " ".join(out.split())
    assert status == 0
    for part in ("--inner-lr FLOAT", "default: 0.4", "step size of the inner loop", "--first-order", "--seed INT"):
        assert part in text, part


def test_list_and_cite(call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("list")
    assert status == 0 and all(name in out for name in ("ProtoNet", "SNAIL", "MetaRegularised", "maml_plus_plus", "omniglot"))
    assert "  author = {Snell and Swersky and Zemel}" in call("cite", "ProtoNet")[1]
    assert "@software{quickstudy" in call("cite")[1]
    status, _, err = call("cite", "Nobody")
    assert status == 1 and "no learner 'Nobody'" in err


BAD = [
    (["evaluate", "{tmp}/nothing"], "holds no run. Start one"),
    (["train", "nonsense"], "nonsense"),
    (["train", "maml", "--data", "sinusoid", "--steps", "many"], "--steps"),
    (["train", "maml", "--data", "sinusoid", "--nonsense", "1"], "--nonsense"),
    (["adapt", "{run}", "{tmp}/nothing", "-o", "{tmp}/o"], "is not a folder"),
    (["adapt", "{run}", "{tmp}", "-o", "{tmp}/o"], "holds no class folders"),
    (["adapt", "{run}", "{tmp}/support", "-o", "{tmp}/o"], "broken.png is not an image"),
    (["predict", "{tmp}/nothing", "{tmp}/a.png"], "cannot be read"),
    (["predict", "{run}/best.safetensors", "{tmp}/a.png"], "is a learner that is not adapted yet"),
    (["predict", "{run}/run.json", "{tmp}/a.png"], "truncated or foreign"),
    (["evaluate", "{run}", "--tasks", "0"], "--tasks must be a whole number from 1"),
    (["evaluate", "{run}", "--learner-arg", "oops"], "NAME=VALUE"),
]


@pytest.mark.parametrize(("words", "says"), BAD, ids=[says for _, says in BAD])
def test_bad_input_gives_one_sentence_and_status_one(
    words: list[str],
    says: str,
    run: Path,
    tmp_path: Path,
    call,  # type: ignore[no-untyped-def]
) -> None:
    if "support" in " ".join(words):
        for name in ("a", "b"):
            (tmp_path / "support" / name).mkdir(parents=True)
            Image.fromarray(np.zeros((9, 9), dtype=np.uint8)).save(tmp_path / "support" / name / "good.png")
        (tmp_path / "support" / "b" / "broken.png").write_text("no image")
    status, _, err = call(*[word.format(run=run, tmp=tmp_path) for word in words])
    assert status == 1
    assert says in err and "Traceback" not in err
    assert not (tmp_path / "o").exists()


def test_broken_images_are_left_out_on_request(run: Path, tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    for name in ("a", "b"):
        (tmp_path / "s" / name).mkdir(parents=True)
        Image.fromarray(np.full((9, 9), 99, dtype=np.uint8)).save(tmp_path / "s" / name / "good.png")
    (tmp_path / "s" / "b" / "broken.png").write_text("no image")
    status, out, _ = call("adapt", run, tmp_path / "s", "-o", tmp_path / "o", "--skip-broken")
    assert status == 0 and "2 images of 2 classes" in out


def test_defects_of_ours_are_told_apart(call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("quickstudy.cli.citing.getattr", lambda *a: 1 / 0, raising=False)
    status, _, err = call("cite", "ProtoNet")
    assert status == 2 and "a defect of ours (ZeroDivisionError" in err and "Traceback" not in err


def test_all_learners_compared_on_one_budget(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = ["compare", "--all", "glyphs", "--steps", 2, "--tasks", 3, "--queries", 2, "--out", tmp_path]
    status, out, err = call(*words, "--only", "ProtoNet", "--only", "NearestCentroid", "--json")
    assert status == 0 and "ProtoNet" in err
    found = json.loads(out)
    assert {row["name"] for row in found["learners"]} == {"ProtoNet", "NearestCentroid"}
    assert json.loads((tmp_path / "comparison.json").read_text()) == found
    assert all((tmp_path / f"accuracy-{name}.png").stat().st_size > 1000 for name in ("adaptation", "training"))
    status, out, err = call(*words, "--only", "ProtoNet")
    assert status == 0 and "known" in err and "16 tasks" in out
    status, _, err = call("compare", "--all", "glyphs", "--steps", 5, "--out", tmp_path, "--only", "ProtoNet")
    assert status == 1 and "another budget" in err
    status, _, err = call("compare", tmp_path, "--all", "glyphs")
    assert status == 1 and "Leave the runs out" in err
