"""Cases of learners around another one, and of networks whose training alone is regularised."""

from functools import partial

import torch
from torch import Tensor, nn

from contract.cases.ground import INPUTS, Case, built, encoder, few, plain
from contract.cases.optimization import first_order
from quickstudy import learners, tasks
from quickstudy.checks import Training
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.masked_images import MaskedImages
from quickstudy.datasets.tagged_file import Tagged
from quickstudy.datasets.tagged_words import TaggedWords
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP, Frozen, GaussianCode, GaussianWeights, MetaDropout, Mixing
from quickstudy.nn.backbones.word_states import WordStates
from quickstudy.task import Task
from quickstudy.tasks import TaskSource

CODES = 8
STATES = 16


def warmed(around: type[Learner[object]], *networks: nn.Module, steps: int, **arguments: object) -> Learner[object]:
    return learners.FirstOrderWarmUp(around(*networks, **arguments), steps)


def warming(learner: learners.FirstOrderWarmUp, task: Task) -> dict[str, Tensor]:
    """During warm-up the formula is first-order MAML's."""
    assert isinstance(learner.learner, learners.MAML)
    return {f"learner.{name}": grad for name, grad in first_order(learner.learner, task).items()}


def activations() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 24), nn.ReLU(), GaussianCode(24, CODES))


def weights() -> nn.Module:
    return nn.Sequential(GaussianWeights(nn.Linear(INPUTS, 24)), nn.ReLU(), GaussianWeights(nn.Linear(24, CODES)))


def adapting() -> nn.Module:
    return MLP(CODES, (24,), outputs=3)


def features() -> nn.Module:
    return MLP(CODES, (16,))


def regularised(
    code: nn.Module, network: nn.Module, around: type[Learner[object]], strength: float, **arguments: object
) -> Learner[object]:
    return learners.MetaRegularised(code, around(network, **arguments), strength=strength)


def frozen() -> nn.Module:
    return Frozen(MLP(INPUTS, (24,)))


def on_features(backbone: nn.Module, network: nn.Module, around: type[Learner[object]], **arguments: object) -> Learner[object]:
    return learners.OnFeatures(backbone, around(network, **arguments))


def word_states() -> nn.Module:
    return Frozen(WordStates(60, STATES // 2, depth=2, heads=2, hidden=16, positions=16, layers=(1, 2)))


def on_words(backbone: nn.Module, network: nn.Module, around: type[Learner[object]], **arguments: object) -> Learner[object]:
    return learners.OnWords(backbone, around(network, **arguments))


def chained(backbone: nn.Module, network: nn.Module, around: type[Learner[object]], **arguments: object) -> Learner[object]:
    return learners.AbstractTransitions(on_words(backbone, network, around, **arguments), again=0.5)


def tagging() -> TaskSource[object]:
    """Sentences of two words outside and one of six types, whose states lie around the mean of the type."""
    generator = torch.Generator().manual_seed(0)
    means = torch.cat([torch.zeros(1, STATES), 2 * torch.randn(6, STATES, generator=generator)])
    sentences = [Tagged(("a", "b", "c"), ((1, 2, f"type {number % 6}"),)) for number in range(72)]
    types = torch.tensor([kind for number in range(72) for kind in (0, 1 + number % 6, 0)])
    states = means[types] + torch.randn(len(types), STATES, generator=generator)
    return tasks.Tagging(TaggedWords(states, sentences, tuple(f"type {n}" for n in range(6))), 3, (1, 4), 2)


def of_cells() -> nn.Module:
    network = nn.Conv2d(3, INPUTS, 8, 8)
    network.features = INPUTS  # type: ignore[assignment]
    return Frozen(network)


def on_maps(backbone: nn.Module, network: nn.Module) -> Learner[object]:
    return learners.OnMaps(backbone, learners.ProtoNet(network))


def segmenting() -> TaskSource[object]:
    """Images of 3×3 cells, some of one of six classes, around its mean; one number is larger in all of these."""
    generator = torch.Generator().manual_seed(0)
    means = 2 * torch.randn(6, INPUTS, generator=generator)
    labels = torch.arange(48) % 6
    masks = torch.rand(48, 3, 3, generator=generator) < 0.5
    masks[:, 0, 0], masks[:, 2, 2] = True, False
    maps = masks[:, None] * means[labels][..., None, None] + torch.randn(48, INPUTS, 3, 3, generator=generator)
    maps[:, 0] += masks
    index = ClassIndex(maps, labels, tuple(f"class {n}" for n in range(6)), "made")
    return tasks.Segmenting(MaskedImages(index, masks), (1, 3), 2)


def waves() -> nn.Module:
    return MLP(1, (40,), outputs=1)


def scaled(network: nn.Module, around: type[Learner[object]], **arguments: object) -> Learner[object]:
    return learners.ScaledTargets(around(network, **arguments), mean=0.5, deviation=3.0)


def noisy() -> nn.Module:
    return nn.Sequential(MetaDropout(nn.Linear(INPUTS, 24)), nn.ReLU(), nn.Linear(24, 3))


def mixing() -> nn.Module:
    return Mixing([nn.Sequential(nn.Linear(INPUTS, 24), nn.ReLU()), nn.Linear(24, 3)])


def mixing_waves() -> nn.Module:
    return Mixing([nn.Sequential(nn.Linear(1, 40), nn.Tanh()), nn.Linear(40, 1)])


def between() -> TaskSource[object]:
    return tasks.MLTI(few(), levels=2)


def mixed_waves() -> TaskSource[object]:
    return tasks.MetaMix(tasks.Sinusoid(), levels=3)


CASES: dict[str, Case] = {
    "AbstractTransitions": Case(
        partial(
            built, partial(chained, around=learners.MatchingNet, learn_scale=True), word_states, lambda: nn.Linear(STATES, 12)
        ),
        tagging,
        Training(100),
    ),
    "FirstOrderWarmUp": Case(
        partial(built, partial(warmed, learners.MAML, steps=1000, inner_lr=0.3, inner_steps=2), plain),
        few,
        expected_gradient=warming,
    ),
    "FirstOrderWarmUp, second order from the start": Case(
        partial(built, partial(warmed, learners.MAML, steps=0, inner_lr=0.3, inner_steps=2), plain), few
    ),
    "FirstOrderWarmUp, with an encoder": Case(
        partial(built, partial(warmed, learners.ANIL, steps=1000, inner_steps=2), encoder, lambda: nn.Linear(16, 3)), few
    ),
    "MetaRegularised": Case(
        partial(
            built,
            partial(regularised, around=learners.MAML, strength=1e-3, inner_lr=0.3, inner_steps=2),
            activations,
            adapting,
        ),
        few,
        Training(100),
    ),
    "MetaRegularised, random weights": Case(
        partial(built, partial(regularised, around=learners.MAML, strength=1e-5, inner_lr=0.3), weights, adapting),
        few,
        Training(100),
    ),
    "MetaRegularised, prototypes": Case(
        partial(built, partial(regularised, around=learners.ProtoNet, strength=1e-3), activations, features), few, Training(100)
    ),
    "OnFeatures": Case(
        partial(built, partial(on_features, around=learners.ProtoNet), frozen, lambda: nn.Linear(24, 16)), few, Training(100)
    ),
    "OnFeatures, ridge": Case(
        partial(built, partial(on_features, around=learners.R2D2, penalty=1.0), frozen, lambda: nn.Linear(24, 16)),
        few,
        Training(100),
    ),
    "OnMaps": Case(partial(built, on_maps, of_cells, lambda: nn.Linear(INPUTS, 12)), segmenting, Training(100)),
    "OnWords": Case(
        partial(
            built, partial(on_words, around=learners.MatchingNet, learn_scale=True), word_states, lambda: nn.Linear(STATES, 12)
        ),
        tagging,
        Training(100),
    ),
    "OnWords, logistic": Case(
        partial(
            built, partial(on_words, around=learners.LogisticByShots, balance=0.5), word_states, lambda: nn.Linear(STATES, 12)
        ),
        tagging,
        Training(100),
    ),
    "ScaledTargets": Case(
        partial(built, partial(scaled, around=learners.MAML, inner_lr=0.02, likelihood=Gaussian()), waves), tasks.Sinusoid
    ),
    "MAML, meta-dropout": Case(partial(built, learners.MAML, noisy, inner_lr=0.3, inner_steps=2), few),
    "MAML, tasks mixed at hidden layers": Case(
        partial(built, learners.MAML, mixing, inner_lr=0.3, inner_steps=2), between, Training(100)
    ),
    "MAML, queries mixed at hidden layers": Case(
        partial(built, learners.MAML, mixing_waves, inner_lr=0.02, likelihood=Gaussian()), mixed_waves, Training(300, lr=0.003)
    ),
    "ProtoNet, tasks mixed in the encoder": Case(
        partial(built, learners.ProtoNet, lambda: Mixing([nn.Sequential(nn.Linear(INPUTS, 24), nn.ReLU()), nn.Linear(24, 16)])),
        between,
        Training(100),
    ),
}
