"""The demo from beginning to end, tiny: the page is there and complete, the screen says what comes next, learners can be used."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from quickstudy.demo import demo
from quickstudy.errors import ArtefactError
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.runs.run import Run

LEARNERS = ("NearestCentroid", "LogisticRegression", "FromScratch", "FineTune", "ProtoNet", "MAML")


class Done(NamedTuple):
    """What is left of one demo: the page, what the screen said, the folder of its runs."""

    page: str
    screen: str
    runs: Path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    out = tmp_path_factory.mktemp("demo") / "new" / "report.html"
    runs = out.parent / "runs" / "demo"
    earlier = runs / "proto"
    earlier.mkdir(parents=True)
    (earlier / "run.json").write_text("{}")
    (earlier / "training.safetensors").write_text("of an earlier demo")
    screen = io.StringIO()
    with redirect_stdout(screen):
        demo(out=out, seed=1, quick=True)
    return Done(out.read_text(encoding="utf-8"), screen.getvalue(), runs)


def test_the_page_is_complete(done: Done) -> None:
    body = done.page.split("</style>", 1)[1]
    for name in LEARNERS:
        assert f'<th scope="row">{name}</th>' in body
    headings = ("Results", "Paired differences", "Accuracy against shots", "One task", "Meta-training", "A map of the embedding")
    for heading in headings:
        assert f"<h2>{heading}</h2>" in body
    assert body.count("<svg ") == 5
    assert "What to try next" in body and "How it was made" in body and "quickstudy demo --seed 1 --quick" in body
    assert "the first 2 of 6" in body
    assert len(set(re.findall(r"task list ([0-9a-f]{16})", body))) == 1
    assert "Hebrew" in body


def test_each_meta_learner_meets_each_baseline_and_the_other(done: Done) -> None:
    pairs = re.findall(r'<th scope="row">(\w+) − (\w+)</th>', done.page)
    baselines = set(LEARNERS[:4])
    assert {b for a, b in pairs if a == "ProtoNet"} == baselines | {"MAML"}
    assert {b for a, b in pairs if a == "MAML"} == baselines


def test_the_trained_learners_stay_for_use(done: Done) -> None:
    """They replace those of an earlier demo."""
    assert sorted(path.name for path in done.runs.iterdir()) == ["fine_tune", "maml", "proto"]
    run = Run(done.runs / "proto")
    assert run.config["seed"] == 1
    learner = run.learner()
    assert isinstance(learner, ProtoNet) and learner.reads is not None


def test_the_screen_tells_numbers_and_what_to_try_next(done: Done) -> None:
    for name in LEARNERS:
        assert re.search(rf"\d:\d\d  {name} +\d+\.\d\d (± [\d.]+|\([\d.]+ to [\d.]+\)) %", done.screen), name
    assert done.screen.index("NearestCentroid") < done.screen.index("ProtoNet trained") < done.screen.index("MAML trained")
    flat = " ".join(done.screen.split())
    for words in (
        "95 % paired interval",
        "For other tasks of the same classes, ",
        "For new classes, ",
        "What to try next",
        "quickstudy adapt",
        "quickstudy predict",
        "these numbers mean nothing",
    ):
        assert words in flat


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("kept")
    for out in (tmp_path, tmp_path / "file" / "report.html"):
        with pytest.raises(ArtefactError, match=r"Name a file in it with out|Choose another place with out"):
            demo(out=out, quick=True)
    assert capsys.readouterr().out == ""
