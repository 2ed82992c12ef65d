"""The result of a battery of checks: a table of points, each held or excused; a broken one raises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from quickstudy.errors import ContractError

__all__ = ["Broken", "Checks", "Excused", "Held", "Outcome", "Point", "Promise", "ask"]


@dataclass(frozen=True)
class Held:
    """A promise was kept; ``note`` says how closely."""

    note: str = ""


@dataclass(frozen=True)
class Excused:
    """A promise was not checked, because of a declared fact or because there is nothing to check."""

    note: str


Outcome = Held | Excused


class Broken(Exception):
    """A promise was not kept: what was found, and a remedy where it is closer than the point's own."""

    def __init__(self, found: str, remedy: str = "") -> None:
        super().__init__(found)
        self.found, self.remedy = found, remedy


@dataclass(frozen=True)
class Promise:
    """One point of a battery: its number, the function that checks it (whose docstring states it), the likely remedy."""

    number: int
    ask: Callable[[Any], Outcome]
    remedy: str

    @property
    def words(self) -> str:
        return (self.ask.__doc__ or self.ask.__name__).splitlines()[0].rstrip(".")


@dataclass(frozen=True)
class Point:
    """The outcome of one promise."""

    number: int
    promise: str
    outcome: Literal["held", "excused"]
    note: str


@dataclass(frozen=True)
class Checks:
    """The points of a battery that ``subject`` held or was excused from; prints as a table."""

    subject: str
    points: tuple[Point, ...]

    @property
    def held(self) -> tuple[int, ...]:
        """The numbers of the points that were checked and held."""
        return tuple(point.number for point in self.points if point.outcome == "held")

    @property
    def excused(self) -> dict[int, str]:
        """The reason for each point that was not checked."""
        return {point.number: point.note for point in self.points if point.outcome == "excused"}

    def __str__(self) -> str:
        lines = [f"{point.number:>2}  {point.outcome:<7}  {point.promise} ({point.note})" for point in self.points]
        return "\n".join([f"{self.subject}: {len(self.held)} points held, {len(self.excused)} excused", *lines])


def ask(subject: str, promises: Sequence[Promise], scene: Any) -> Checks:
    """Checks each promise in turn.

    Raises:
        ContractError: the first that is broken: its number and words, the subject, what was measured, the remedy.
    """
    points = []
    for promise in promises:
        head = f"point {promise.number} does not hold for {subject}: {promise.words}"
        try:
            outcome = promise.ask(scene)
        except Broken as broken:
            raise ContractError(f"{head}. Found: {broken.found}. {broken.remedy or promise.remedy}") from None
        except Exception as error:
            reason = str(error).split("\n", 1)[0]
            raise ContractError(f"{head}. Found: {type(error).__name__}: {reason}. {promise.remedy}") from error
        word: Literal["held", "excused"] = "held" if isinstance(outcome, Held) else "excused"
        points.append(Point(promise.number, promise.words, word, outcome.note))
    return Checks(subject, tuple(sorted(points, key=lambda point: point.number)))
