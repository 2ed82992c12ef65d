"""Names of classes: not empty, valid text, no two that differ only in spaces; nearly equal names are reported."""

import logging
from collections import Counter
from collections.abc import Sequence

from quickstudy.errors import DataError

__all__ = ["check_names", "report_near_names"]

_log = logging.getLogger("quickstudy")
_LISTED = 5


def check_names(names: Sequence[str], where: str) -> None:
    """Refuses names that would be confused with another name, or with no name.

    Raises:
        DataError: a name that is empty, no text, no UTF-8, there twice, or equal to another but for spaces.
    """
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{where}: a class is called {name!r}. Give each class a name of its own.")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{where}: the class name {name!r} is no valid UTF-8. Rename it.") from error
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(
            f"{where}: more than one class is called {', '.join(map(repr, twice[:_LISTED]))}. Give each its own name."
        )
    bare: dict[str, str] = {}
    for name in names:
        other = bare.setdefault(" ".join(name.split()), name)
        if other != name:
            raise DataError(f"{where}: {other!r} and {name!r} differ in spaces alone. Write the name of a class in one way.")


def report_near_names(names: Sequence[str], where: str) -> list[tuple[str, str]]:
    """Pairs of names that differ in capitals, underscores or hyphens alone; named in the log, for they may be one class.

    Names of one character are letters as often as not, where capitals are classes of their own.

    >>> report_near_names(["sea_lion", "Sea lion", "a", "A"], "zoo")
    [('sea_lion', 'Sea lion')]
    """
    first: dict[str, str] = {}
    pairs = []
    for name in names:
        if len(name) > 1:
            plain = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
            other = first.setdefault(plain, name)
            if other != name:
                pairs.append((other, name))
    if pairs:
        shown = "; ".join(f"{a!r} and {b!r}" for a, b in pairs[:_LISTED]) + (" …" if len(pairs) > _LISTED else "")
        _log.warning("%s: %d pairs of class names are nearly equal: %s. Are they one class?", where, len(pairs), shown)
    return pairs
