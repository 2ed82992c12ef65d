"""The ground that cases stand on: a case, small tasks and small networks."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy import datasets, tasks
from quickstudy.checks import Training
from quickstudy.functional.spelling import codes_of
from quickstudy.inputs import SentenceChoices, WordForms
from quickstudy.learner import Learner
from quickstudy.nn import MLP
from quickstudy.task import Task
from quickstudy.tasks import TaskSource

INPUTS, SIGNAL, CLASSES = 16, 6, 40


@dataclass(frozen=True)
class Case:
    """A learner, its tasks, and what else the battery must know of it."""

    make: Callable[[], Learner[Any]]
    source: Callable[[], TaskSource[Any]]
    trained: Training = Training()  # noqa: RUF009
    expected_gradient: Callable[[Any, Task], Mapping[str, Tensor]] | None = None
    tolerance: float = 1e-6


def blobs() -> datasets.class_index.ClassIndex:
    """Classes that differ in 6 of 16 numbers; the other ten are louder noise, which a learner must learn to ignore."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(20)
    centres = torch.randn(CLASSES, SIGNAL, generator=generator)[labels]
    signal = centres + 0.3 * torch.randn(len(labels), SIGNAL, generator=generator)
    noise = 2 * torch.randn(len(labels), INPUTS - SIGNAL, generator=generator)
    return datasets.from_arrays(torch.cat([signal, noise], 1), labels, name="blobs")


def few(shots: int | tuple[int, int] = 2, ways: int | tuple[int, int] = 3) -> TaskSource[Any]:
    return tasks.FewShot(blobs(), ways, shots, 5)


def labelled() -> TaskSource[Any]:
    """Tasks of three labels a row, each the side of a plane of its own in 6 of 16 numbers; the other ten are louder noise."""
    generator = torch.Generator().manual_seed(0)
    tasks_, rows = 40, 30
    task = torch.arange(tasks_).repeat_interleave(rows)
    signal = torch.randn(tasks_ * rows, SIGNAL, generator=generator)
    planes = torch.randn(tasks_, SIGNAL, 3, generator=generator)
    y = (torch.einsum("rs,rsl->rl", signal, planes[task]) > 0.5).float()
    noise = 2 * torch.randn(len(task), INPUTS - SIGNAL, generator=generator)
    names = tuple(map(str, range(tasks_)))
    return tasks.ByTask(datasets.Table(torch.cat([signal, noise], 1), y, task, names, tuple("abc"), "planes"), shots=15)


def inflected() -> TaskSource[Any]:
    """Languages in which the last letter and one of three features decide the ending; a second feature decides nothing."""
    rng = random.Random(0)
    words, forms, language = [], [], []
    for number in range(30):
        endings = {(last, tag): rng.choice(("", "s", "en", "ta", "o", "um")) for last in "ae" for tag in ("SG", "PL", "DU")}
        for _ in range(24):
            stem, last, tag = "".join(rng.choice("bdgklmt") for _ in range(3)), rng.choice("ae"), rng.choice(("SG", "PL", "DU"))
            words.append(f"{stem}{last} N;{tag};{rng.choice(('DEF', 'NDEF'))}")
            forms.append(stem + endings[last, tag])
            language.append(number)
    reads = WordForms(length=8, tags=3)
    names = tuple(map(str, range(30)))
    table = datasets.Table(
        reads.batch(words), codes_of(forms, 8).float(), torch.tensor(language), names, name="inflected", reads=reads
    )
    return tasks.SpelledForms(table, shots=12)


def translated() -> TaskSource[Any]:
    """Languages with words of their own for seven English words, of which sentences of two are made."""
    rng = random.Random(0)
    english = ("dog", "house", "sees", "big", "red", "you", "water")
    source, translation, language = [], [], []
    for number in range(30):
        own = {word: "".join(rng.choice("bdgklmt") + rng.choice("aeiou") for _ in range(2)) for word in english}
        for pair in rng.sample([(a, b) for a in english for b in english if a != b], 24):
            source.append(" ".join(own[word] for word in pair))
            translation.append(" ".join(pair))
            language.append(number)
    reads = SentenceChoices(length=14, choices=6)
    table = datasets.Table(
        {"source": codes_of(source, 14)},
        codes_of(translation, 14).float(),
        torch.tensor(language),
        tuple(map(str, range(30))),
        name="translated",
        reads=reads,
    )
    return tasks.Retrievals(table, shots=12, queries=5, candidates=6)


def utterances() -> TaskSource[Any]:
    """Speakers whose utterances are near a point of their own in 3 of 8 numbers, and near what was said before in 2 others."""
    generator = torch.Generator().manual_seed(0)
    owner = torch.arange(30).repeat_interleave(24)
    own = torch.randn(30, 3, generator=generator)[owner]
    asked = torch.randn(len(owner), 8, generator=generator)
    answer = torch.randn(len(owner), 8, generator=generator)
    answer[:, :3] = own + 0.3 * answer[:, :3]
    answer[:, 3:5] = asked[:, 3:5] + 0.3 * answer[:, 3:5]
    dialogue = owner * 3 + torch.arange(len(owner)) % 3
    names = tuple(map(str, range(30)))
    return tasks.Choices(
        datasets.Exchanges(asked, answer, owner, dialogue, names, "utterances"), shots=4, queries=5, candidates=4
    )


def built(make: Callable[..., Learner[Any]], *networks: Callable[[], nn.Module], **arguments: Any) -> Learner[Any]:
    """The learner with fresh networks whose weights are always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*[network() for network in networks], **arguments)


def encoder() -> nn.Module:
    return MLP(INPUTS, (24, 16))


def normed() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3, norm=True)


def plain() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3)


def wave() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))


def smoothed() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 24), nn.LayerNorm(24), nn.Dropout(0.1), nn.GELU(), nn.Linear(24, 3))
