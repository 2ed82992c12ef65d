"""Every command of every page runs, in the order of the page, in one folder, with small settings in place of long ones."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from quickstudy.datasets.glyphs import glyphs
from quickstudy.inputs.texts import Texts
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.runs.run import Run
from quickstudy.saving.checkpoint import save
from test_readme import PAGES, ROOT, SHELLS, Block, commands, images_of_a_reader, of

Call = Callable[..., tuple[int, str, str]]

SMALL = {
    "train proto": {"--steps": 2, "--train-ways": 5, "--train-queries": 2, "--queries": 5, "--val-tasks": 3},
    "train maml": {"--steps": 2, "--batch": 2, "--queries": 5, "--val-tasks": 3},
    "train maml --data sinusoid": {"--steps": 4, "--batch": 2},
    "train maml --data omniglot": {"--steps": 1, "--batch": 2, "--ways": 5, "--queries": 5},
    "train anil --data omniglot": {"--steps": 1, "--batch": 2, "--ways": 5, "--queries": 5},
    "train proto --data omniglot": {"--steps": 1, "--train-ways": 5, "--queries": 5},
    "train mine.py:mine": {"--steps": 2, "--val-tasks": 3},
    "train proto --data photos": {"--steps": 2, "--val-tasks": 3, "--width": 8},
    "tune maml": {"--trials": 2, "--steps": 2, "--batch": 2, "--val-tasks": 3, "--validations": 1},
    "tune maml --data sinusoid": {"--trials": 2, "--steps": 4, "--batch": 2, "--validations": 1},
    "evaluate": {"--tasks": 3},
    "compare": {"--tasks": 3},
    "doctor": {"--tasks": 3},
}
"""Small settings by the words a command starts with; they replace those that a page gives."""

ALL = {"--tasks": 2, "--steps": 1, "--queries": 2}
TRADITIONAL = {"--tasks": 2, "--steps": 0, "--queries": 2}
HERE = {"gpu": "cpu", "8": "2", "quickstudy": str(Path(sys.executable).parent / "quickstudy")}
"""What stands for what a machine of ours may lack."""

NOT_RUN = {
    r"make .*": "the whole set-up, suite or site; its targets are checked in test_readme.py",
    r"pip install .*": "changes the environment; its extras are checked here",
    r"source .venv/bin/activate": "changes a shell",
    r"\S*pre-commit install": "changes the repository",
    r"tensorboard --logdir \S+": "a server that does not end",
    r"srun .*": "needs SLURM; its command is parsed, and run above it by torchrun",
    r"quickstudy tune .* --study postgresql:.*": "needs a data base server; parsed",
    r"python benchmarks/\S+\.py.*": "minutes to hours; its flags are parsed, and it runs small in tests/benchmarks",
}
"""Commands which cannot run here, and why."""

MOST_NOT_RUN = 22


def reason(words: list[str]) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, " ".join(words))), None)


def found() -> Iterator[tuple[Block, list[str]]]:
    for page in PAGES:
        for block in of(page, *SHELLS):
            for words in commands(block):
                yield block, words


def small(words: list[str]) -> list[str]:
    """A call of quickstudy with small settings; what a page says otherwise stays as it is."""
    line = " ".join(words)
    longest = sorted(SMALL, key=len, reverse=True)
    settings = next((dict(SMALL[start]) for start in longest if line.startswith(start)), {})
    if "--all" in words:
        settings = ALL | ({} if "--only" in words else {"--only": "ProtoNet"})
    if "--traditional" in words:
        settings = dict(TRADITIONAL)
    assert settings or words[0] not in ("train", "tune"), f"{line}: no small settings in SMALL"
    solves = words[0] == "app" and len(words) > 1 and not words[1].startswith("-")
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in settings or (solves and word in ("--seeds", "--tasks")):
            next(rest)
        else:
            kept.append(HERE.get(word, word))
    if solves and "--out" not in kept:  # where the page's next command looks for it
        kept += ["--out", f"runs/apps/{words[1]}"]
    if solves and "--quick" not in kept:
        kept.append("--quick")
    return [*kept, *[str(part) for pair in settings.items() for part in pair]]


def presumed(folder: Path, text: str) -> None:
    """What a page takes for granted: a run of the reader's, and photographs."""
    for name in ("RUN", "runs/mine"):
        if re.search(rf"quickstudy .*\b{name}\b", text):
            flags = {flag[2:].replace("-", "_"): value for flag, value in SMALL["train proto"].items()}
            for _ in Run(folder / name, "proto", flags).train():
                pass
    if "more_letters" in text:
        index = glyphs().test
        (folder / "more_letters" / "letter120").mkdir(parents=True)
        for number, row in enumerate(index.gather((index.labels == 120).nonzero().flatten()[:3])):
            Image.fromarray((255 - 255 * row[0]).byte().numpy()).save(folder / "more_letters" / "letter120" / f"{number}.png")
    if "TEXT_RUN" in text:
        learner = NearestCentroid()
        learner.reads = Texts(width=256)
        save(learner, folder / "TEXT_RUN")
    if "tickets.csv" in text:
        pairs = {"my card is lost": "cards", "a stolen card": "cards", "will it rain": "weather", "rain today": "weather"}
        lines = ["subject,queue", *(f"{subject},{queue}" for subject, queue in pairs.items())]
        (folder / "tickets.csv").write_text("\n".join(lines))
    if "mine.py:mine" in text:
        (page,) = [page for page in PAGES if page.name == "recipes.md"]
        (own,) = [block.text for block in of(page, "python") if "def mine(" in block.text]
        (folder / "mine.py").write_text(own)
    if "photos" in text:
        index = glyphs().test
        for label in range(12):
            (folder / "photos" / f"class {label}").mkdir(parents=True)
            rows = index.gather((index.labels == label).nonzero().flatten()[:8])
            for number, row in enumerate(rows):
                Image.fromarray((255 * row[0]).byte().numpy()).save(folder / "photos" / f"class {label}" / f"{number}.png")


SHOWN = [page for page in PAGES if of(page, *SHELLS)]
APPLICATIONS = ROOT / "docs/applications"
ROBOTS = "robot-task-learning|gripper=mujoco"
"""Of commands that need the extra robots."""

WITHOUT_ROBOTS = find_spec("metaworld") is None
SLOW = {"cost.md", "doctor.md", "how-to-choose-a-learner.md", "samplers.md", "scale.md", "tuning.md"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page.name in SLOW or page.parent == APPLICATIONS else []) for page in SHOWN],
    ids=lambda page: page.name,
)
def test_commands_of_a_page_run(
    page: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    blocks = of(page, *SHELLS)
    text = "\n".join(block.text for block in blocks)
    if "omniglot" in text:
        request.getfixturevalue("data_path")
    images_of_a_reader(tmp_path)
    monkeypatch.chdir(tmp_path)
    presumed(tmp_path, text)
    for block in blocks:
        for words in commands(block):
            if block.not_run is not None or reason(words) is not None or (page.parent == APPLICATIONS and of_the_reader(words)):
                continue
            if WITHOUT_ROBOTS and re.search(ROBOTS, " ".join(words)):
                continue
            several = words[0] == "torchrun" or "--devices" in words
            if several:
                start = [str(Path(sys.executable).parent / words[0])]
                done = subprocess.run([*start, *small_of(words)], capture_output=True, text=True, timeout=300)
                status, err = done.returncode, done.stderr
            else:
                assert words[0] == "quickstudy", f"{block.where}: {words} is neither run nor listed"
                status, _, err = call(*small(words[1:]))
            assert status == 0, f"{block.where}: {' '.join(words)}\n{err}"


def of_the_reader(words: list[str]) -> bool:
    """Whether a command of an application's page takes files of the reader's; tests/apps make such files and run it."""
    return words[1] in ("adapt", "predict") or "--data" in words


def small_of(words: list[str]) -> list[str]:
    """Arguments of torchrun or of quickstudy, the inner call with small settings."""
    if words[0] == "quickstudy":
        return small(words[1:])
    cut = words.index("quickstudy")
    return [*(HERE.get(word, word) for word in words[1 : cut + 1]), *small(words[cut + 1 :])]


def test_commands_not_run_are_few_and_each_has_a_reason() -> None:
    left = [(block.where, " ".join(words)) for block, words in found() if block.not_run is None and reason(words)]
    assert len(left) <= MOST_NOT_RUN, left
    unused = [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, line) for _, line in left)]
    assert not unused, "no page has these any more"


def test_flags_of_benchmarks_are_theirs() -> None:
    for block, words in found():
        if words[0] == "python":
            script = ROOT / words[1]
            text = script.read_text(encoding="utf-8")
            wrong = [word for word in words[2:] if word.startswith("--") and f'"{word}"' not in text]
            assert not wrong, f"{block.where}: {script.name} has no {', '.join(wrong)}"


def test_extras_named_on_pages_are_there() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for block, words in found():
        if words[:2] == ["pip", "install"]:
            for extra in re.findall(r"\[(\w+)\]", " ".join(words)):
                assert re.search(rf"^{extra} = \[", declared, re.MULTILINE), f"{block.where}: no extra {extra}"


def test_small_settings_replace_those_of_a_page() -> None:
    assert small(["evaluate", "runs/letters", "--tasks", "1000", "--json"]) == [
        "evaluate",
        "runs/letters",
        "--json",
        "--tasks",
        "3",
    ]
    assert small(["resume", "runs/two", "--devices", "8"]) == ["resume", "runs/two", "--devices", "2"]
