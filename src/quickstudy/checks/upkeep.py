"""Points 9, 10 and 13 of the battery: a learner can be saved, moved and read."""

import copy
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy import learners
from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, cast, outputs, seeded
from quickstudy.functional.tree import leaves, to
from quickstudy.learner import Learner, Predictor
from quickstudy.saving.checkpoint import load, save
from quickstudy.storage.blueprint import blueprint
from quickstudy.task import Task
from quickstudy.tasks.source import generator_of

__all__ = ["keeps_dtype_and_device", "repr_names_it", "saves_and_loads"]


def saves_and_loads(scene: Scene) -> Outcome:
    """Learner and predictor save, load and predict bitwise the same."""
    learner = scene.fresh(None)
    task = _raw(scene, next((p.dtype for p in learner.parameters()), torch.get_default_dtype()))
    predictor = seeded(lambda: learner(task.support))
    alike = [_scrambled(learner)] + ([None] if _rebuildable(learner) else [])
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "learner.safetensors", Path(folder) / "predictor.safetensors"
        save(learner, paths[0])
        save(predictor, paths[1])
        for like in alike:
            setting = "from the file alone" if like is None else "into a learner of other weights"
            relearned = seeded(partial(load(paths[0], like=like), task.support))
            _same(predictor, relearned, task, f"the learner, loaded {setting},")
            _same(predictor, load(paths[1], like=like), task, f"the predictor, loaded {setting},")
    return Held("bitwise" + ("" if None in alike else "; load with like=, its parts are your own"))


def _raw(scene: Scene, dtype: torch.dtype) -> Task:
    tasks = to(cast(scene.source.sample(1, generator_of(scene.seed)), dtype), scene.device)
    first: Task = tasks[0]
    return Task(first.support.trim(), first.query.trim())


def _same(before: Predictor, after: Predictor, task: Task, what: str) -> None:
    a, b = (seeded(partial(predictor, task.query.x)) for predictor in (before, after))
    if not torch.equal(a, b):
        raise Broken(f"{what} predicts differently: deviation {float((a - b).abs().max()):.2g}")


def _scrambled(learner: Learner[Any]) -> Learner[Any]:
    """The same learner with other weights and statistics, so that loading must bring all of them."""
    clone = copy.deepcopy(learner)
    with torch.no_grad():
        unregistered = [value for module in clone.modules() for value in vars(module).values() if isinstance(value, Tensor)]
        for tensor in [*clone.state_dict().values(), *unregistered]:
            tensor.add_(1)
    return clone


def _rebuildable(learner: Learner[Any]) -> bool:
    """Whether a file alone suffices: only our own classes all the way down."""
    own, text = getattr(learners, type(learner).__name__, None) is type(learner), json.dumps(blueprint(learner))
    return own and '"opaque"' not in text and '"of"' not in text


def keeps_dtype_and_device(scene: Scene) -> Outcome:
    """State and predictions have the precision and the device of the task."""
    devices = [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
    for device in devices:
        for dtype in (torch.float32, torch.float64):
            learner = scene.fresh(dtype).to(device)
            task: Task = to(_raw(scene, dtype), device)
            found: list[Tensor] = [seeded(partial(outputs, learner, task.support, task.query.x))]
            with torch.no_grad():
                state = seeded(partial(learner.adapt, task.support.replace(learner.encode(task.support.x))))
            found += [leaf for leaf in leaves(state) if leaf.is_floating_point()]
            for tensor in found:
                if tensor.dtype != dtype or tensor.device.type != device.type:
                    raise Broken(f"a task in {dtype} on {device} gave a {tensor.dtype} on {tensor.device}")
    return Held(f"float32 and float64 on {' and '.join(d.type for d in devices)}")


def repr_names_it(scene: Scene) -> Outcome:
    """The repr names the learner and its norm policy."""
    text, needed = repr(scene.learner), [type(scene.learner).__name__, f"norm={scene.learner.facts.norm}"]
    missing = [word for word in needed if word not in text]
    if missing:
        raise Broken(f"{' and '.join(missing)} missing in {text[:80]!r}")
    return Held(needed[1]) if text else Excused("")
