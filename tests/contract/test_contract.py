"""Every learner keeps the promises of the contract."""

import inspect
import json
import re

import pytest

from contract.cases import CASES
from quickstudy import learners
from quickstudy.checks import BATTERY, check_learner
from quickstudy.checks.exporting import exports_its_adaptation, exports_its_predictor
from quickstudy.checks.record import Excused, Held
from quickstudy.checks.scene import Scene
from quickstudy.learner import Learner
from quickstudy.storage.blueprint import blueprint


def first(name: str) -> bool:
    """Whether this is its class's first case, which exports; the others do where there is more time."""
    return name == next(other for other in CASES if other.split(",")[0] == name.split(",")[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if not first(name)])
def test_variants_export_too(name: str) -> None:
    case = CASES[name]
    learner = case.make()
    scene = Scene(learner, case.source(), tolerance=case.tolerance)
    assert isinstance(exports_its_predictor(scene), Excused if learner.facts.unexportable else Held)
    assert isinstance(exports_its_adaptation(scene), Excused if learner.facts.unexportable_adaptation else Held)


LONG = {
    "ANIL, values",
    "ANIL, varying sizes",
    "IMAML, Neumann series",
    "IMAML, batch norm",
    "LRD2, labels",
    "LRD2, labels around a prior",
    "LRD2, prior, class weights and scale",
    "LearnedOptimizer, classes",
    "MANN, an LSTM alone",
    "MANN, varying sizes",
    "MetaCurvature, convolutions",
    "ProtoMAML, batch statistics",
}
"""Variants of a class that is tested anyway, of 5 to 20 seconds each."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in CASES])
def test_contract(name: str) -> None:
    case = CASES[name]
    learner = case.make()
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    checks = check_learner(
        learner,
        case.source(),
        trained=case.trained,
        expected_gradient=case.expected_gradient,
        tolerance=case.tolerance,
        export=first(name),
    )
    assert sorted([*checks.held, *checks.excused]) == sorted(promise.number for promise in BATTERY) == list(range(1, 18))
    assert type(learner).__name__ == name.split(",")[0] == checks.subject
    assert all(value.equal(before[key]) for key, value in learner.state_dict().items()), "the caller's learner was changed"
    allowed = {
        1: not learner.facts.batchable,
        4: learner.facts.ordered,
        5: learner.facts.transductive,
        6: learner.facts.label_order or learner.likelihood.targets != "classes" or learner.likelihood.metric != "accuracy",
        8: learner.facts.gradient == "none",
        12: not hasattr(learner, "update"),
        16: bool(learner.facts.unexportable) or not first(name),
        17: bool(learner.facts.unexportable_adaptation) or not first(name),
    }
    assert set(checks.excused) == {number for number, excused in allowed.items() if excused}


@pytest.mark.parametrize("name", CASES)
def test_a_file_alone_rebuilds_it(name: str) -> None:
    """Point 9 takes what it cannot rebuild for parts of a user's own; of ours there must be none."""
    parts = set(re.findall(r'"(?:opaque|of)": "([^"]*)"', json.dumps(blueprint(CASES[name].make()))))
    assert parts == {"NearestNeighbours, labels": {"Signal"}, "OnMaps": {"Conv2d"}}.get(name, set())


def test_each_class_is_tested_always() -> None:
    assert set(CASES) >= LONG and not any(first(name) for name in LONG)


def test_every_exported_learner_has_a_case() -> None:
    exported = {
        name
        for name in learners.__all__
        if inspect.isclass(getattr(learners, name)) and issubclass(getattr(learners, name), Learner)
    }
    assert exported == {name.split(",")[0] for name in CASES}
