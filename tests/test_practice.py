"""How meta-training practises: every image recipe has both switches, evaluated tasks stay plain, runs resume bit for bit."""

import copy
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from quickstudy import datasets, learners, train
from quickstudy.checks.cost import step_cost
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import ArtefactError
from quickstudy.nn import MLP
from quickstudy.recipes.parts.practice import AugmentRotated, Sampler, practice
from quickstudy.recipes.parts.tasks import few_shot
from quickstudy.runs.known import recipe_functions
from quickstudy.runs.run import Run
from quickstudy.saving.training import load_training, save_training
from quickstudy.storage.artefact import read
from quickstudy.tasks import AugmentedImages, Curriculum, EachOnce, FewShot, Hard
from quickstudy.tasks.open_data import Opened
from quickstudy.tasks.source import generator_of

ROOT = Path(__file__).parents[1]
SAMPLERS, AUGMENTS = get_args(Sampler), get_args(AugmentRotated)
IMAGES = [name for name, fn in recipe_functions().items() if "sampler" in inspect.signature(fn).parameters]
PRETRAINING = ("fine_tune", "leo", "simple_shot")


def images(seed: int, classes: int = 10, groups: bool = False, size: int = 12) -> ClassIndex:
    labels = torch.arange(classes).repeat_interleave(8)
    centres = torch.rand(classes, 1, size, size, generator=generator_of(seed))
    x = (centres[labels] + 0.3 * torch.rand(len(labels), 1, size, size, generator=generator_of(seed, 1))) / 1.3
    names = tuple(f"{seed}-{c}" for c in range(classes))
    families = tuple("AB"[c % 2] for c in range(classes))
    return ClassIndex(x, labels, names, f"toys {seed}", torch.arange(len(labels)) % 4 if groups else None, families=families)


@pytest.fixture(scope="module")
def splits() -> Splits:
    """Of the size that recipes build their networks for."""
    return Splits(*[images(seed, size=28) for seed in range(3)])


SMALL = {"width": 4, "ways": 3, "queries": 2, "train_queries": 2, "val_queries": 2, "steps": 2, "preset": "none"}


@pytest.mark.parametrize("name", [name for name in IMAGES if name not in PRETRAINING])
def test_every_image_recipe_passes_both_switches_on(name: str, splits: Splits) -> None:
    recipe = recipe_functions()[name]
    made = recipe(data=splits, sampler="hard", augment="images", **SMALL)
    assert isinstance(made.train, AugmentedImages) and isinstance(made.train.source, FewShot)
    assert isinstance(made.train.source.classes, Hard) and type(made.test) is FewShot


@pytest.mark.parametrize("augment", AUGMENTS)
def test_pretraining_has_the_switch_too(augment: Any, splits: Splits) -> None:
    made = recipe_functions()["fine_tune"](data=splits, augment=augment, examples=6, **SMALL)
    assert len(list(made.records())) == 2
    assert made.test.index is splits.test  # type: ignore[attr-defined]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("augment", AUGMENTS)
def test_evaluated_tasks_stay_plain(sampler: Any, augment: Any, splits: Splits) -> None:
    sizes = (4, 1, 2)
    plain = few_shot(splits, sizes, sizes, sizes)
    made = few_shot(splits, sizes, sizes, sizes, sampler=sampler, augment=augment, steps=10)
    for part in ("val", "test"):
        one, other = getattr(plain, part), getattr(made, part)
        assert type(other) is FewShot
        plans = [source.plan(20, generator_of(0)) for source in (one, other)]
        assert one.digest(plans[0]) == other.digest(plans[1])
        assert torch.equal(one.gather(plans[0]).query.x, other.gather(plans[1]).query.x)
    first = [tasks.train.at(0).sample(3, generator_of(0)).query.x for tasks in (plain, made)]
    if (sampler, augment) != ("uniform", "none"):
        assert first[0].shape != first[1].shape or not torch.equal(*first), "nothing has changed"
    else:
        assert torch.equal(*first)


def small(sampler: Any, augment: Any, steps: int = 8) -> tuple[Any, Any, Any]:
    source = practice(images(0, groups=True), (4, 1, 2), sampler=sampler, augment=augment, steps=steps)
    torch.manual_seed(1)
    learner = learners.ProtoNet(torch.nn.Sequential(torch.nn.Flatten(), MLP(144, (16,))))
    return source, learner, torch.optim.Adam(learner.parameters(), 0.01)


@pytest.mark.parametrize(("sampler", "augment"), [*((s, "images") for s in SAMPLERS), *(("hard", a) for a in AUGMENTS)])
def test_a_training_goes_on_bit_for_bit(sampler: Any, augment: Any, tmp_path: Path) -> None:
    """Stopped after any step: the file holds what the sampler remembers."""
    source, learner, optimizer = small(sampler, augment)
    whole = [r.loss for r in train(learner, source, steps=8, batch=3, optimizer=optimizer, seed=4)]
    source, other, optimizer = small(sampler, augment)
    losses = []
    for stop in (3, 5, 8):
        losses += [r.loss for r in train(other, source, steps=stop, batch=3, optimizer=optimizer, seed=4, start=len(losses))]
        save_training(tmp_path / "t", stop, other, optimizer, None, {}, source)
        source, other, optimizer = small(sampler, augment)
        load_training(tmp_path / "t", other, optimizer, None, source)
    assert losses == whole
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), learner.parameters(), strict=True))


def test_what_a_source_remembers_decides_what_comes_next(tmp_path: Path) -> None:
    """The test above could not fail if it did not: without the state, other tasks are drawn."""
    source, learner, optimizer = small("each-once", "none")
    whole = [r.loss for r in train(learner, source, steps=8, batch=3, optimizer=optimizer, seed=4)]
    source, other, optimizer = small("each-once", "none")
    losses = [r.loss for r in train(other, source, steps=3, batch=3, optimizer=optimizer, seed=4)]
    fresh, _, _ = small("each-once", "none")
    losses += [r.loss for r in train(other, fresh, steps=8, batch=3, optimizer=optimizer, seed=4, start=3)]
    assert losses[:3] == whole[:3] and losses[3] != whole[3]


def test_files_of_before_and_of_other_samplers(tmp_path: Path) -> None:
    source, learner, optimizer = small("hard", "none")
    save_training(tmp_path / "old", 3, learner, optimizer, None, {})
    assert load_training(tmp_path / "old", learner, optimizer, None)[0] == 3
    with pytest.raises(ArtefactError, match="belongs to another learner, optimizer or schedule"):
        load_training(tmp_path / "old", learner, optimizer, None, source)


def test_losses_are_told_task_by_task_whatever_the_chunk() -> None:
    told: dict[Any, list[torch.Tensor]] = {}

    class Told(FewShot):
        def observe(self, plan: Any, losses: torch.Tensor) -> None:
            assert len(plan) == len(losses) == 4
            told.setdefault(self.key, []).append(losses)

    for key, options in {"loop": {"strategy": "loop"}, "chunk": {"strategy": "vmap", "chunk": 3}, "vmap": {}}.items():
        _, learner, _ = small("uniform", "none")
        optimizer = torch.optim.SGD(learner.parameters(), 0.01)  # Adam makes whole steps of what is zero but for rounding
        source = Told(images(0), 4, 1, 2)
        source.key = key  # type: ignore[attr-defined]
        records = list(train(learner, source, steps=3, batch=4, optimizer=optimizer, **options))  # type: ignore[arg-type]
        assert [float(losses.mean()) for losses in told[key]] == [r.loss for r in records]
        assert all(losses.std() > 0 for losses in told[key])
    for key in ("chunk", "vmap"):
        for a, b in zip(told[key], told["loop"], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_look_at_the_cost_leaves_a_source_as_it_was() -> None:
    source, learner, optimizer = small("hard", "none")
    list(train(learner, source, steps=2, batch=3, optimizer=optimizer))
    before = copy.deepcopy(source.state_dict())
    step_cost(learner, source, batch=4, optimizer=optimizer, budget=0.1)
    after = source.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before) and before["hardness"].abs().max() > 0


def agreed(fabric: Any) -> dict[str, Any]:
    """Weights, and what the sampler remembers, after a training in these processes."""
    found = {}
    for name in ("hard", "each-once"):
        source, learner, _ = small(name, "images")
        optimizer = torch.optim.SGD(
            learner.parameters(), 0.05
        )  # Adam makes much of a rounding error where a gradient is nearly 0
        list(train(learner, source, steps=5, batch=3, optimizer=optimizer, seed=2, fabric=fabric))
        found[name] = (learner.state_dict(), source.state_dict())
    return found


@pytest.mark.slow
def test_two_processes_agree_on_what_is_hard(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import sys, torch\nfrom lightning_fabric import Fabric\nfrom test_practice import agreed\n"
        "torch.set_num_threads(1)\nfabric = Fabric(accelerator='cpu', devices=2, strategy='ddp')\nfabric.launch()\n"
        "torch.save(agreed(fabric), f'{sys.argv[1]}/{fabric.global_rank}')\n"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")}
    call = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(call, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    alone, first, second = agreed(None), torch.load(tmp_path / "0"), torch.load(tmp_path / "1")
    for name, (weights, state) in alone.items():
        for key, value in state.items():
            assert torch.equal(first[name][1][key], second[name][1][key]), f"processes of {name} disagree"
            torch.testing.assert_close(first[name][1][key], value, rtol=1e-4, atol=1e-5)
        for key, value in weights.items():
            torch.testing.assert_close(first[name][0][key], value, rtol=1e-3, atol=1e-5)


def test_a_run_resumes_with_its_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, splits: Splits) -> None:
    """From the command line's arguments to the file and back."""
    monkeypatch.setattr("quickstudy.recipes.parts.data.open_data", lambda *_, **__: Opened("toys", splits, "toys"))
    monkeypatch.setattr("quickstudy.runs.keeping._SAVE_SECONDS", -1.0)
    arguments = {"train_ways": 4, "ways": 3, "queries": 2, "steps": 5, "val_tasks": 2, "sampler": "hard", "augment": "images"}

    def finished(folder: Path, stop: int | None = None) -> list[torch.Tensor]:
        for record in Run(folder, "proto", arguments).train():
            if stop is not None and getattr(record, "loss", None) is not None and record.step == stop:
                break
        return read(folder / "training.safetensors", ("training",)).tensors

    whole = finished(tmp_path / "whole")
    finished(tmp_path / "cut", stop=3)
    assert all(torch.equal(a, b) for a, b in zip(finished(tmp_path / "cut"), whole, strict=True))
    recipe = Run(tmp_path / "cut").recipe()
    assert isinstance(recipe.train, AugmentedImages) and isinstance(recipe.train.source.classes, Hard)


def test_names_make_what_they_say() -> None:
    index = images(0)
    assert isinstance(practice(index, (8, 1, 2), sampler="curriculum", augment="none", steps=10), Curriculum)
    assert isinstance(practice(index, (8, 1, 2), sampler="each-once", augment="none", steps=1).classes, EachOnce)  # type: ignore[attr-defined]
    grown = practice(index, (8, 1, 2), sampler="curriculum", augment="none", steps=10)
    assert [grown.at(step).ways[0] for step in (0, 5, 9)] == [2, 8, 8]  # type: ignore[attr-defined]
    turned = practice(index, (8, 1, 2), sampler="uniform", augment="rotated", steps=1)
    assert len(turned.index.classes) == 40  # type: ignore[attr-defined]
    assert datasets.rotated_classes(index).families == index.families * 4
