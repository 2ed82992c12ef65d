"""Requests and answers over HTTP: bodies as JSON within bounds or as forms, questions on their way to the learner's thread."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from quickstudy.errors import DataError
from quickstudy.serve.asking import Answered, Question
from quickstudy.serve.raw import key_of
from quickstudy.serve.served import Served
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.stored import Bearer
from quickstudy.storage.plain_json import parsed

__all__ = ["answered", "as_file", "as_json", "bearer_of", "body_of", "json_of"]

Body = TypeVar("Body", bound=BaseModel)

_MOST_PARTS = 5_000


def as_json(content: Any, status: int = 200) -> Response:
    """An answer: one line of JSON, in ASCII, so that whatever a message quotes can be written."""
    return Response(json.dumps(content, separators=(",", ":")), status, media_type="application/json")


def as_file(content: bytes, name: str) -> Response:
    """An answer that a browser saves under this name."""
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="application/octet-stream", headers=named)


async def json_of(request: Request, kind: type[Body]) -> Body:
    """The body of a request, which must be JSON.

    Raises:
        DataError: it is none.
        ValidationError: it lacks something, or has something that is not known.
    """
    media = _media(request)
    if media not in ("application/json", ""):
        raise DataError(f"a body of type {media!r} is not read here. Send application/json.")
    raw = await request.body()
    try:
        found = parsed(raw, most_bytes=len(raw))
    except ValueError as error:
        raise DataError(f"the body is no JSON that can be read ({error}).") from error
    if not isinstance(found, dict):
        raise DataError("the body is no object. Send {" + f'"{_first(kind)}": […]' + "}.")
    return kind.model_validate(found)


async def body_of(request: Request, kind: type[Body], served: Served) -> Body:
    """The body of a request: JSON, or a form whose parts are files or texts, each named by its label (or "queries").

    Raises:
        DataError: it is neither.
        ValidationError: it lacks something, or has something that is not known.
    """
    if _media(request) == "multipart/form-data":
        return kind.model_validate(await _form(request, kind, served))
    return await json_of(request, kind)


async def answered(sessions: Sessions, learner: str, question: Question, request: Request) -> Answered:
    """The answer to a question: without a thread of its own where the request is so small that it is read fast.

    Raises:
        UserError: what is wrong with it.
    """
    asking = sessions.asking(learner)
    size = request.headers.get("content-length", "")
    if size.isdigit() and asking.light(int(size)):
        return await asyncio.wrap_future(asking.soon(question))
    who = question.who
    whose = await run_in_threadpool(sessions.database.namespace, who) if isinstance(who, Bearer) else who
    return await run_in_threadpool(asking.now, replace(question, who=whose))


def bearer_of(request: Request) -> Bearer:
    """Who asks, of the header of a request."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return Bearer(key.strip() if scheme.lower() == "bearer" and key.strip() else None)


def _media(request: Request) -> str:
    return str(request.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def _form(request: Request, kind: type[BaseModel], served: Served) -> Mapping[str, Any]:
    assert served.learner.reads is not None
    key, first = key_of(served.learner.reads), _first(kind)
    parts: list[Mapping[str, Any]] = []
    async with request.form(max_files=_MOST_PARTS, max_fields=_MOST_PARTS) as form:
        for name, part in form.multi_items():
            thing = await part.read() if isinstance(part, UploadFile) else part
            text = thing.decode(errors="replace") if isinstance(thing, bytes) and key == "text" else thing
            parts.append({key: text} if first == "queries" else {key: text, "label": name})
    return {first: parts}


def _first(kind: type[BaseModel]) -> str:
    names: Sequence[str] = list(kind.model_fields)
    return names[0]
