"""The mentions that a predictor of words finds in sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from quickstudy.errors import LearnerError, UserError
from quickstudy.functional.spans import decoded, spans
from quickstudy.inputs.sentences import Sentences
from quickstudy.learner import Predictor
from quickstudy.use.queries import Query, fault_of

__all__ = ["Marked", "Mention", "marked", "told"]


@dataclass(frozen=True)
class Mention:
    """Some words of a sentence that are of a type.

    Args:
        first: number of the first word, from 0.
        last: one past that of the last word.
        type: of the mention.
        text: its words.
        probability: of the type, the least of its words.
    """

    first: int
    last: int
    type: str
    text: str
    probability: float


@dataclass(frozen=True)
class Marked:
    """A sentence with its mentions, or what is wrong with it.

    Args:
        place: of the query.
        words: of the sentence.
        mentions: in order.
        fault: what is wrong; then there is nothing else.
    """

    place: str
    words: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    fault: UserError | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON for other programs; ``spans`` as the files of `datasets.tagged_file` have them."""
        found = [[each.first, each.last, each.type] for each in self.mentions]
        sure = [round(each.probability, 4) for each in self.mentions]
        return {"input": self.place, "tokens": list(self.words), "spans": found, "probabilities": sure}


def marked(predictor: Predictor, queries: Iterable[Query]) -> Iterator[Marked]:
    """The mentions in each sentence; each line of a text is one.

    Args:
        predictor: of words, its first class is "outside".
        queries: of texts, or of lists of words.

    Raises:
        LearnerError: the predictor reads no sentences.
    """
    if not isinstance(predictor.reads, Sentences):
        raise LearnerError("this predictor reads no sentences. Use quickstudy.use.answers.")
    for query in queries:
        if query.fault is not None:
            yield Marked(query.place, fault=query.fault)
            continue
        lines = [line for line in query.thing.splitlines() if line.strip()] if isinstance(query.thing, str) else [query.thing]
        for number, line in enumerate(lines or [query.thing], 1):
            place = query.place if len(lines) < 2 else f"{query.place} line {number}"
            yield _marked(predictor, predictor.reads, Query(place, line))


def _marked(predictor: Predictor, reads: Sentences, query: Query) -> Marked:
    try:
        words = tuple(reads.words(query.thing))
        x = reads.batch([words])
    except UserError as error:
        return Marked(query.place, fault=fault_of(query, error))
    outputs = predictor(x)
    sure, names = predictor.learner.stated.mean(outputs), predictor.classes or tuple(map(str, range(outputs.shape[1])))
    found = sorted(spans(decoded(outputs, x["unit"], "io"), x["unit"], "io"))
    mentions = [
        Mention(s.first, s.last, names[s.type], " ".join(words[s.first : s.last]), float(sure[s.first : s.last, s.type].min()))
        for s in found
    ]
    return Marked(query.place, words, tuple(mentions))


def told(found: Sequence[Mention]) -> str:
    """Mentions in a line of words."""
    return ", ".join(f"{each.text} ({each.type} {each.probability:.2f})" for each in found) or "none"
