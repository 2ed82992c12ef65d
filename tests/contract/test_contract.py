"""Every learner keeps the thirteen promises of the contract."""

import inspect

import pytest

from contract.cases import CASES
from quickstudy import learners
from quickstudy.checks import BATTERY, check_learner
from quickstudy.learner import Learner


@pytest.mark.parametrize("name", CASES)
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
    )
    assert sorted([*checks.held, *checks.excused]) == sorted(promise.number for promise in BATTERY) == list(range(1, 14))
    assert type(learner).__name__ == name.split(",")[0] == checks.subject
    assert all(value.equal(before[key]) for key, value in learner.state_dict().items()), "the caller's learner was changed"
    allowed = {
        1: not learner.facts.batchable,
        4: learner.facts.ordered,
        5: learner.facts.transductive,
        6: learner.facts.label_order or learner.likelihood.metric != "accuracy",
        8: learner.facts.gradient == "none",
        12: not hasattr(learner, "update"),
    }
    assert set(checks.excused) == {number for number, excused in allowed.items() if excused}


def test_every_exported_learner_has_a_case() -> None:
    exported = {
        name
        for name in learners.__all__
        if inspect.isclass(getattr(learners, name)) and issubclass(getattr(learners, name), Learner)
    }
    assert exported == {name.split(",")[0] for name in CASES}
