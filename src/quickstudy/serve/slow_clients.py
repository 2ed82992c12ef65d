"""Connections and bodies that come too slowly are ended, so that whoever holds many of them open takes nothing from others."""

import asyncio
import time
from typing import Any

from starlette.types import Message, Receive
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from quickstudy.errors import UserError

__all__ = ["TooSlow", "in_time", "patient"]

_BYTES_A_SECOND = 10_000
_MOST_HEADERS = 65_536


class TooSlow(UserError):
    """A body did not come in time."""


def in_time(receive: Receive, seconds: float) -> Receive:
    """A body must have begun within so many seconds, and then come faster than 10 KB a second.

    Args:
        receive: of an ASGI application.
        seconds: see there.

    Raises:
        TooSlow: it does not.
    """
    began, read, whole = time.monotonic(), 0, False

    async def bounded() -> Message:
        nonlocal read, whole
        if whole:  # what comes now is the end of the connection
            return await receive()
        left = began + seconds + read / _BYTES_A_SECOND - time.monotonic()
        try:
            async with asyncio.timeout(left):
                message = await receive()
        except TimeoutError as error:
            raise TooSlow(f"the body did not come within {seconds:g} seconds. Send it at once.") from error
        read += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message

    return bounded


def patient(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's own protocol, which closes a connection whose next request does not arrive with all its headers in time.

    Args:
        seconds: from the connection, or from the last look at it, of which there is one every so many seconds.
    """

    class Patient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses the class
        _last: Any = None
        _timer: asyncio.TimerHandle | None = None
        _headers = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._timer = self.loop.call_later(seconds, self._look)

        def connection_lost(self, reason: Exception | None) -> None:
            if self._timer is not None:
                self._timer.cancel()
            super().connection_lost(reason)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._headers = self._headers + len(data) if self._waits() else 0
            if self._headers > _MOST_HEADERS and not self.transport.is_closing():
                self.transport.close()

        def _waits(self) -> bool:
            """Whether no request is being answered."""
            return self.cycle is None or bool(self.cycle.response_complete)

        def _look(self) -> None:
            if self._waits() and self._last is self.cycle:
                self.transport.close()
                return
            self._last = self.cycle
            self._timer = self.loop.call_later(seconds, self._look)

    return Patient
