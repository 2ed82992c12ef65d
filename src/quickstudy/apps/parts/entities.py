"""Sentences with entities for applications: CrossNER, SNIPS and files of one's own, as words with states, parted by types."""

import functools
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from quickstudy.apps.application import Setting
from quickstudy.datasets.class_parts import USUAL
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.tagged_file import Tagged, read_tagged
from quickstudy.datasets.tagged_words import TaggedSplits, TaggedWords
from quickstudy.datasets.word_states import word_states
from quickstudy.errors import DataError
from quickstudy.nn.backbones.catalogue import build
from quickstudy.nn.frozen import Frozen
from quickstudy.reports.promise import Promise
from quickstudy.tasks.tagging import Tagging

__all__ = ["QUERIES", "backbone", "crossner", "most_shots", "own_entities", "settings_of", "snips"]

QUERIES = 2
"""Sentences of each type in a task's query set."""

_PIECES, _TASKS = 192, 80
_LEAST, _FEWEST_TYPES = 8, 6
"""Sentences of a type of our own data, and types of a file of one's own."""
_INTENTS = {
    "train": ("AddToPlaylist", "BookRestaurant", "SearchCreativeWork"),
    "val": ("GetWeather", "RateBook"),
    "test": ("PlayMusic", "SearchScreeningEvent"),
}
_DOMAINS = {"train": ("politics", "science"), "val": ("music",), "test": ("literature", "ai")}


@functools.cache
def backbone() -> Frozen:
    """MiniLM, of whose layers 6 and 3 the states of words are joined.

    Raises:
        MissingExtra: its weights are not installed.
    """
    network = build("minilm", tokens=True, length=_PIECES)
    assert isinstance(network, Frozen)
    return network


@functools.cache
def crossner(most: int = 0) -> TaggedSplits:
    """CrossNER: other types in other sentences of other domains for each part.

    Args:
        most: only the first so many sentences of each domain; 0 takes all.
    """
    types = _split("crossner_by_type")
    return _parted("crossner", _first("crossner", most), _DOMAINS, types)


@functools.cache
def snips(most: int = 0) -> TaggedSplits:
    """SNIPS: the slots of other intents for each part, without those that an earlier part has.

    Args:
        most: only the first so many sentences of each intent; 0 takes all.
    """
    sentences = _first("snips_slots", most)
    types: dict[str, list[str]] = {}
    for part in TaggedSplits._fields:
        met = {name for each in sentences if each.group in _INTENTS[part] for _, _, name in each.spans}
        types[part] = sorted(met - {name for earlier in types.values() for name in earlier})
    return _parted("snips", sentences, _INTENTS, types)


def own_entities(path: str, *, encoding: str = "utf-8") -> TaggedSplits:
    """A file of one's own: its types are parted at random, and a sentence goes to the part of the rarest type that it has.

    Raises:
        DataError: what is wrong with the file, or too few types.
    """
    sentences = read_tagged(path, encoding=encoding)
    counts = Counter(name for sentence in sentences for name in {kind for _, _, kind in sentence.spans})
    enough = sorted(name for name, count in counts.items() if count >= 1 + QUERIES)
    if len(enough) < _FEWEST_TYPES:
        listed = ", ".join(f"{name} ({count})" for name, count in counts.most_common(8))
        raise DataError(
            f"{path}: {len(enough)} types are in {1 + QUERIES} sentences or more; to part them into meta-training, "
            f"meta-validation and meta-test, {_FEWEST_TYPES} are needed. There are: {listed}. Mark more; to use a learner that "
            "is trained already on your types: quickstudy adapt."
        )
    random.Random(0).shuffle(enough)
    few = max(2, round(len(enough) * USUAL[1]))
    types = dict(zip(TaggedSplits._fields, (enough[2 * few :], enough[:few], enough[few : 2 * few]), strict=True))
    part_of = {name: part for part, names in types.items() for name in names}
    rows: dict[str, list[int]] = {part: [] for part in types}
    for number, sentence in enumerate(sentences):
        met = [kind for _, _, kind in sentence.spans if kind in part_of]
        rows[part_of[min(met, key=counts.__getitem__)] if met else "train"].append(number)
    name = Path(path).name.split(".")[0]
    whole = _words(name, sentences)
    found = TaggedSplits(*[whole.select(sorted(types[part]), rows[part], f"{name}/{part}") for part in types])
    for part in found:
        if most_shots(part) < 1:
            lacking = ", ".join(f"{kind} ({len(having)})" for kind, having in zip(part.types, part.having, strict=True))
            raise DataError(
                f"{path}: sentences with several types went to the part of the rarest, and too few are left in {part.name}: "
                f"{lacking}. Each part needs two types in {1 + QUERIES} sentences or more. Mark more sentences."
            )
    return found


def most_shots(part: TaggedWords) -> int:
    """Sentences of each type that a support set of two types or more can have, beside those of the queries."""
    return sorted(len(rows) for rows in part.having)[-2] - QUERIES


def settings_of(
    test: TaggedWords,
    val: TaggedWords,
    title: str,
    shots: Sequence[int],
    promises: Mapping[int, tuple[Promise, ...]] | None = None,
    ways: int = 5,
) -> dict[str, Setting]:
    """Tasks of new types by the number of sentences of each; sizes for which there are too few sentences are left out."""
    found = {}
    for k in shots:
        if min(most_shots(test), most_shots(val)) >= k:
            parts = [part.frequent(k + QUERIES) for part in (test, val)]
            of_test, of_val = (Tagging(part, min(ways, len(part.types)), k, QUERIES) for part in parts)
            named = f"{title}, " if title else ""
            found[f"{named}{of_test.ways} types, {k} sentence{'s' if k > 1 else ''} of each"] = Setting(
                of_test, of_val, size=k, tasks=_TASKS, promises=(promises or {}).get(k, ())
            )
    return found


def _split(name: str) -> Mapping[str, Sequence[str]]:
    found: Mapping[str, Sequence[str]] = json.loads(shipped("entities/splits.json").read_text(encoding="utf-8"))[name]
    return found


def _first(name: str, most: int) -> list[Tagged]:
    """The sentences of a file, or the first so many of each group."""
    met: dict[str, int] = {}
    kept = []
    for sentence in read_tagged(shipped(f"entities/{name}.jsonl.gz")):
        met[sentence.group] = met.get(sentence.group, 0) + 1
        if not most or met[sentence.group] <= most:
            kept.append(sentence)
    return kept


def _words(name: str, sentences: Sequence[Tagged]) -> TaggedWords:
    types = sorted({kind for sentence in sentences for _, _, kind in sentence.spans})
    states = word_states(name, [sentence.words for sentence in sentences], backbone())
    return TaggedWords(states, sentences, tuple(types), name, reads=None)


def _parted(
    name: str, sentences: Sequence[Tagged], groups: Mapping[str, Sequence[str]], types: Mapping[str, Sequence[str]]
) -> TaggedSplits:
    whole, parts = _words(name, sentences), []
    for part in TaggedSplits._fields:
        rows = [number for number, sentence in enumerate(sentences) if sentence.group in groups[part]]
        parts.append(whole.select(types[part], rows, f"{name}/{part}", least=_LEAST))
    return TaggedSplits(*parts)
