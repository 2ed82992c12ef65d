"""Wrong calls of the library in Python: each is refused in a sentence that says what, the value given, and what to do."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import LBFGS, SGD, Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from quickstudy import Examples, datasets, evaluate, evaluate_stream, learners, tasks, train
from quickstudy import nn as networks
from quickstudy.checks import check_learner
from quickstudy.errors import UserError
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP, Conv4

NAN = float("nan")


def index() -> datasets.ClassIndex:
    labels = torch.arange(60) % 6
    return datasets.from_arrays(torch.eye(6)[labels], labels)


def images(channels: int = 3) -> tasks.FewShot:
    labels = torch.arange(60) % 6
    return tasks.FewShot(datasets.from_arrays(torch.rand(60, channels, 28, 28), labels), 3, 1, 2)


def few(**arguments: Any) -> tasks.FewShot:
    return tasks.FewShot(index(), **{"ways": 3, "shots": 1, "queries": 2} | arguments)


def proto() -> learners.ProtoNet:
    return learners.ProtoNet(MLP(6, (8,)))


def maml(**arguments: Any) -> learners.MAML:
    return learners.MAML(MLP(6, outputs=3), **arguments)


def trained(learner: Any = None, source: Any = None, **arguments: Any) -> Any:
    learner = proto() if learner is None else learner
    usual: dict[str, Any] = {"steps": 1, "batch": 2}
    if "optimizer" not in arguments:
        usual["optimizer"] = SGD(learner.parameters(), 0.1)
    return next(train(learner, few() if source is None else source, **usual | arguments))


def with_optimizer(make: Callable[[Any], Any], **arguments: Any) -> Any:
    learner = proto()
    return trained(learner, optimizer=make(learner.parameters()), **arguments)


def with_schedule(make: Callable[[Any], Any]) -> Any:
    learner = proto()
    optimizer = SGD(learner.parameters(), 0.1)
    return trained(learner, optimizer=optimizer, schedule=make(optimizer))


class Pair(nn.Module):
    """A network that returns more than its features."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(x), x


CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    # sources
    "ways a text": (lambda: few(ways="5"), "ways='5' must be a whole number or a tuple"),
    "ways one": (lambda: few(ways=1), "ways=1: in a task of one class there is nothing to distinguish. Give 2 or more"),
    "ways from one": (lambda: few(ways=(1, 3)), r"ways=1\.\.3: in a task of one class"),
    "ways a float": (lambda: few(ways=3.0), "ways=3.0 must be a whole number"),
    "ways a bool": (lambda: few(ways=True), "ways=True must be a whole number"),
    "ways too many": (lambda: few(ways=9), "ways=9 needs 9 classes, but data has 6. Lower"),
    "ways backwards": (lambda: few(ways=(4, 2)), r"ways=\(4, 2\) must be .* range \(low, high\)"),
    "ways of three": (lambda: few(ways=(2, 3, 4)), r"ways=\(2, 3, 4\) must be a whole number or a tuple"),
    "shots none": (lambda: few(shots=0), "shots=0 must be a whole number of at least 1"),
    "shots negative": (lambda: few(shots=-1), "shots=-1 must be a whole number of at least 1"),
    "shots half": (lambda: few(shots=1.5), "shots=1.5 must be a whole number"),
    "queries none": (lambda: few(queries=0), "queries=0 must be a whole number of at least 1"),
    "queries a list": (lambda: few(queries=[5]), r"queries=\[5\] must be a whole number"),
    "an unknown argument": (lambda: few(shot=1), r"FewShot has no argument shot. Did you mean shots\? It takes: index, ways"),
    "no index": (lambda: tasks.FewShot(np.zeros((4, 2))), "index=a ndarray must be an object of the class ClassIndex"),
    "balanced a word": (lambda: few(balanced="no"), "balanced='no' must be True or False"),
    "sizes a word": (lambda: few(sizes="meta_dataset"), "sizes='meta_dataset' must be a function"),
    "classes a word": (lambda: few(classes="hard"), "classes='hard' must be an object of the class ClassSampler"),
    "a sampler's class": (lambda: few(classes=tasks.Hard), r"the class Hard must be .* Build one: Hard\(...\)"),
    "hard nan": (lambda: tasks.Hard(index(), temperature=NAN), "temperature=nan must be a finite number"),
    "sample none": (lambda: few().sample(0), "batch=0 must be a whole number of at least 1"),
    "plan negative": (lambda: few().plan(-1), "batch=-1 must be a whole number of at least 1"),
    "plan a float": (lambda: tasks.Sinusoid().plan(2.5), "batch=2.5 must be a whole number"),
    "a seed as generator": (lambda: few().sample(2, 0), r"generator=0 must be a generator: torch.Generator\(\)"),
    "waves without shots": (lambda: tasks.Sinusoid(shots=0), "Sinusoid: shots=0 must be a whole number of at least 1"),
    "waves of text": (lambda: tasks.Sinusoid("10"), "shots='10' must be a whole number"),
    "copies of nothing": (lambda: tasks.Copy("3"), "length='3' must be a whole number or a tuple"),
    "supervised nothing": (lambda: tasks.Supervised(index(), 0), "examples=0 must be a whole number of at least 1"),
    "no dimensions": (lambda: tasks.Quadratics(0), "dimensions=0 must be a whole number of at least 1"),
    "mixing a loader": (
        lambda: tasks.MetaMix(torch.utils.data.DataLoader([])),
        "source=a DataLoader must be an object of the class",
    ),
    "a mixture of one source": (lambda: tasks.Mixture(few()), "sources=a FewShot must be a list or tuple"),
    # train
    "a loader": (
        lambda: trained(source=torch.utils.data.DataLoader([1])),
        r"a DataLoader is no source of tasks.*from_dataset\(data\)",
    ),
    "an index": (lambda: trained(source=index()), r"a ClassIndex is no source of tasks.*tasks.FewShot\(index\)"),
    "a plain module": (lambda: trained(MLP(6, outputs=3)), r"a MLP is no learner. Put it into one: learners.MAML\(MLP\(...\)\)"),
    "a learner's class": (
        lambda: next(train(learners.MAML, few(), steps=1, batch=1, optimizer=None)),
        r"MAML is the class of a learner. Build one: MAML\(...\)",
    ),
    "the loss again": (lambda: with_optimizer(LBFGS), "LBFGS computes the loss several times.*torch.optim.Adam, AdamW or SGD"),
    "a plateau": (lambda: with_schedule(ReduceLROnPlateau), r"ReduceLROnPlateau needs a score.*schedule.step\(evaluate"),
    "another's schedule": (
        lambda: with_schedule(lambda _: StepLR(SGD([nn.Parameter(torch.zeros(1))], 0.1), 1)),
        "schedule changes the step size of another optimizer",
    ),
    "a number as schedule": (lambda: with_schedule(lambda _: 0.5), "schedule=0.5 is no schedule"),
    "no optimizer": (lambda: trained(optimizer="adam"), r"optimizer='adam' is no torch optimizer.*learner.parameters\(\)"),
    "other weights": (lambda: trained(optimizer=SGD([nn.Parameter(torch.zeros(1))], 0.1)), "holds no weight of this ProtoNet"),
    "no steps": (lambda: trained(steps=0), "steps=0 must be a whole number of at least 1"),
    "negative steps": (lambda: trained(steps=-5), "steps=-5 must be a whole number of at least 1"),
    "half steps": (lambda: trained(steps=2.5), "steps=2.5 must be a whole number"),
    "a late start": (lambda: trained(steps=3, start=4), "start=4 must be a whole number between 0 and 3"),
    "an early start": (lambda: trained(start=-1), "start=-1 must be a whole number between 0 and 1"),
    "lr nan": (lambda: with_optimizer(lambda p: SGD(p, NAN)), "lr=nan must be a finite number of at least 0"),
    "lr infinite": (lambda: with_optimizer(lambda p: Adam(p, float("inf"))), "lr=inf must be a finite number of at least 0"),
    "half a batch": (lambda: trained(batch=2.5), "batch=2.5 must be a whole number of at least 1"),
    "no batch": (lambda: trained(batch=0), "batch=0 must be a whole number of at least 1"),
    "a bool as batch": (lambda: trained(batch=True), "batch=True must be a whole number"),
    "clip nothing": (lambda: trained(clip=0), "clip=0 must be a finite number above 0"),
    "clip nan": (lambda: trained(clip=NAN), "clip=nan must be a finite number above 0"),
    "a seed of text": (lambda: trained(seed="0"), "seed='0' must be a whole number"),
    "chunks of nothing": (lambda: trained(chunk=0), "chunk=0 must be a whole number of at least 1"),
    "a strategy": (lambda: trained(strategy="fast"), "strategy='fast' must be one of 'auto', 'vmap', 'loop'"),
    # targets and networks that do not fit
    "values to classes": (lambda: evaluate(maml(), tasks.Sinusoid()), r"MAML learns classes, but .* likelihood=Gaussian\(\)"),
    "classes to values": (
        lambda: check_learner(maml(likelihood=Gaussian()), few()),
        r"learns values, .* likelihood=Categorical\(\)",
    ),
    "a likelihood's class": (lambda: maml(likelihood=Gaussian), r"the class Gaussian must be .* Build one: Gaussian\(...\)"),
    "a likelihood's name": (
        lambda: maml(likelihood="gaussian"),
        "likelihood='gaussian' must be an object of the class Likelihood",
    ),
    "channels, trained": (
        lambda: trained(learners.ProtoNet(Conv4(1)), images()),
        r"ProtoNet does not fit its inputs: one is float32 of shape \(3, 28, 28\).*built for 1 channels, the images have 3",
    ),
    "channels, evaluated": (
        lambda: evaluate(learners.ProtoNet(Conv4(3)), images(1), tasks=2),
        r"one is float32 of shape \(1, 28, 28\).*built for 3 channels, the images have 1.*Conv4\(channels=1\)",
    ),
    "channels, inner loop": (
        lambda: trained(learners.MAML(Conv4(1, outputs=3)), images()),
        r"MAML does not fit its inputs: one is float32 of shape \(3, 28, 28\)",
    ),
    "width": (lambda: trained(learners.ProtoNet(MLP(5))), "A layer takes rows of 5 numbers and gets 6"),
    "width, evaluated": (lambda: evaluate(learners.ProtoNet(MLP(5)), few(), tasks=2), "takes rows of 5 numbers and gets 6"),
    "small images": (
        lambda: evaluate(learners.ProtoNet(Conv4(3)), tasks.FewShot(small(), 3, 1, 2), tasks=2),
        r"one is float32 of shape \(3, 8, 8\)",
    ),
    "outputs": (lambda: trained(learners.MAML(MLP(6, outputs=2))), "network has 2 outputs, but the task has 3 ways. Build"),
    "outputs of values": (
        lambda: evaluate(learners.MAML(MLP(1, outputs=2), likelihood=Gaussian()), tasks.Sinusoid(), tasks=2),
        "network has 2 outputs, but the targets have 1",
    ),
    "a pair, inner loop": (lambda: trained(learners.MAML(Pair())), "return(s|ed) a tuple.*one tensor.*Wrap it"),
    "a pair, encoder": (lambda: trained(learners.ProtoNet(Pair())), "return(s|ed) a tuple.*one tensor.*Wrap it"),
    "a pair, evaluated": (lambda: evaluate(learners.ProtoNet(Pair()), few(), tasks=2), "return(s|ed) a tuple.*one tensor"),
    # evaluate
    "no tasks": (lambda: evaluate(proto(), few(), tasks=0), "tasks=0 must be a whole number of at least 1"),
    "half a task": (lambda: evaluate(proto(), few(), tasks=2.5), "tasks=2.5 must be a whole number"),
    "evaluated one by none": (lambda: evaluate(proto(), few(), tasks=2, batch=0), "batch=0 must be a whole number"),
    "a strategy of evaluation": (lambda: evaluate(proto(), few(), strategy="x"), "strategy='x' must be one of"),
    "no limit": (lambda: evaluate(proto(), few(), tasks=2, limit=0), "limit=0 must be a whole number of at least 1"),
    "stream of nothing": (lambda: evaluate_stream(proto(), few(), tasks=0), "tasks=0 must be a whole number"),
    "stream of a function": (lambda: evaluate_stream(lambda s: s, few()), "a function is no learner"),
    # learners
    "norm": (lambda: maml(norm="foo"), "MAML: norm='foo' must be one of 'support', 'batch'"),
    "norm of BOIL": (lambda: learners.BOIL(MLP(6), nn.Linear(40, 3), norm="none"), "BOIL: norm='none' must be one of"),
    "distance": (
        lambda: learners.ProtoNet(MLP(6), distance="manhattan"),
        "ProtoNet: distance='manhattan' must be a function. The default is squared_distance",
    ),
    "a network's class": (lambda: learners.ProtoNet(Conv4), r"the class Conv4 must be .* Build one: Conv4\(...\)"),
    "a function as network": (lambda: learners.MAML(torch.relu), "network=.* must be an object of the class Module"),
    "negative inner steps": (lambda: maml(inner_steps=-1), "MAML: inner_steps=-1 must be a whole number of at least 0"),
    "half inner steps": (lambda: maml(inner_steps=2.5), "inner_steps=2.5 must be a whole number"),
    "inner_lr nan": (lambda: maml(inner_lr=NAN), "inner_lr=nan must be a finite number"),
    "inner_lr negative": (lambda: maml(inner_lr=-0.1), "inner_lr=-0.1 must be a finite number of at least 0"),
    "inner_lr of text": (lambda: maml(inner_lr="0.1"), "inner_lr='0.1' must be a finite number"),
    "first_order": (lambda: maml(first_order="yes"), "first_order='yes' must be True or False"),
    "a typing error": (lambda: maml(inner_step=1), r"MAML has no argument inner_step. Did you mean inner_steps\?"),
    "no network": (lambda: learners.MAML(), "MAML: missing a required argument: 'network'. It takes: network, inner_lr"),
    "a wrapped module": (lambda: learners.FirstOrderWarmUp(MLP(6)), "learner=a MLP must be an object of the class Learner"),
    "neighbours": (lambda: learners.NearestNeighbours(k=0), "k=0 must be a whole number of at least 1"),
    "features": (lambda: learners.FineTune(MLP(6), features=0, classes=3), "FineTune: features=0 must be a whole number"),
    "a rule's name": (
        lambda: learners.FineTune(MLP(6), features=40, classes=3, rule="adam"),
        "rule='adam' must be",
    ),
    "penalty": (lambda: learners.R2D2(MLP(6), penalty=NAN), "penalty=nan must be a finite number"),
    # networks
    "MLP of text": (lambda: MLP("6"), "MLP: inputs='6' must be a whole number"),
    "MLP of nothing": (lambda: MLP(0), "MLP: inputs=0 must be a whole number of at least 1"),
    "hidden a number": (lambda: MLP(6, 40), "hidden=40 must be a list or tuple, each item a whole number"),
    "hidden of text": (lambda: MLP(6, ("a",)), r"hidden=\('a',\) must be a list or tuple"),
    "channels negative": (lambda: Conv4(-1), "Conv4: channels=-1 must be a whole number of at least 1"),
    "norm a word": (lambda: MLP(6, norm="batch"), "norm='batch' must be True or False"),
    "no units": (lambda: networks.AdamLSTM(0), "hidden=0 must be a whole number of at least 1"),
    # examples
    "too few labels": (lambda: Examples.of(torch.zeros(3, 2), [0, 1]), "3 inputs came with 2 targets. Give one"),
    "names": (lambda: Examples.of(torch.zeros(2, 2), ["a", "b"]), "datasets.from_arrays"),
    "floats that are whole": (lambda: Examples.of(torch.zeros(2, 2), [0.0, 1.0]), 'kind="classes".*kind="values"'),
    "a kind": (lambda: Examples.of(torch.zeros(2, 2), [0, 1], kind="class"), "kind='class'"),
}


def small() -> datasets.ClassIndex:
    labels = torch.arange(60) % 6
    return datasets.from_arrays(torch.rand(60, 3, 8, 8), labels)


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_refused_with_a_sentence(name: str) -> None:
    call, sentence = CALLS[name]
    with pytest.raises(UserError, match=sentence) as refusal:
        call()
    text = str(refusal.value)
    assert text.endswith((".", ")")) and "\n" not in text and len(text) < 600, text


def test_there_are_enough_of_them() -> None:
    assert len(CALLS) >= 100


def right() -> Iterator[Callable[[], Any]]:
    """What is odd but right."""
    yield lambda: few(ways=np.int64(3), shots=[1, 2])
    yield lambda: maml(inner_lr=np.float32(0.1), inner_steps=0, test_steps=None)
    yield lambda: maml(inner_lr=1)
    yield lambda: MLP(6, [8, 8])
    yield lambda: learners.ProtoNet(MLP(6), distance=lambda a, b: torch.cdist(a, b))
    yield lambda: tasks.OpenSet(index(), ways=1, shots=1, queries=2)
    yield lambda: trained(steps=2, start=1)
    yield lambda: trained(batch=np.int64(2), clip=1)


@pytest.mark.parametrize("number", range(8))
def test_what_is_odd_but_right_is_let_through(number: int) -> None:
    assert list(right())[number]() is not None
