"""easyfsl's tasks and its prototypical network, as its documentation has them; None where it is not installed.

pip install "quickstudy[peers]"        # not needed: without it the rows are left out
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from peers import peer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from quickstudy.task import Task

__all__ = ["easyfsl_evaluate", "easyfsl_proto_step", "easyfsl_tasks"]

LR = 1e-3


def easyfsl_tasks(
    x: Tensor, labels: Tensor, ways: int, shots: int, queries: int, tasks: int, prepare: Callable[[Tensor], Tensor] = torch.clone
) -> Iterable[Any] | None:
    """A loader of its tasks over rows in memory. Its sampler's constructor calls torch in a way that torch gave up."""
    if peer("easyfsl.datasets") is None:
        return None
    from easyfsl.datasets import FewShotDataset  # type: ignore[import-not-found]
    from easyfsl.samplers import TaskSampler  # type: ignore[import-not-found]

    class Rows(FewShotDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return len(x)

        def __getitem__(self, item: int) -> tuple[Tensor, int]:
            return prepare(x[item]), int(labels[item])

        def get_labels(self) -> list[int]:
            return labels.tolist()  # type: ignore[no-any-return]

    sampler = TaskSampler.__new__(TaskSampler)
    sampler.n_way, sampler.n_shot, sampler.n_query, sampler.n_tasks = ways, shots, queries, tasks
    sampler.items_per_label = {int(c): (labels == c).nonzero()[:, 0].tolist() for c in labels.unique()}
    return DataLoader(Rows(), batch_sampler=sampler, collate_fn=sampler.episodic_collate_fn)


def easyfsl_evaluate(loader: Iterable[Any]) -> Tensor:
    """Accuracies of nearest centroids, one task after another."""
    from easyfsl.methods import PrototypicalNetworks  # type: ignore[import-not-found]

    model, found = PrototypicalNetworks(nn.Identity()).eval(), []
    with torch.no_grad():
        for support, labels, queries, targets, _ in loader:
            model.process_support_set(support, labels)
            found.append((model(queries).argmax(1) == targets).float().mean())
    return torch.stack(found)


def easyfsl_proto_step(network: nn.Module, tasks: Task) -> Callable[[], None] | None:
    """A step of its ProtoNet (distances where the paper has their squares), the tasks one after another, one Adam step."""
    if peer("easyfsl.methods") is None:
        return None
    from easyfsl.methods import PrototypicalNetworks

    model = PrototypicalNetworks(network)
    optimizer = torch.optim.Adam(network.parameters(), LR)

    def step() -> None:
        optimizer.zero_grad()
        for number in range(len(tasks)):
            task = tasks[number]
            model.process_support_set(task.support.x, task.support.labels)
            (F.cross_entropy(model(task.query.x), task.query.labels) / len(tasks)).backward()
        optimizer.step()

    return step
