"""A run's log as a table: a row an outer step, a column a number, for pandas, spreadsheets and TensorBoard."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from quickstudy.monitoring.probe import Probe

__all__ = ["csv_text", "rows", "scalars"]

_STEP = ("loss", "gradient_norm", "lr", "seconds", "validation")


def scalars(line: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line of a log, by the names that columns and TensorBoard's tags have.

    ``loss``, ``gradient_norm``, ``lr``, ``seconds`` of a step; ``validation``; ``meta-train/score/0`` … by inner step, and
    ``meta-train/loss/0``, ``meta-train/gradient_norm/1``, the same of ``meta-validation``; ``gap``; ``step_size/min``, ``mean``,
    ``max`` over all learned step sizes, and ``step_size/mean/NAME`` of each.

    >>> scalars({"step": 3, "loss": 0.5, "gradient_norm": 1.0, "lr": 0.1, "seconds": 0.01})
    {'loss': 0.5, 'gradient_norm': 1.0, 'lr': 0.1, 'seconds': 0.01}
    """
    found = {name: float(line[name]) for name in _STEP if isinstance(line.get(name), int | float)}
    if "adaptation" not in line:
        return found
    try:
        probe = Probe.from_json(line)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return found
    for level, curve in probe.levels.items():
        for name, values in (("score", curve.scores), ("loss", curve.losses), ("gradient_norm", curve.gradient_norms)):
            found |= {f"{level}/{name}/{n}": value for n, value in zip(curve.steps, values, strict=True) if math.isfinite(value)}
    if probe.gap is not None:
        found["gap"] = float(f"{probe.gap:.6g}")
    if probe.step_sizes:
        lows, means, highs = zip(*probe.step_sizes.values(), strict=True)
        found |= {"step_size/min": min(lows), "step_size/mean": math.fsum(means) / len(means), "step_size/max": max(highs)}
        found |= {f"step_size/mean/{name}": mean for name, (_, mean, _) in probe.step_sizes.items()}
    return found


def rows(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """A row for each outer step, with what was measured then: ``pandas.DataFrame(rows(Run(folder).history()))``.

    >>> rows([{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}, {"step": 2, "validation": 0.75}])
    [{'step': 1, 'loss': 0.5}, {'step': 2, 'loss': 0.25, 'validation': 0.75}]
    """
    found: dict[int, dict[str, float]] = {}
    for line in lines:
        found.setdefault(line["step"], {"step": line["step"]}).update(scalars(line))
    return [found[step] for step in sorted(found)]


def csv_text(lines: Iterable[Mapping[str, Any]]) -> str:
    """The rows as comma-separated text; a cell is empty where nothing was measured at that step.

    >>> print(csv_text([{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}, {"step": 2, "validation": 0.75}]), end="")
    step,loss,validation
    1,0.5,
    2,0.25,0.75
    """
    table = rows(lines)
    text = io.StringIO()
    columns = dict.fromkeys(["step", *(name for name in _STEP if any(name in row for row in table))])
    writer = csv.DictWriter(text, list(columns | dict.fromkeys(name for row in table for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()
