"""The memorisation benchmark: its shares are what they say, its arms build, what was measured is not measured again."""

import dataclasses
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from quickstudy import datasets, tasks
from quickstudy.learner import Learner
from quickstudy.likelihood import Categorical
from quickstudy.tasks.source import generator_of

FILE = Path(__file__).parents[2] / "benchmarks" / "memorisation.py"


def test_the_share_recovered(benchmark: ModuleType) -> None:
    """0 at plain MAML, 1 at the ceiling, in between in proportion, whichever way the metric counts."""
    generator = np.random.default_rng(0)
    floor, ceiling = generator.normal(1.0, 0.1, 400), generator.normal(0.2, 0.1, 400)
    assert benchmark.recovered(floor, floor, ceiling)[0] == 0
    assert benchmark.recovered(ceiling, floor, ceiling)[0] == 1
    share, low, high = benchmark.recovered(floor + 0.75 * (ceiling - floor), floor, ceiling)
    assert share == pytest.approx(0.75) and high - low < 1e-6  # paired: the tasks' own spread cancels
    noisy = benchmark.recovered(generator.normal(0.6, 0.1, 400), floor, ceiling)
    assert noisy[1] < 0.5 < noisy[2] and noisy[2] - noisy[1] < 0.05


def test_the_easy_waves_are_told_and_the_evaluated_ones_are_not(benchmark: ModuleType) -> None:
    world = benchmark.sinusoid()
    assert (world.easy.told, world.exclusive.told, world.test.told) == (True, False, False)
    assert world.easy.sample(2, generator_of(0)).query.x.shape[-1] == world.inputs


def test_glyphs_are_halved_and_meta_test_classes_are_others(benchmark: ModuleType) -> None:
    world, data = benchmark.glyphs(), datasets.glyphs()
    assert isinstance(world.easy, tasks.FixedColumns) and not isinstance(world.test, tasks.FixedColumns)
    assert set(world.easy.index.classes) <= set(data.train.classes) and len(world.easy.index.classes) == 100
    assert not set(world.easy.index.classes) & set(world.test.index.classes)
    assert world.easy.sample(2, generator_of(0)).query.x.shape == (2, 50, world.inputs)


@pytest.mark.parametrize("name", ["sinusoid", "glyphs"])
def test_every_arm_builds_and_takes_a_step(benchmark: ModuleType, name: str) -> None:
    world = benchmark.WORLDS[name]()
    for arm in benchmark.ARMS:
        if arm in benchmark.VALUES_ONLY and isinstance(world.likelihood, Categorical):
            continue
        assert isinstance(benchmark.ARMS[arm].learner(world), Learner)
        row = benchmark.measured(arm, dataclasses.replace(world, batch=2), 0, 1, 2)
        assert len(row.scores) == 2 and row.arm == arm and np.isfinite(row.loss)


def test_the_table_and_what_is_kept(benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scores.json"
    call = ["sinusoid", "--steps", "2", "--tasks", "3", "--json", str(path), "--arms", "plain MAML", "MAML, exclusive tasks"]
    benchmark.main(call)
    first = json.loads(path.read_text())["rows"]
    benchmark.main([*call, "Meta-Aug", "--seeds", "0", "1"])
    rows = json.loads(path.read_text())["rows"]
    assert rows[:2] == first and [(row["arm"], row["seed"]) for row in rows[2:]] == [
        ("Meta-Aug", 0),
        *[(arm, 1) for arm in ("plain MAML", "MAML, exclusive tasks", "Meta-Aug")],
    ]
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("| Meta-Aug | ") and lines[-1].count("%") == 5  # share, its interval, two seeds
