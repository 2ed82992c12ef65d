"""Task lists as files: the same tasks elsewhere, and a refusal where the data are others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import ArtefactError, TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.meta_aug import MetaAug
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.tasks.task_mixing import MLTI, MetaMix


def source(seed: int = 0, examples: int = 60) -> FewShot:
    generator = torch.Generator().manual_seed(seed)
    return FewShot(from_arrays(torch.randn(examples, 3, generator=generator), torch.arange(examples) % 6, name="toys"), 3, 1, 4)


def test_a_list_from_a_file_gives_the_same_report(tmp_path: Path) -> None:
    path, here = tmp_path / "list.tasks", source()
    drawn = evaluate(NearestCentroid(), here, tasks=20, seed=4)
    save_tasks(path, here, here.plan(20, generator_of(4)))
    read = evaluate(NearestCentroid(), source(), plan=load_tasks(path, source()), seed=4)
    assert (read.scores, read.digest, read.planned) == (drawn.scores, drawn.digest, 20)
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("around", [MetaAug, MetaMix, MLTI, lambda here: Mixture([here, here.resized(shots=2)])])
def test_lists_of_sources_around_others(tmp_path: Path, around: Callable[[FewShot], TaskSource[Any]]) -> None:
    path, here = tmp_path / "list.tasks", around(source())
    plan = here.plan(6, generator_of(0))
    save_tasks(path, here, plan)
    assert load_tasks(path, around(source())).digest() == plan.digest()


def test_a_stranger_evaluates_by_one_function(tmp_path: Path) -> None:
    path, here = tmp_path / "list.tasks", source()
    save_tasks(path, here, here.plan(10, generator_of(0)))

    def nearest(support_x: torch.Tensor, support_y: torch.Tensor, query_x: torch.Tensor) -> torch.Tensor:
        return (-torch.cdist(query_x, support_x)).softmax(1) @ support_y

    plan = load_tasks(path, here)
    report = evaluate(lambda s: lambda x: nearest(s.x, s.y, x), here, plan=plan)
    assert report.scores == evaluate(NearestCentroid(), here, plan=plan).scores  # one shot: the nearest is the centroid


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (source(seed=1), "other data"),
        (source(examples=30), "does not have here"),
        (FewShot(source().index, 2, 1, 4), "lists tasks of"),
        (Sinusoid(), "lists tasks of"),
    ],
)
def test_other_data_are_refused(tmp_path: Path, other: FewShot, said: str) -> None:
    path, here = tmp_path / "list.tasks", source()
    save_tasks(path, here, here.plan(30, generator_of(0)))
    with pytest.raises(TaskError, match=said):
        load_tasks(path, other)


def test_a_broken_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path, here = tmp_path / "list.tasks", source()
    save_tasks(path, here, here.plan(3, generator_of(0)))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ArtefactError, match="not a whole file"):
        load_tasks(path, here)
