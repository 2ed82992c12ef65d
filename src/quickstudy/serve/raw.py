"""Examples and queries as a request holds them, turned into a support set and into inputs by the learner's own record."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from quickstudy.errors import DataError
from quickstudy.functional.spelling import codes_of
from quickstudy.functional.tree import stack
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.inputs.word_forms import WordForms
from quickstudy.learner import Learner
from quickstudy.serve.limits import Limits
from quickstudy.task import Examples, Inputs
from quickstudy.use.queries import Query, fault_of

__all__ = ["examples_of", "inputs_of", "key_of", "thing_of", "things_of"]

_TARGETS = {"classes": "label", "values": "target", "labels": "labels"}


def key_of(reads: InputKind) -> str:
    """Under which name a request holds a raw thing of this kind.

    >>> from quickstudy.inputs.texts import Texts
    >>> key_of(Texts(width=8))
    'text'
    """
    return "image" if isinstance(reads, Images) else "row" if isinstance(reads, Columns) else "text"


def thing_of(found: Mapping[str, Any], reads: InputKind, where: str, limits: Limits, target: str = "") -> Any:
    """The raw thing of one example or query: a text, a row, or the bytes of an image (in JSON as base64).

    Args:
        found: the example or query.
        reads: of the learner.
        where: for messages.
        limits: of a request.
        target: what else an example has; a query has nothing else.

    Raises:
        DataError: it is not there, or is none.
        TooMuch: the text is too long.
    """
    key = key_of(reads)
    if key not in found:
        raise DataError(f"{where} has no {key!r}, which this learner reads. It has: {', '.join(map(repr, found)) or 'nothing'}.")
    if other := next((name for name in found if name not in (key, target)), None):
        raise DataError(f"{where} has {other!r:.60}, which is not read here. Give {key!r}{f' and {target!r}' if target else ''}.")
    thing = found[key]
    if key == "image":
        return thing if isinstance(thing, bytes) else _bytes_of(thing, where)
    if key == "row":
        if not isinstance(thing, Mapping):
            raise DataError(f"{where}: a row is an object with a value for each column, not a {type(thing).__name__}.")
        return dict(thing)
    if not isinstance(thing, str):
        raise DataError(f"{where}: a text is a string, not a {type(thing).__name__}.")
    limits.check("characters of a text", len(thing), limits.text)
    return thing


def _bytes_of(thing: Any, where: str) -> bytes:
    if not isinstance(thing, str):
        raise DataError(f"{where}: an image is the base64 text of its file, not a {type(thing).__name__}.")
    text = thing.partition(",")[2] if thing.startswith("data:") else thing
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"{where}: the image is no base64 text of a file ({error}).") from error


def inputs_of(found: Sequence[Mapping[str, Any]], reads: InputKind, limits: Limits) -> Inputs:
    """Queries as rows of inputs.

    Raises:
        DataError: it says which query cannot be read, and why.
    """
    _some(found, limits)
    return _rows(found, reads, "query", limits)


def things_of(found: Sequence[Mapping[str, Any]], reads: InputKind, limits: Limits) -> list[Any]:
    """Queries as raw things, as ``reads.batch`` takes them.

    Raises:
        DataError: there is none, or one lacks what is read.
        TooMuch: more than the server takes.
    """
    _some(found, limits)
    _one_each(reads)
    return [thing_of(each, reads, f"query {number}", limits) for number, each in enumerate(found, 1)]


def _some(found: Sequence[Any], limits: Limits) -> None:
    if not found:
        raise DataError("there is no query. Give one or more.")
    limits.check("queries", len(found), limits.queries)


def _one_each(reads: InputKind) -> None:
    if reads.parts:
        raise DataError(
            f"the server answers one thing at a time, and this predictor answers {reads.parts} of {reads.things}, many of each. "
            "Use quickstudy predict."
        )


def _rows(found: Sequence[Mapping[str, Any]], reads: InputKind, what: str, limits: Limits, target: str = "") -> Inputs:
    """Inputs of raw things, read in one call; where one cannot be read, one by one, so that the error says which."""
    _one_each(reads)
    try:
        return reads.batch([thing_of(each, reads, what, limits, target) for each in found])
    except DataError:
        return stack([_read(each, reads, f"{what} {number}", limits, target) for number, each in enumerate(found, 1)])


def _read(found: Mapping[str, Any], reads: InputKind, where: str, limits: Limits, target: str = "") -> Inputs:
    thing = thing_of(found, reads, where, limits, target)
    try:
        return reads(thing)
    except DataError as error:
        raise fault_of(Query(where, thing), error) from error


def examples_of(
    found: Sequence[Mapping[str, Any]], learner: Learner[Any], limits: Limits, *, known: Sequence[str] | None = None
) -> tuple[Examples, tuple[str, ...] | None]:
    """A support set and the names of its classes (or labels), in the order in which they come.

    Args:
        found: examples, each with a raw thing and its target.
        learner: that is to be adapted, with its ``reads``.
        limits: of a request.
        known: names that come first, where examples are added to others.

    Raises:
        DataError: it says which example is wrong, and why.
        TooMuch: more examples or classes than the server takes.
    """
    reads, targets = learner.reads, learner.likelihood.targets
    assert reads is not None
    key = _TARGETS[targets]
    if not found:
        raise DataError("there are no examples. Give one or more of each class.")
    limits.check("examples", len(found), limits.examples)
    x, answers = _rows(found, reads, "example", limits, key), []
    if isinstance(reads, SentenceChoices | WordForms):
        forms = [reads.spelled(each.get(key), f"example {number}: the target") for number, each in enumerate(found, 1)]
        return Examples(x, codes_of(forms, reads.length).to(torch.get_default_dtype()), torch.ones(len(forms))), None
    for number, each in enumerate(found, 1):
        where = f"example {number}"
        if key not in each:
            raise DataError(f"{where} has no {key!r}: this learner predicts {targets}.")
        answers.append(_target(each[key], targets, where, limits))
    if targets == "values":
        width = {len(answer) for answer in answers}
        if len(width) > 1:
            raise DataError(f"examples have {min(width)} and {max(width)} numbers as targets. Give each as many.")
        return Examples.of(x, torch.tensor(answers, dtype=torch.get_default_dtype()), kind="values"), None
    names = list(dict.fromkeys([*(known or ()), *(name for answer in answers for name in answer)]))
    limits.check("classes", len(names), limits.ways)
    y = torch.zeros(len(answers), len(names))
    for row, answer in enumerate(answers):
        for name in answer:
            y[row, names.index(name)] = 1
    return Examples(x, y, torch.ones(len(answers))), tuple(names)


def _target(found: Any, targets: str, where: str, limits: Limits) -> list[Any]:
    if targets == "values":
        numbers = found if isinstance(found, list) else [found]
        if not numbers or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
            raise DataError(f"{where}: the target is a number or a list of numbers, not {found!r:.60}.")
        try:
            return [float(number) for number in numbers]
        except OverflowError as error:
            raise DataError(f"{where}: the target {numbers!r:.60} is too large for a decimal number.") from error
    names = found if targets == "labels" else [found]
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        what = "a list of names" if targets == "labels" else "the name of a class, a text that is not empty"
        raise DataError(f"{where}: {_TARGETS[targets]} is {what}, not {found!r:.60}.")
    for name in names:
        limits.check("characters of a label", len(name), limits.text)
    return names
