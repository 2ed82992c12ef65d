"""The evaluation on the command line: metrics, open sets, disjoint tasks, sweeps, other domains, traditional learning."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.cli.sweeping import _label
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.reports.report import Report
from quickstudy.saving.checkpoint import load
from quickstudy_cli import main


@pytest.fixture
def call(call):  # type: ignore[no-untyped-def]
    """The command line with its output on one line, too."""

    def run(*words: object) -> tuple[int, str, str]:
        status, out, err = call(*words)
        return status, " ".join(out.split()), err

    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner of two outer steps."""
    folder = tmp_path_factory.mktemp("evaluating") / "run"
    words = "train proto --steps 2 --train-ways 5 --train-queries 2 --queries 5 --seed 3 --out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["quickstudy", *words.split(), str(folder)])
        main()
    return folder


def test_metrics_by_name_with_a_figure(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("evaluate", run, "--tasks", 12, "--metrics", "log_loss", "ece", "--json")
    (found,) = json.loads(out)
    assert status == 0 and [score["metric"] for score in found["others"]] == ["log_loss", "ece"]
    assert found["worst_decile"]["value"] <= found["mean"]
    kept = Report.load(run / f"report-{found['digest']}.json")
    assert kept.other("ece").pooled and (run / f"reliability-{found['digest']}.png").stat().st_size > 1000
    status, out, _ = call("evaluate", run, "--tasks", 12, "--metrics", "log_loss", "ece")
    assert status == 0 and "log_loss" in out and "reliability-" in out
    status, _, err = call("evaluate", run, "--tasks", 5, "--metrics", "f1")
    assert status == 1 and "there is no metric 'f1'. There are: abstention_auroc, accuracy" in err
    status, _, err = call("evaluate", run, "--tasks", 5, "--metrics", "mse")
    assert status == 1 and "needs values" in err


def test_a_temperature_is_fitted_kept_and_reported(run: Path, call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    before = load(copy / "best.safetensors")
    status, out, _ = call("temperature", copy, "--tasks", 10, "--json")
    found = json.loads(out)
    assert status == 0 and found["value"] > 0 and found["queries"] == 10 * 25 and "val" in found["source"]
    assert found["log_loss"][1] <= found["log_loss"][0]
    learner = load(copy / "best.safetensors")
    assert learner.calibration is not None and learner.calibration.value == found["value"]
    assert all(torch.equal(a, b) for a, b in zip(before.state_dict().values(), learner.state_dict().values(), strict=True))
    status, out, _ = call("evaluate", copy, "--tasks", 5, "--json")
    (report,) = json.loads(out)
    assert [score["metric"] for score in report["others"]] == ["ece", "ece_without_temperature"]
    status, out, _ = call("temperature", copy, "--tasks", 10, "--seed", 1)
    assert status == 0 and "fitted on 10 tasks of" in out and "calibration error" in out
    status, _, err = call("temperature", tmp_path / "nothing")
    assert status == 1 and "holds no run" in err


def test_unknown_classes_and_disjoint_tasks(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("evaluate", run, "--tasks", 5, "--unknown-classes", 2, "--metrics", "abstention_auroc", "--json")
    assert status == 0 and "2 unknown classes" in json.loads(out)[0]["source"]
    status, out, _ = call("evaluate", run, "--tasks", 4, "--disjoint", "classes", "--json")
    assert status == 0 and list(json.loads(out)[0]["intervals"]) == ["disjoint tasks"]
    status, out, _ = call("evaluate", run, "--tasks", 100_000, "--ways", 200, "--disjoint", "classes", "--json")
    (found,) = json.loads(out)
    assert status == 0 and 1 <= len(found["scores"]) < 100, "as many as there can be"
    status, _, err = call("evaluate", run, "--unknown-classes", 1, "--disjoint", "rows")
    assert status == 1 and "--unknown-classes and --disjoint cannot be combined" in err


def test_several_sizes_give_one_table_and_one_image(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("evaluate", run, "--tasks", 5, "--shots", 1, 3, "--ways", 4, "--json")
    found = json.loads(out)["ProtoNet"]
    assert status == 0 and ["4-way 1-shot" in found["1"]["source"], "4-way 3-shot" in found["3"]["source"]] == [True, True]
    status, out, _ = call("evaluate", run, "--tasks", 5, "--ways", 2, 5, "--metrics", "log_loss")
    assert status == 0 and "log_loss" in out and (run / "by-ways.png").exists() and (run / "by-shots.png").exists() is False
    status, _, err = call("evaluate", run, "--ways", 2, 5, "--shots", 1, 2)
    assert status == 1 and "Give several of one" in err
    status, _, err = call("evaluate", run, "--ways", 2, 5, "--stream")
    assert status == 1 and "Leave --stream out" in err


def test_a_run_is_evaluated_on_other_images(run: Path, call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    for name in "abcde":
        (tmp_path / "signs" / name).mkdir(parents=True)
        for number in range(8):
            Image.fromarray(rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(tmp_path / "signs" / name / f"{number}.png")
    status, out, _ = call("evaluate", run, "--tasks", 5, "--data", tmp_path / "signs", "--json")
    home, away = json.loads(out)
    assert status == 0 and home["data"] == "glyphs/test (home)" and away["source"].startswith("signs 5-way 1-shot")
    status, out, _ = call("evaluate", run, "--tasks", 5, "--data", tmp_path / "signs")
    assert status == 0 and "(home)" in out and "is new to the run" in out
    status, _, err = call("evaluate", run, "--tasks", 5, "--data", "nowhere")
    assert status == 1 and "nowhere is no folder or file here" in err
    status, _, err = call("evaluate", run, "--tasks", 5, "--data", "sinusoid")
    assert status == 1 and "sinusoid holds no classes of images. Give glyphs, omniglot" in err
    assert call("train", "maml", "--data", "sinusoid", "--steps", 2, "--out", tmp_path / "sine")[0] == 0
    status, _, err = call("evaluate", tmp_path / "sine", "--data", "glyphs")
    assert status == 1 and "was not trained on images" in err
    status, _, err = call("evaluate", tmp_path / "sine", "--shots", 1, 2)
    assert (status == 1 and "no ways, shots and queries" in err) or "no shots to change" in err


def test_a_run_meets_traditional_learning(run: Path, call) -> None:  # type: ignore[no-untyped-def]
    words = ("compare", run, "--traditional", "--tasks", 2, "--ways", 3, "--queries", 10, "--steps", 0)
    status, out, _ = call(*words, "--json")
    found = json.loads(out)
    assert status == 0 and [row["name"] for row in found["baselines"]] == ["LogisticRegression", "FromScratch"]
    assert found["learned"]["tasks"] > 0 and found["learned"]["training_seconds"] > 0
    assert json.loads((run / "traditional.json").read_text()).keys() == found.keys()
    assert (run / "traditional.png").stat().st_size > 1000
    status, _, err = call("compare", run, run, "--traditional")
    assert status == 1 and "takes one run" in err


def test_runs_in_folders_of_one_name_keep_labels_of_their_own() -> None:
    """In JSON by label one of two runs would hide the other."""
    runs = [Path("a/run"), Path("b/run"), Path("b/other")]
    assert len({_label(NearestCentroid(), run, runs) for run in runs}) == 3
    assert _label(NearestCentroid(), runs[2], runs) == "NearestCentroid in other"
