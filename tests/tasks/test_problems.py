"""Sources of problems of optimization."""

import torch

from quickstudy import evaluate
from quickstudy.checks import check_source
from quickstudy.likelihood import Gaussian
from quickstudy.tasks import Quadratics, Sinusoid, Unsplit
from quickstudy.tasks.source import generator_of


def test_they_keep_the_promises_of_sources() -> None:
    for source in (Quadratics(4), Unsplit(Sinusoid(6))):
        assert len(check_source(source).points) == 7


def test_a_quadratic_is_its_definition() -> None:
    source = Quadratics(4)
    plan = source.plan(3, generator_of(0))
    task = source.gather(plan)
    theta = torch.randn(4)
    for n in range(3):
        support = task[n].support
        loss = Gaussian().score(support.x @ theta[:, None], support.y, support.mask)
        torch.testing.assert_close(loss, (plan.w[n] @ theta - plan.y[n]).square().sum() / 4)
    assert torch.equal(task.query.x, task.support.x) and torch.equal(task.query.y, task.support.y)
    many = source.plan(4000, generator_of(1))
    for drawn in (many.w, many.y):
        assert abs(float(drawn.mean())) < 0.03 and abs(float(drawn.std()) - 1) < 0.03


def test_the_oracle_finds_the_minimum() -> None:
    assert evaluate(Quadratics.oracle, Quadratics(10), tasks=50).mean < 1e-8


def test_unsplit_tasks_are_asked_what_they_were_told() -> None:
    inner = Sinusoid(6, 9)
    plan = inner.plan(2, generator_of(0))
    task, before = Unsplit(inner).gather(plan), inner.gather(plan)
    assert torch.equal(task.support.x, before.support.x) and torch.equal(task.query.y, before.support.y)
    assert Unsplit(inner).digest(plan) != inner.digest(plan)
    assert Unsplit(inner).name != inner.name
