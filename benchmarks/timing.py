"""Fair timing: variants take turns in one process, medians of CPU time, ratios to the first; results are compared first."""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

__all__ = ["Row", "Variant", "arguments", "close", "report", "take_turns"]


@dataclass(frozen=True)
class Row:
    """One variant of a workload: median milliseconds of CPU time, its ratio to the floor, the first call, the error."""

    workload: str
    variant: str
    ms: float
    ratio: float
    first_ms: float
    error: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Variant:
    """One way to do a workload: a function to be timed, and how far its result is from the reference's."""

    name: str
    run: Callable[[], Any]
    error: float | None = None
    note: str = ""


def take_turns(workload: str, variants: Sequence[Variant], rounds: int, calls: int = 1) -> list[Row]:
    """Times all variants in turn, ``rounds`` times ``calls`` calls each; the first variant is the floor."""
    first = {v.name: _cpu(v.run) for v in variants}
    for v in variants:  # caches of every library filled
        v.run()
    times: dict[str, list[float]] = {v.name: [] for v in variants}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for v in variants[number % len(variants) :] + variants[: number % len(variants)]:
                times[v.name].append(_cpu(v.run, calls) / calls)
            gc.collect()
    finally:
        gc.enable()
    medians = {name: statistics.median(values) for name, values in times.items()}
    floor = medians[variants[0].name]
    return [
        Row(workload, v.name, medians[v.name] * 1e3, medians[v.name] / floor, first[v.name] * 1e3, v.error, v.note)
        for v in variants
    ]


def _cpu(run: Callable[[], Any], calls: int = 1) -> float:
    began = time.process_time()
    for _ in range(calls):
        run()
    return time.process_time() - began


def close(found: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """``‖found − reference‖ / ‖reference‖`` over all tensors together, in double precision."""
    a = torch.cat([t.detach().double().flatten() for t in found])
    b = torch.cat([t.detach().double().flatten() for t in reference])
    return float((a - b).norm() / b.norm().clamp(min=1e-300))


def arguments(doc: str | None, **defaults: int) -> argparse.Namespace:
    """The command line of a benchmark: --rounds and --json, and what else it has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", default=None, help="file to write the rows to")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    return asked


def report(rows: Sequence[Row], path: str | None = None) -> None:
    """Prints the rows as a Markdown table and writes them as JSON."""
    print("| workload | variant | ms | ratio | first call, ms | error | |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        error = "" if row.error is None else f"{row.error:.1e}"
        print(
            f"| {row.workload} | {row.variant} | {row.ms:.3g} | {row.ratio:.3f} | {row.first_ms:.0f} | {error} | {row.note} |",
            flush=True,
        )
    if path:
        machine = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        Path(path).write_text(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1))
