"""How many classes the three parts of a split get, and how many are needed for that."""

import itertools

from quickstudy.errors import DataError

__all__ = ["USUAL", "check_enough_classes", "cuts_of", "fewest_classes"]

_MOST = 10_000
USUAL = (0.6, 0.2, 0.2)
"""Fractions of the classes for meta-training, meta-validation and meta-test."""


def cuts_of(count: int, fractions: tuple[float, float, float]) -> list[int]:
    """Where the parts of ``count`` things in a row begin and end, (4,).

    Raises:
        DataError: fractions that do not add up to 1.

    >>> cuts_of(10, (0.6, 0.2, 0.2))
    [0, 6, 8, 10]
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"fractions={fractions} must be three numbers that add up to 1.")
    return [round(sum(fractions[:n]) * count) for n in range(4)]


def _smallest(count: int, fractions: tuple[float, float, float]) -> int:
    return min(high - low for low, high in itertools.pairwise(cuts_of(count, fractions)))


def fewest_classes(fractions: tuple[float, float, float] = USUAL) -> int:
    """How many classes are needed so that each part has two; 0 where no number is enough.

    >>> fewest_classes(), fewest_classes((0.5, 0.25, 0.25))
    (9, 8)
    """
    if _smallest(_MOST, fractions) < 2:
        return 0
    return next(count for count in range(6, _MOST + 1) if _smallest(count, fractions) >= 2)


def check_enough_classes(count: int, fractions: tuple[float, float, float], what: str, adapt: str = "") -> None:
    """Refuses too few classes.

    Args:
        count: of classes.
        fractions: of the parts.
        what: has the classes, for messages.
        adapt: what ``quickstudy adapt`` calls such data, where it can tell classes apart without meta-training.

    Raises:
        DataError: a part would have fewer than two classes.
    """
    if _smallest(count, fractions) >= 2:
        return
    fewest = fewest_classes(fractions)
    if not fewest:
        raise DataError(f"fractions={fractions} leave a part without classes. Give other fractions.")
    instead = f" To tell these {count} apart without meta-training: quickstudy adapt {adapt}." if adapt else ""
    raise DataError(
        f"{what} has {count} classes. To meta-train, they are parted by {fractions}, and each part needs two: at least {fewest} "
        f"classes are needed. Give more{'' if fractions == USUAL else ', or other fractions'}.{instead}"
    )
