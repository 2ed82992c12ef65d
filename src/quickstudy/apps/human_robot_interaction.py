"""Human–robot interaction: which of two movements a new user wants, from 1 to 20 choices."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choice_methods import fine_tuned, normal_prior, personal, population
from quickstudy.apps.parts.choices import choices
from quickstudy.borders.arguments import shown
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import part_column, parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.learners.bayesian.logistic_mixture import BayesianLogisticRegression
from quickstudy.nn.beside_inputs import BesideInputs
from quickstudy.nn.contrast import Contrast, Squares
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.tasks.worlds.users import TRAITS, SimulatedUsers
from quickstudy.tasks.yes_or_no import YesOrNo

__all__ = ["human_robot_interaction"]

_SHOTS = (1, 3, 5, 10, 20)
_PRIOR, _TUNED = ("normal prior",), ("everybody's model, fine-tuned",)
_PROMISED = {
    shots: ((Promise(0.01, _PRIOR),) if shots <= 5 else ()) + (Promise(0.03 if shots == 1 else 0.05, _TUNED),) for shots in _SHOTS
}
_LEFT, _DRAWS, _TASKS, _LIST = 5, 4, 300, 1000
_USER, _ANSWER = "user", "a_chosen"
_SIDES = ("a_", "b_")


def _recipe(
    *,
    data: Any = "",
    steps: int = 300,
    batch: int = 32,
    lr: float = 2e-2,
    components: int = 3,
    features: int = 16,
    width: int = 32,
    prior: float = 1.0,
) -> Recipe:
    """Bayesian logistic regression of choices, whose features and mixture of priors are meta-trained.

    Args:
        data: a table with the columns user, a_chosen (1 or 0), and a_… and b_… for each trait; users are parted at random.
        steps: outer steps.
        batch: users in an outer step.
        lr: step size of the outer loop, at its peak.
        components: of the prior: habits that users may have.
        features: numbers that the network adds to traits and their squares.
        width: units of the network.
        prior: deviation of each weight at the start.
    """
    if data:
        tables = _tables(data)
        count, kind = _traits(tables.train), tables.train.reads
        train: TaskSource[Any] = Mixture([_tasks(tables.train, shots) for shots in _fitting(tables.train)])
        test: TaskSource[Any] = _tasks(tables.test, _fitting(tables.test)[0])
        val: TaskSource[Any] | None = None
    else:
        tables, count = None, len(TRAITS)
        train, val, test = SimulatedUsers((1, _SHOTS[-1]), 30), SimulatedUsers((1, _SHOTS[-1])), SimulatedUsers(5)
        kind = train.reads
    body = nn.Sequential(Squares(), BesideInputs(MLP(2 * count, (width,), outputs=features), 2 * count, weight=1.0))
    learner = BayesianLogisticRegression(Contrast(body), 2 * count + features, components=components, prior=prior, steps=6)
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=train,
        val=val,
        test=test,
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=min(steps, 100),
        reads=kind,
        read=tables,
    )


def _tasks(part: Table, shots: int) -> YesOrNo:
    return YesOrNo(part.at_least(shots + _LEFT), shots)


def _traits(part: Table) -> int:
    assert isinstance(part.reads, Columns)
    return part.reads.width // 2


def _fitting(part: Table) -> list[int]:
    """The numbers of choices after which a user of this part has enough left to be predicted.

    Raises:
        DataError: there are none.
    """
    most = int(part.counts.max())
    found = [shots for shots in _SHOTS if most >= shots + _LEFT]
    if not found:
        raise DataError(f"{part.name}: no user made {_SHOTS[0] + _LEFT} choices. Give users with more of them.")
    return found


def _tables(data: Any) -> TableSplits:
    """Choices in three parts by user; a trait of both sides is read on one scale."""
    if isinstance(data, TableSplits):
        return data
    called = Path(data).name
    rows = read_table_file(data, as_written=(_USER,))
    names = _checked(rows, called)
    numbers = {f"{side}{name}": _numbers(rows, f"{side}{name}", called) for name in names for side in _SIDES}
    answers = _numbers(rows, _ANSWER, called)
    wrong = np.flatnonzero((answers != 0) & (answers != 1))
    if len(wrong):
        raise DataError(
            f'{called}: the column "{_ANSWER}" has {answers[wrong[0]]:g} in row {wrong[0]} (the first is 0). Give 1 where a was '
            "chosen and 0 where b was."
        )
    users = [str(user) for user in rows[_USER]]
    empty = next((row for row, user in enumerate(users) if not user.strip()), None)
    if empty is not None:
        raise DataError(f'{called}: the column "{_USER}" has no value in row {empty} (the first is 0). Name the user.')
    parts = parts_of({_USER: users}, _USER, (_USER,), (0.6, 0.2, 0.2), 0, called)
    kind = Columns(tuple(_column(side, name, numbers, parts["train"]) for side in _SIDES for name in names))
    chosen = numbers | {_USER: users, _ANSWER: answers, "part": part_column(parts, len(users))}
    found: TableSplits = table(
        chosen, target=_ANSWER, task=_USER, columns=list(kind.names), split="part", reads=kind, name=called
    )
    return found


def _checked(rows: Mapping[str, Any], called: str) -> list[str]:
    """Names of the traits, which both sides have.

    Raises:
        DataError: a column that is missing.
    """
    for name in (_USER, _ANSWER):
        if name not in rows:
            raise DataError(
                f"{called}: there is no column {name!r}. Choices are rows of user, a_chosen (1 or 0), and a_… and b_… for each "
                f"trait; there are {', '.join(rows)}."
            )
    names = {side: [name[2:] for name in rows if name.startswith(side) and name != _ANSWER] for side in _SIDES}
    for side, other in (_SIDES, _SIDES[::-1]):
        alone = next((name for name in names[side] if name not in names[other]), None)
        if alone is not None:
            raise DataError(f"{called}: there is a column {side + alone!r}, but no {other + alone!r}. Give each trait of both.")
    if not names["a_"]:
        raise DataError(f"{called}: no column begins with a_ or b_. Give what describes both, a_speed and b_speed for example.")
    return names["a_"]


def _numbers(rows: Mapping[str, Any], name: str, called: str) -> Any:
    """A column as numbers.

    Raises:
        DataError: one is none; the row is named.
    """
    found = np.full(len(rows[name]), np.nan)
    for row, value in enumerate(rows[name]):
        with contextlib.suppress(TypeError, ValueError):
            found[row] = float(value)
        if not np.isfinite(found[row]):
            given = shown(value) if str(value or "").strip() and value == value else "no value"
            raise DataError(f'{called}: the column "{name}" has {given} in row {row} (the first is 0). Give a number.')
    return found


def _column(side: str, name: str, numbers: Mapping[str, Any], trained: Any) -> Column:
    both = np.concatenate([numbers[f"{each}{name}"][trained] for each in _SIDES])
    return Column(f"{side}{name}", mean=float(both.mean()), deviation=float(both.std()) or 1.0)


def _settings(recipe: Recipe) -> dict[str, Setting]:
    """New users; the first choices are known, and others are predicted. Intervals are by user."""
    found = {}
    for shots in _SHOTS if recipe.read is None else _fitting(recipe.read.test):
        name = f"{shots} choice{'s' if shots > 1 else ''}"
        promises = _PROMISED.get(shots, ())
        if recipe.read is None:
            test = SimulatedUsers(shots)
            plan = test.plan(_TASKS, generator_of(_LIST))
            found[name] = Setting(test, SimulatedUsers(shots), shots, _TASKS, plan, torch.arange(_TASKS), promises=promises)
        else:
            rows = _tasks(recipe.read.test, shots)
            val = _tasks(recipe.read.val, shots) if shots in _fitting(recipe.read.val) else None
            drawn = rows.each(generator_of(_LIST, shots), _DRAWS)
            found[name] = Setting(rows, val, shots, len(drawn), drawn, promises=promises)
    return found


human_robot_interaction = Application(
    name="human-robot-interaction",
    title="Which of two movements a new user wants, from 1 to 20 choices",
    who="Whoever builds robots, vehicles or assistants that move among people and should learn how a new user wants it.",
    bring=(
        "A CSV file, a row a choice, with the columns user, a_chosen (1 where a was chosen, 0 where b was), and for each trait "
        "of the two movements a_NAME and b_NAME, a_speed and b_speed for example: --data choices.csv. Some users made six "
        "choices or more. For a new user the same without user: quickstudy adapt RUN mine.csv --target a_chosen."
    ),
    limits=(
        "It predicts choices between things that are described by numbers, and not by what no number says. Its "
        "own numbers are of simulated users; how far people differ in their choices, and how steady they are, must be measured "
        "with them."
    ),
    data=(
        "Simulated users (tasks.SimulatedUsers): three habits, weights and ideals of each user's own, comfort that saturates, "
        "and choices by chance as Bradley and Terry describe them; six traits a movement."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "normal prior": Baseline(lambda recipe: normal_prior(recipe.train, 1.5)),
        "everybody's model, fine-tuned": Baseline(
            lambda recipe, penalty: fine_tuned(recipe.train, penalty),
            choices(penalty=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0)),
            val_tasks=200,
        ),
        "logistic regression of the user": Baseline(
            lambda recipe, penalty, squares: personal(penalty, squares),
            choices(penalty=(0.003, 0.03, 0.1, 0.3, 1.0, 3.0), squares=(True, False)),
            val_tasks=200,
        ),
        "everybody's model": Baseline(lambda recipe: population(recipe.train), control=True),
    },
    unit="users",
    empty_support=True,
    quick={"steps": 30},
)
"""Human–robot interaction, see docs/applications/human-robot-interaction.md."""
