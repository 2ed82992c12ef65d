"""What one request may hold, and the errors that say so."""

from dataclasses import dataclass

from quickstudy.errors import UserError

__all__ = ["Busy", "Limits", "NotAllowed", "TooMuch"]


class TooMuch(UserError):
    """A request holds more than the server takes."""


class Busy(UserError):
    """Too many others wait already."""


class NotAllowed(UserError):
    """No key, or one that is not known."""


@dataclass(frozen=True)
class Limits:
    """What one request may hold.

    Args:
        request_bytes: of its body.
        examples: of a support set, with those added later.
        ways: classes of a task.
        queries: of one request.
        text: characters of a text or of a label.
        adapting: adaptations at the same time; others wait.
        waiting: requests that may wait for an adaptation; more are turned away.
        exports: exports that may wait in one process.
        seconds: within which the headers of a request, and the beginning of its body, must have come.
    """

    request_bytes: int = 50_000_000
    examples: int = 2_000
    ways: int = 500
    queries: int = 1_000
    text: int = 20_000
    adapting: int = 2
    waiting: int = 200
    exports: int = 50
    seconds: float = 30.0

    def check(self, what: str, count: int, most: int) -> None:
        """Refuses more than the server takes.

        Raises:
            TooMuch: it says the limit.
        """
        if count > most:
            raise TooMuch(f"{count:,} {what} are more than this server takes ({most:,}).")
