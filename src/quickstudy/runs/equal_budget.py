"""All classification learners under one equal budget: trained, evaluated on the same tasks; resumable one by one."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from quickstudy.errors import Argument, RunError, UserError, nearest
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.execution.footprint import adaptation_peak
from quickstudy.execution.jobs import spread
from quickstudy.learner import Learner
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.runs.contenders import CONTENDERS, Budget, Contender
from quickstudy.saving.checkpoint import save
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import read_json, write_whole
from quickstudy.tasks.source import generator_of

__all__ = ["OtherBudget", "Standing", "chosen", "compete", "settings_of", "summary"]


class OtherBudget(RunError):
    """A folder holds standings that were made under another budget."""


@dataclass(frozen=True)
class Standing:
    """The result of one learner.

    Args:
        name: of the contender.
        family: the subpackage of its class.
        report: on the meta-test tasks.
        training_seconds: of meta-training, a pre-training included; 0 where there is none.
        peak_bytes: most bytes of tensors alive while adapting to one task.
        parameters: how many numbers are meta-trained.
    """

    name: str
    family: str
    report: Report
    training_seconds: float
    peak_bytes: int
    parameters: int


def chosen(names: Sequence[str] | None) -> dict[str, Contender]:
    """The contenders of these names (a class's name means its variants, too); all, if none are named.

    Raises:
        RunError: no such contender.
    """
    found = {name: entry for name, entry in CONTENDERS.items() if not names or name in names or name.split(",")[0] in names}
    known = {*CONTENDERS, *(name.split(",")[0] for name in CONTENDERS)}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise RunError(
            f"there is no contender {', '.join(unknown)}.{nearest(unknown[0], known)} There are: {', '.join(CONTENDERS)}."
        )
    return found


def settings_of(budget: Budget, tasks: int, seed: int) -> dict[str, Any]:
    """All settings that determine a standing: budget, task list, seed."""
    data = {"backbone": budget.problem.backbone, "digest": budget.problem.digest}
    return {"source": budget.test.name, "tasks": tasks, **budget.arguments, **data, "seed": seed}


def compete(
    folder: Path,
    contenders: Mapping[str, Contender],
    budget: Budget,
    *,
    tasks: int = 300,
    seed: int = 0,
    jobs: int | None = None,
) -> Iterator[tuple[str, Standing | UserError, bool]]:
    """Each contender with its standing (or the reason why it has none), and whether it is new; one that ``folder`` holds already
    is read, not trained again.

    Each learner's weights, tasks and inner randomness depend on ``seed`` alone. Its trained learner stays beside its
    standing, as ``NAME.safetensors``.

    Args:
        folder: of the standings.
        contenders: by name.
        budget: of each.
        tasks: of the evaluation.
        seed: of everything.
        jobs: processes that share the contenders, see `evaluate`; seconds are measured while the others work.

    Raises:
        OtherBudget: the folder holds standings under another budget.
    """
    match = _Match(folder, contenders, budget, settings_of(budget, tasks, seed), tasks, seed)
    for (name,), (found, new) in spread(_standing, match, [(name,) for name in contenders], jobs, ahead=None):
        yield name, found, new


@dataclass(frozen=True)
class _Match:
    """What all contenders share; arguments as of `compete`."""

    folder: Path
    contenders: Mapping[str, Contender]
    budget: Budget
    settings: Mapping[str, Any]
    tasks: int
    seed: int


def _standing(match: _Match, name: str) -> tuple[Standing | UserError, bool]:
    path = match.folder / f"{_file(name)}.json"
    try:
        known = _read(path, match.settings)
        if known is not None:
            return known, False
        standing, learner = _enter(name, match.contenders[name], match.budget, match.tasks, match.seed)
        learner.reads = match.budget.problem.reads
        save(learner, path.with_suffix(".safetensors"))
        content = asdict(standing) | {"report": standing.report.to_json()}
        content |= {"settings": dict(match.settings), "versions": versions()}
        write_whole(path, json.dumps(content, indent=1).encode())
    except OtherBudget:
        raise
    except UserError as error:
        return error, False
    return standing, True


def _enter(name: str, contender: Contender, budget: Budget, tasks: int, seed: int) -> tuple[Standing, Learner[Any]]:
    began = time.perf_counter()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        entry = contender(budget)
    learner = entry.learner if isinstance(entry, Recipe) else entry
    seconds = 0.0
    if isinstance(entry, Recipe):
        for _ in entry.records(seed=seed):
            pass
        seconds = time.perf_counter() - began
    report = evaluate(learner, budget.test, tasks=tasks, seed=seed, jobs=1)
    support = budget.test.sample(1, generator_of(seed))[0].support
    inside = learner.learner if isinstance(learner, OnFeatures) else learner
    family = type(inside).__module__.split(".")[2]
    trained = sum(p.numel() for p in learner.parameters() if p.requires_grad) if isinstance(entry, Recipe) else 0
    return Standing(name, family, report, seconds, adaptation_peak(learner, support), trained), learner


def _file(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def _read(path: Path, settings: Mapping[str, Any]) -> Standing | None:
    if not path.exists():
        return None
    try:
        found = read_json(path)
        theirs = found["settings"]
        known = {field.name: found[field.name] for field in fields(Standing) if field.name != "report"}
        standing = Standing(**known, report=Report.from_json(found["report"]))
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error!r}). Remove it, and the learner is trained again.") from error
    if theirs != dict(settings):
        other = ", ".join(f"{key}={theirs.get(key)}" for key in settings if theirs.get(key) != settings[key])
        raise OtherBudget(f"{path} was made under another budget ({other}). Choose another ", Argument("folder"), ".")
    return standing


def summary(standings: Sequence[Standing], settings: Mapping[str, Any]) -> dict[str, Any]:
    """All standings in one small record, the most accurate first, each paired with that one on the same tasks."""
    ranked = sorted(standings, key=lambda standing: -standing.report.mean)
    rows = []
    for standing in ranked:
        report, pair = standing.report, compare(standing.report, ranked[0].report)
        rows.append(
            {
                "name": standing.name,
                "family": standing.family,
                "accuracy": report.mean,
                "interval": list(report.interval),
                "behind": pair.difference,
                "behind_interval": list(pair.interval),
                "worlds": pair.to_json()["worlds"],
                "intervals": report.to_json()["intervals"],
                "seconds": report.seconds,
                "state_bytes": report.state_bytes,
                "peak_bytes": standing.peak_bytes,
                "training_seconds": standing.training_seconds,
                "parameters": standing.parameters,
                "transductive": report.transductive,
                "norm": report.norm,
            }
        )
    digest = ranked[0].report.digest if ranked else None
    return {"settings": dict(settings), "digest": digest, "versions": versions(), "learners": rows}
