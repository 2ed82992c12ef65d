"""Named entities: mark mentions of types that no training has met, from one, five or ten sentences of each type."""

import logging
from collections.abc import Mapping
from pathlib import Path

from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.entities import QUERIES, backbone, crossner, most_shots, own_entities, settings_of, snips
from quickstudy.apps.parts.entity_methods import ENTITY_METHODS
from quickstudy.datasets.manifest import digest_of_files
from quickstudy.datasets.tagged_words import TaggedSplits, TaggedWords
from quickstudy.errors import DataError
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.learners.wrappers.abstract_transitions import AbstractTransitions
from quickstudy.learners.wrappers.on_words import OnWords
from quickstudy.metrics.spans import span_f1, span_precision, span_recall
from quickstudy.nn.principal_map import PrincipalMap
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.tagging import Tagging

__all__ = ["named_entities"]

_log = logging.getLogger(__name__)

_WAYS = 5
_AXES = 192
_AGAIN = 3.0
"""The transition to the same type again, at the start."""

_SHOTS = (1, 5)
_FASTER = 20.0
"""Step size of the numbers of the head and of the chain, over that of the map."""


def _recipe(
    *,
    data: str = "",
    encoding: str = "utf-8",
    alone: bool = False,
    most: int = 0,
    steps: int = 60,
    lr: float = 1e-3,
    penalty: float = 0.1,
    balance: float = 0.5,
    fold: int = 0,
) -> Recipe:
    """Logistic regression by shots of MiniLM's states, in a chain with abstract transitions, on types of CrossNER or SNIPS.

    Args:
        data: marked sentences of your own: JSON lines with tokens and spans, or a word a line with its tag; types and sentences
            are parted into meta-training, meta-validation and meta-test.
        encoding: of the file.
        alone: train on your file alone, without the types of CrossNER beside it.
        most: only the first so many sentences of each domain, so that less is computed; 0 takes all.
        steps: outer steps.
        lr: step size of the outer loop, at its peak.
        penalty: of the logistic regression at the start.
        balance: how much words of rare types count for more: 0 not at all, 1 so that all types weigh the same.
        fold: 0 is meta-tested on CrossNER, 1 on SNIPS; without ``data``.
    """
    if data:
        parts = own_entities(data, encoding=encoding)
        trained = [parts.train] if alone else [crossner(most).train, parts.train]
        digest = digest_of_files([Path(data)], Path(data).parent)
    else:
        parts = _known(fold, most)
        trained, digest = [parts.train], ""
    steps = 1 if fold and not parts.test.name.startswith("snips") else steps  # a fold that has no rows
    practice = Mixture([_tasks(part, _SHOTS, 1) for part in trained])
    val = Mixture([_tasks(parts.val, shots) for shots in _SHOTS])
    axes = PrincipalMap.fitted(trained[0].index(20_000), _AXES)
    learner = AbstractTransitions(
        OnWords(backbone(), LogisticByShots(axes, penalty=penalty, scale=1.0, balance=balance)), again=_AGAIN
    )
    maps = list(axes.parameters())
    numbers = [each for each in learner.parameters() if each.requires_grad and not any(each is other for other in maps)]
    optimizer = AdamW([{"params": maps, "lr": lr}, {"params": numbers, "lr": _FASTER * lr, "weight_decay": 0.0}])
    return Recipe(
        learner,
        practice,
        val,
        _tasks(parts.test, 1),
        optimizer,
        steps=steps,
        batch=2,
        schedule=OneCycleLR(optimizer, [lr, _FASTER * lr], total_steps=max(2, steps)),
        clip=10.0,
        validate_every=max(1, steps // 3),
        val_tasks=30,
        reads=backbone().reads,
        became={"fold": fold} if fold else {},
        digest=digest,
        metric=span_f1,
    )


def _known(fold: int, most: int) -> TaggedSplits:
    """CrossNER comes with the package; where SNIPS is not there, its fold is CrossNER again, and has no rows."""
    if not fold:
        return crossner(most)
    try:
        return snips(most)
    except DataError as missing:
        _log.warning("without the slots of SNIPS: %s", missing)
        return crossner(most)


def _tasks(part: TaggedWords, shots: int | tuple[int, int], queries: int = QUERIES) -> Tagging:
    """Five types a task, of those that have sentences enough."""
    low, high = (shots, shots) if isinstance(shots, int) else shots
    most = min(high, most_shots(part))
    enough = part.frequent(most + QUERIES)
    return Tagging(enough, min(_WAYS, len(enough.types)), (min(low, most), most), queries)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """New types of new domains, one, five and ten sentences of each; new slots of new intents."""
    source, val = recipe.test, recipe.val
    assert isinstance(source, Tagging) and isinstance(val, Mixture) and isinstance(val.sources[0], Tagging)
    parts = source.words, val.sources[0].words
    name = source.words.name.removesuffix("/test")
    if name not in _TABLE:
        return {} if recipe.became.get("fold") else settings_of(*parts, "", (1, 5, 10))
    if name == "crossner" and recipe.became.get("fold"):
        return {}  # without SNIPS
    title, shots, promises = _TABLE[name]
    return settings_of(*parts, title, shots, promises)


_TABLE: Mapping[str, tuple[str, tuple[int, ...], Mapping[int, tuple[Promise, ...]]]] = {
    "crossner": ("entities", (1, 5), {1: (Promise(0.015),), 5: (Promise(0.015),)}),
    "snips": ("slots", (1, 5, 10), {5: (Promise(0.03),), 10: (Promise(0.03),)}),
}
"""What types are called, sentences of each, and what is promised by their number."""

named_entities = Application(
    name="named-entities",
    title="Mentions in sentences of new types (entities, slots), from 1, 5 and 10 sentences of each",
    who="You mark mentions in English sentences (names, products, slots of commands), and new types come up.",
    bring=(
        'JSON lines, {"tokens": ["play", "Miles", "Davis"], "spans": [[1, 3, "artist"]]}, or a word a line with its tag (CoNLL: '
        "O, B-artist, I-artist) and an empty line behind each sentence. One sentence of each type is enough to use the trained "
        "learner on it (quickstudy adapt). To meta-train on your own, 6 types with 3 sentences or more are needed."
    ),
    limits=(
        "English, sentences of up to about 120 words, mentions that do not overlap; two of one type side by side count as one. "
        "In running text most mentions are still wrong or missed with five sentences of each type: it proposes, somebody checks. "
        "Commands to assistants are easier. It was not compared with a fine-tuned transformer."
    ),
    data=(
        "CrossNER (Liu et al., 2021, MIT; sentences of Wikipedia, CC BY-SA 3.0) comes with the package. SNIPS (Coucke et al., "
        "2018) does not, because the copy states no licence; without it its rows are left out."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=ENTITY_METHODS,
    unit="types",
    metric=span_f1,
    metrics=(span_precision, span_recall),
    folds=2,
    quick={"steps": 4, "most": 40},
)
