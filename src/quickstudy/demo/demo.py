"""The demo: learn from many writing systems, then classify characters of unseen systems from one example each."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from quickstudy.datasets.glyphs import TEST, glyphs
from quickstudy.demo.demo_page import Findings, comparisons, conclusion, demo_page
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.unroll import SGD
from quickstudy.learner import Learner
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.nn.conv4 import Conv4
from quickstudy.reports.words import difference, plus_minus
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import versions
from quickstudy.storage.outputs import PAGE, RUN_FILES, check_output
from quickstudy.tasks.few_shot import FewShot

__all__ = ["demo"]


@dataclass(frozen=True)
class _Sizes:
    tasks: int = 600
    slow: int = 100
    shots: tuple[int, ...] = (1, 2, 5, 10, 20)
    shot_tasks: int = 150
    recipes: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"proto": {}, "maml": {"val_tasks": 50}, "fine_tune": {}}
    )


_QUICK = _Sizes(
    tasks=6,
    slow=2,
    shots=(1, 2),
    shot_tasks=4,
    recipes={
        "proto": {"steps": 2, "train_ways": 5, "train_queries": 2, "val_tasks": 4},
        "maml": {"steps": 2, "batch": 2, "val_tasks": 4},
        "fine_tune": {"steps": 2, "examples": 8},
    },
)


def demo(*, out: Path = Path("report.html"), seed: int = 0, quick: bool = False, force: bool = False) -> None:
    """Meta-train, evaluate and compare learners on built-in data, and write a page about it: minutes on two cores.

    A ProtoNet and a MAML are meta-trained on characters of some writing systems and evaluated on 5-way 1-shot tasks of
    systems they never saw, together with traditional learners on the same tasks. The trained learners stay beside the page,
    in runs/demo, for you to adapt to your own images.

    Args:
        out: file for the page.
        seed: of weights, tasks and inner randomness.
        quick: tiny trainings that take seconds; the numbers are meaningless.
        force: overwrite any existing file, but never a file of a run.

    Raises:
        ArtefactError: the page cannot be written there.
    """
    check_output(out, PAGE, argument="out", force=force)
    _Demo(out, seed, _QUICK if quick else _Sizes(), quick).run()


class _Demo:
    """The steps of the demo; each prints its result."""

    def __init__(self, out: Path, seed: int, sizes: _Sizes, quick: bool) -> None:
        self.out, self.seed, self.sizes, self.quick = out, seed, sizes, quick
        self.folder = out.parent / "runs" / "demo"
        self.console = Console(highlight=False, markup=False, emoji=False)
        self.began = time.monotonic()

    def run(self) -> None:
        found = self._begin()
        self._heading("Traditional learners, which need no meta-training")
        self._evaluate(found, NearestCentroid())
        self._evaluate(found, LogisticRegression())
        self._evaluate(found, self._from_scratch(found.source.ways[0]), limit=self.sizes.slow)
        self._heading("Meta-learners")
        self._train(found, "proto", "ProtoNet")
        self._evaluate(found, found.learners["proto"], meta=True)
        self._train(found, "maml", "MAML")
        self._evaluate(found, found.learners["maml"], meta=True)
        self._heading("The traditional way to use the same data: pre-train one classifier, then fine-tune it")
        self._train(found, "fine_tune", "FineTune")
        self._evaluate(found, found.learners["fine_tune"])
        self._curves(found)
        self._write(found)

    def _begin(self) -> Findings:
        with self.console.status("drawing characters (once)"):
            data = glyphs()
        systems = [name.title() for name in TEST]
        self.console.print(
            f"Glyphs: {len(data.train.classes):,} characters for meta-training, {len(data.val.classes):,} for meta-validation; "
            f"meta-test on {len(data.test.classes):,} characters of unseen writing systems ({', '.join(systems)})."
        )
        return Findings(data, FewShot(data.test, 5, 1, 15), systems)

    def _from_scratch(self, ways: int) -> Learner[Any]:
        """The best of the networks, rules and steps tried on validation tasks (83 %; MAML's strided network has 61 to 63 %)."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return FromScratch(Conv4(outputs=ways), rule=SGD(0.1), steps=20)

    def _evaluate(self, found: Findings, learner: Learner[Any], *, limit: int | None = None, meta: bool = False) -> None:
        name = type(learner).__name__
        with self._bar(f"evaluating {name}", limit or self.sizes.tasks) as advance:
            report = evaluate(
                learner,
                found.source,
                tasks=self.sizes.tasks,
                limit=limit,
                seed=self.seed,
                batch=25 if limit is None else 5,
                progress=lambda done, _: advance(done),
            )
        (found.meta if meta else found.traditional).append(report)
        cells = report.row()
        self._say(f"{name:<19} {cells['accuracy']:>16}  on {cells['tasks']} tasks")

    def _train(self, found: Findings, recipe: str, name: str) -> None:
        folder = self.folder / recipe
        if (folder / "run.json").exists():  # of an earlier demo; what else lies there stays
            for file in RUN_FILES:
                (folder / file).unlink(missing_ok=True)
        run = Run(folder, recipe, dict(self.sizes.recipes[recipe]), self.seed)
        found.records[name], found.validations[name] = [], []
        began = time.monotonic()
        with self._bar(f"training {name}", run.recipe().steps) as advance:
            for record in run.train():
                if isinstance(record, Validation):
                    found.validations[name].append((record.step, record.report))
                else:
                    found.records[name].append(record)
                    advance(record.step)
        found.learners[recipe] = run.learner()
        minutes = (time.monotonic() - began) / 60
        found.making[name] = f"quickstudy train {recipe}, {len(found.records[name])} steps in {minutes:.1f} minutes"
        self._say(f"{name} trained: {len(found.records[name])} steps in {minutes:.1f} minutes")

    def _curves(self, found: Findings) -> None:
        learners = [found.learners["proto"], NearestCentroid(), LogisticRegression()]
        sources = {k: FewShot(found.data.test, found.source.ways, k, 5) for k in self.sizes.shots}
        with self._bar("evaluating with more shots", len(learners) * len(sources)) as advance:
            for learner in learners:
                curve = found.curves[type(learner).__name__] = {}
                for k, source in sources.items():
                    curve[k] = evaluate(learner, source, tasks=self.sizes.shot_tasks, seed=self.seed)
                    advance(sum(map(len, found.curves.values())))
        self._say(f"accuracy against shots: {', '.join(map(str, self.sizes.shots))}")

    def _write(self, found: Findings) -> None:
        minutes = (time.monotonic() - self.began) / 60
        call = "quickstudy demo" + (f" --seed {self.seed}" if self.seed else "") + (" --quick" if self.quick else "")
        software = ", ".join(f"{name} {version}" for name, version in versions().items())
        facts = {"command": call, "seed": str(self.seed), "software": software}
        facts |= {"threads": str(torch.get_num_threads()), "minutes in all": f"{minutes:.1f}"}
        found.making = facts | found.making
        steps = self._next_steps()
        with self.console.status("drawing the page"):
            demo_page(found, steps).write(self.out)
        self.console.print("", _reports(found), "", _differences(found), "")
        for text in conclusion(found)[1:]:
            self.console.print(text + "\n")
        if self.quick:
            self.console.print("Mind: quick=True makes everything tiny; these numbers mean nothing.")
        self.console.print(f"The page: {self.out} ({minutes:.1f} minutes). What to try next:", soft_wrap=True)
        for command, what in steps.items():
            self.console.print(f"  {command}\n      {what}", soft_wrap=True)

    def _next_steps(self) -> dict[str, str]:
        run = self.folder / "proto"
        return {
            f"quickstudy evaluate {run} --shots 5": "evaluate the ProtoNet of this demo on other tasks",
            f"quickstudy adapt {run} MY_IMAGES -o mine.safetensors": (
                "adapt it to your own symbols: a folder with a folder for each class, a few images in each"
            ),
            "quickstudy predict mine.safetensors IMAGE": "name the class of another image",
            "quickstudy train proto --steps 2000 --out runs/longer": "train longer; it can be stopped and resumed",
            f"quickstudy compare {run} runs/longer": "see whether that helped, on the same tasks",
            "quickstudy list": "see what else there is",
        }

    @contextmanager
    def _bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def _heading(self, text: str) -> None:
        self.console.print("", Text(text, "bold"), sep="\n")

    def _say(self, text: str) -> None:
        seconds = int(time.monotonic() - self.began)
        self.console.print(Text.assemble((f"{seconds // 60}:{seconds % 60:02}", "dim"), f"  {text}"))


def _reports(found: Findings) -> Table:
    """The reports, from best to worst; the page has more."""
    head = ("learner", "accuracy, %", "tasks", "setting", "ms a\ntask", "bytes a\ntask")
    table = Table(*head, title=found.source.name, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True  # as it fits into 80 columns
    for report in sorted([*found.meta, *found.traditional], key=lambda report: -report.mean):
        tasks = f"{len(report.scores)}" if report.planned == len(report.scores) else f"{len(report.scores)} of {report.planned}"
        setting, size = report.row()["setting"], f"{report.state_bytes or 0:,}"
        accuracy = plus_minus(report.mean, report.interval, "accuracy", digits=1).removesuffix(" %")
        spent = f"{1e3 * report.seconds:.1f}"
        table.add_row(report.model, accuracy, tasks, setting, spent, size)
    return table


def _differences(found: Findings) -> Table:
    """Paired differences on the same tasks, with an interval for each world."""
    pairs = comparisons(found)
    worlds = {world: pair.for_world(world) for pair in pairs for world in pair.intervals}
    head = ("paired difference", "points", *[f"95 % for {words}" for words in worlds.values()], "tasks")
    table = Table(*head, title="on the same tasks", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for pair in pairs:
        cells = [f"{difference(pair.difference, 'accuracy', digits=1)}"]
        for world in worlds:
            cells.append(" to ".join(difference(bound, "accuracy", digits=1) for bound in pair.intervals[world]))
        table.add_row(f"{pair.a} − {pair.b}", *cells, f"{len(pair.differences):,}")
    return table
