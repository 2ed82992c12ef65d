"""The web application: protocols put together, with keys, limits, errors in one sentence, and metrics."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from quickstudy.errors import LearnerError, QuickstudyError, TaskError, UserError
from quickstudy.serve.bodies import as_json, bearer_of
from quickstudy.serve.direct import direct
from quickstudy.serve.exporting import export_jobs
from quickstudy.serve.limits import Busy, NotAllowed, TooMuch
from quickstudy.serve.open_inference import open_inference
from quickstudy.serve.rest import rest
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.slow_clients import TooSlow, in_time
from quickstudy.serve.stored import Taken, is_full
from quickstudy.storage.artefact import versions

__all__ = ["web"]

_log = logging.getLogger(__name__)
_PAGE = Path(__file__).with_name("page.html")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What the page may load: nothing from elsewhere."""


def web(sessions: Sessions) -> FastAPI:
    """The application, as any ASGI server runs it: ``uvicorn.run(web(sessions))``.

    Keys are asked for as soon as the data base holds one: ``Authorization: Bearer KEY``. Each key sees its own tasks alone.

    Args:
        sessions: what the routes call.
    """
    app = FastAPI(
        title="quickstudy",
        version=versions()["quickstudy"],
        description="Learners adapted to a handful of labelled examples, and asked at once.",
    )
    bearer = HTTPBearer(auto_error=False, description="A key of this server, if it has any.")

    def namespace(request: Request, described: Annotated[Any, Depends(bearer)]) -> str:
        return sessions.database.namespace(bearer_of(request))

    app.include_router(rest(sessions, namespace, bearer))
    app.include_router(export_jobs(sessions, namespace))
    app.include_router(open_inference(sessions, namespace, bearer))
    app.router.routes[:0] = direct(sessions)
    _measured(app)

    @app.get("/", summary="The page", response_class=HTMLResponse, include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers={"Content-Security-Policy": _POLICY})

    for kind, status in _STATUS.items():
        app.add_exception_handler(kind, _handler(status))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(SQLAlchemyError, _unready)
    app.add_middleware(_Bounded, most=sessions.limits.request_bytes, seconds=sessions.limits.seconds)
    return app


_STATUS: dict[type[QuickstudyError], int] = {
    UserError: 400,
    LearnerError: 409,
    TaskError: 404,
    Taken: 409,
    TooMuch: 413,
    TooSlow: 408,
    Busy: 503,
    NotAllowed: 401,
}
"""The status of each kind of error; the nearest kind decides."""


def _said(text: str, status: int) -> Response:
    found = as_json({"error": text}, status)
    found.headers.update({401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(status, {}))
    return found


def _handler(status: int) -> Callable[[Request, Exception], Response]:
    return lambda request, error: _said(str(error), status)


def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError | ValidationError) else []
    first = found[0] if found else {"loc": (), "msg": str(error)}
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return _said(f"{where or 'the body'}: {first['msg']}."[:500], 422)


def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "there is nothing at this address" if error.status_code == 404 else str(error.detail).rstrip(".")
    return _said(f"{text}.", error.status_code)


def _unready(request: Request, error: Exception) -> Response:
    _log.error("the data base failed: %s", type(error).__name__)
    if is_full(error):
        return _said("the disk of the data base is full. Nothing was changed; delete tasks or make room.", 507)
    return _said("the data base cannot be reached now. Nothing was changed; try again.", 503)


def _measured(app: FastAPI) -> None:
    """Counts and times of requests by route, for Prometheus at /metrics."""
    registry = CollectorRegistry()
    app.add_middleware(_Counted, registry=registry)

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=PlainTextResponse)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Counted:
    """Counts and times requests by the route that answered them; of what was asked nothing is kept."""

    def __init__(self, app: Any, registry: CollectorRegistry) -> None:
        self.app, by = app, ["route", "method"]
        self.requests = Counter("quickstudy_requests", "Requests by route, method, status.", [*by, "status"], registry=registry)
        self.seconds = Histogram("quickstudy_request_seconds", "Seconds of requests by route.", by, registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self.requests.labels(route, scope["method"], str(status)).inc()
            self.seconds.labels(route, scope["method"]).observe(time.perf_counter() - began)


class _Bounded:
    """Refuses bodies that are too large, before they are read whole, or too slow."""

    def __init__(self, app: Any, most: int, seconds: float) -> None:
        self.app, self.most, self.seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.most:
            await _said(self._text, 413)(scope, receive, send)
            return
        read, timely = 0, in_time(receive, self.seconds)

        async def bounded() -> Message:
            nonlocal read
            message = await timely()
            read += len(message.get("body", b""))
            if read > self.most:  # where the length was not announced
                raise TooMuch(self._text)
            return message

        await self.app(scope, bounded, send)

    @property
    def _text(self) -> str:
        return f"the body is larger than this server takes ({self.most:,} bytes). Send fewer or smaller examples."
