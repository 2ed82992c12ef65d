"""Dialog: which of ten utterances a new speaker says next, after 1, 5 or 8 utterances of that speaker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.optim import AdamW

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.dialogue_methods import DIALOGUE_METHODS
from quickstudy.apps.parts.dialogues import own_dialogues, persona_chats
from quickstudy.datasets.exchanges import Exchanges, ExchangeSplits
from quickstudy.datasets.manifest import digest_of_files
from quickstudy.errors import TaskError
from quickstudy.learners.metric.personal_ranker import PersonalRanker
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.choices import Choices

__all__ = ["dialog"]

_SHOTS = (1, 5, 8)
_DRAWS, _LIST = 2, 1000


def _recipe(
    *,
    data: Any = "",
    encoding: str = "utf-8",
    most: int = 0,
    steps: int = 300,
    batch: int = 16,
    lr: float = 3e-3,
    width: int = 96,
) -> Recipe:
    """A scorer of anybody's replies, and around it what the speaker said before, on features of MiniLM.

    Args:
        data: dialogues of your own, JSON lines; speakers are parted at random.
        encoding: of the file.
        most: only the first so many speakers of each part, so that less is computed; 0 takes all.
        steps: outer steps.
        batch: speakers in an outer step.
        lr: step size of the outer loop, at its peak.
        width: numbers in which utterances are compared.
    """
    if isinstance(data, ExchangeSplits):
        parts, digest = data, ""
    elif data:
        parts, digest = own_dialogues(data, encoding=encoding), digest_of_files([Path(data)], Path(data).parent)
    else:
        parts, digest = persona_chats(most), ""
    learner = PersonalRanker(features=parts.train.said.shape[1], width=width)
    optimizer = AdamW(learner.parameters(), lr, weight_decay=1e-2)
    return Recipe(
        learner=learner,
        train=Choices(parts.train, (1, min(_SHOTS[-1], _fitting(parts.train)[-1]))),
        val=Choices(parts.val, _fitting(parts.val)[-1]),
        test=Choices(parts.test, _fitting(parts.test)[0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 3),
        val_tasks=200,
        digest=digest,
        read=parts,
    )


def _fitting(part: Exchanges) -> list[int]:
    """The numbers of known utterances that some speaker has.

    Raises:
        TaskError: none has one, or there are too few utterances of others.
    """
    found: list[int] = []
    for shots in _SHOTS:
        try:
            Choices(part, shots)
        except TaskError:
            if not found:
                raise
            break
        found.append(shots)
    return found


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """Every meta-test speaker with enough utterances, twice: some at random are known, those of one dialogue are predicted."""
    parts = recipe.read
    found = {}
    for shots in _fitting(parts.test):
        test = Choices(parts.test, shots)
        val = Choices(parts.val, shots) if shots in _fitting(parts.val) else None
        plan = test.each(_LIST + shots, _DRAWS)
        promises = (Promise(over=("before adaptation",)),) if shots > 1 else ()
        name = f"{shots} utterance{'s' if shots > 1 else ''}"
        found[name] = Setting(test, val, shots, len(plan), plan, units=plan.owners, promises=promises)
    return found


dialog = Application(
    name="dialog",
    title="Which of ten utterances a new speaker says next, from 1, 5 and 8 utterances of that speaker",
    who="You suggest replies (keyboards, customer service, games), and each user or character has a way and a life of their own.",
    bring=(
        'Dialogues as JSON lines, {"turns": [["ann", "hello"], ["bob", "hi, who is it?"]]}, in English, with ten '
        "speakers or more who are in two dialogues or more."
    ),
    limits=(
        "It chooses among given utterances, and writes none. Utterances of fewer than 25 letters and the first two turns of a "
        "dialogue are no candidates."
    ),
    data=(
        "Synthetic-Persona-Chat (Jandaghi et al., 2023, CC BY 4.0): personas written by people, dialogues written by a language "
        "model. It is no human talk."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=DIALOGUE_METHODS,
    unit="speakers",
    empty_support=True,
    quick={"steps": 20, "most": 12},
)
