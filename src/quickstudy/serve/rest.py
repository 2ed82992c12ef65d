"""Our own REST: tasks from labelled examples, more examples, answers, evidence. What no standard has a verb for."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from quickstudy.errors import DataError
from quickstudy.serve.raw import key_of
from quickstudy.serve.served import Served
from quickstudy.serve.sessions import Sessions

__all__ = ["Added", "Asked", "Created", "rest"]

_TEXTS: Any = {"examples": [{"text": "my card is lost", "label": "cards"}, {"text": "will it rain", "label": "weather"}]}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Created(_Body):
    """A new task: labelled examples, each with a raw thing (text, row or image) and its label, labels or target."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_TEXTS]})
    examples: list[dict[str, Any]] = Field(description="A raw thing and its target each; an image as base64.")
    drop_support: bool = Field(default=False, description="Keep what was learned alone, and no example, not even encoded.")


class Added(_Body):
    """Examples that are added, of known classes or of new ones."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_TEXTS]})
    examples: list[dict[str, Any]] = Field(description="As for a new task.")


class Asked(_Body):
    """Queries: a raw thing each."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"queries": [{"text": "a stolen card"}]}]})
    queries: list[dict[str, Any]] = Field(description="A text, a row or an image each.")
    version: int | None = Field(default=None, ge=1, description="Of the task; the last one by default.")
    most: int = Field(default=3, ge=1, le=100, description="Examples that are named for each query by explain.")


def rest(sessions: Sessions, namespace: Any) -> APIRouter:
    """The routes under /v1.

    Args:
        sessions: what they call.
        namespace: a dependency that gives the caller's namespace.
    """
    router = APIRouter(prefix="/v1")
    mine = Annotated[str, Depends(namespace)]

    @router.get("/learners", summary="The learners that are served")
    def learners(whose: mine) -> list[dict[str, Any]]:
        return [served.to_json() for served in sessions.learners.values()]

    @router.get("/learners/{learner}", summary="What a learner reads and predicts")
    def learner_of(whose: mine, learner: str) -> dict[str, Any]:
        return sessions.learner(learner).to_json()

    @router.post("/learners/{learner}/tasks", status_code=201, summary="A new task from labelled examples", **_takes(Created))
    async def adapt(whose: mine, learner: str, request: Request) -> dict[str, Any]:
        body = await _body(request, Created, sessions.learner(learner))
        given = {"drop_support": body.drop_support}
        found = await run_in_threadpool(sessions.adapt, whose, learner, body.examples, **given)
        return found.to_json()

    @router.get("/learners/{learner}/tasks", summary="Your tasks, by identifier")
    def tasks(
        whose: mine,
        learner: str,
        after: Annotated[str, Query(description="Only tasks whose identifier comes after it: the last one of a page.")] = "",
        most: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        found = sessions.tasks(whose, learner, after=after, most=most)
        return [{"task": task.id, "version": task.versions, "created": task.created} for task in found]

    @router.get("/learners/{learner}/tasks/{task}", summary="A task: its classes, examples and version")
    def about(whose: mine, learner: str, task: str, version: Annotated[int | None, Query(ge=1)] = None) -> dict[str, Any]:
        return sessions.about(whose, learner, task, version).to_json()

    @router.delete("/learners/{learner}/tasks/{task}", status_code=204, summary="Delete a task with all its versions")
    def delete(whose: mine, learner: str, task: str) -> Response:
        sessions.delete(whose, learner, task)
        return Response(status_code=204)

    @router.post("/learners/{learner}/tasks/{task}/examples", summary="Add examples, also of new classes", **_takes(Added))
    async def add(whose: mine, learner: str, task: str, request: Request) -> dict[str, Any]:
        body = await _body(request, Added, sessions.learner(learner))
        found = await run_in_threadpool(sessions.add, whose, learner, task, body.examples)
        return found.to_json()

    @router.post("/learners/{learner}/tasks/{task}/predict", summary="An answer to each query", **_takes(Asked))
    async def predict(whose: mine, learner: str, task: str, request: Request) -> dict[str, Any]:
        body = await _body(request, Asked, sessions.learner(learner))
        found = await run_in_threadpool(sessions.predict, whose, learner, task, body.queries, version=body.version)
        return {"answers": [{k: v for k, v in answer.to_json().items() if k != "input"} for answer in found]}

    @router.post("/learners/{learner}/tasks/{task}/explain", summary="The examples that each answer rests on", **_takes(Asked))
    async def explain(whose: mine, learner: str, task: str, request: Request) -> dict[str, Any]:
        body = await _body(request, Asked, sessions.learner(learner))
        found = await run_in_threadpool(sessions.explain, whose, learner, task, body.queries, most=body.most)
        return {"evidence": [[{"example": e.row, "label": e.label, "weight": e.weight} for e in each] for each in found]}

    @router.get("/learners/{learner}/tasks/{task}/report", summary="Its score on its own examples, and which look mislabelled")
    def report(whose: mine, learner: str, task: str) -> dict[str, Any]:
        return sessions.report(whose, learner, task)

    @router.post("/learners/{learner}/tasks/{task}/map", summary="Examples and queries in a plane", **_takes(Asked))
    async def places(whose: mine, learner: str, task: str, request: Request) -> dict[str, Any]:
        body = await _body(request, Asked, sessions.learner(learner))
        return await run_in_threadpool(sessions.places, whose, learner, task, body.queries)

    @router.get("/learners/{learner}/tasks/{task}/predictor", summary="The predictor as a file, for quickstudy predict")
    def predictor(whose: mine, learner: str, task: str) -> Response:
        content = sessions.file_of(whose, learner, task)
        named = {"Content-Disposition": f'attachment; filename="{learner}-{task[:8]}.safetensors"'}
        return Response(content, media_type="application/octet-stream", headers=named)

    return router


def _takes(kind: type[BaseModel]) -> dict[str, Any]:
    """The body of a route, as OpenAPI has it."""
    form = {"schema": {"type": "object", "description": "Files or texts, each part named by its label, or queries."}}
    content = {"application/json": {"schema": kind.model_json_schema()}, "multipart/form-data": form}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


async def _body(request: Request, kind: type[Any], served: Served) -> Any:
    """The body of a request: JSON, or a form whose parts are files or texts, each named by its label (or "queries").

    Raises:
        DataError: it is neither, or lacks something.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "multipart/form-data":
        return kind(**await _form(request, kind, served))
    if media not in ("application/json", ""):
        raise DataError(f"a body of type {media!r} is not read here. Send application/json or multipart/form-data.")
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise DataError(f"the body is no JSON ({error}).") from error
    if not isinstance(found, dict):
        raise DataError("the body is no object. Send {" + f'"{_first(kind)}": […]' + "}.")
    return kind.model_validate(found)


async def _form(request: Request, kind: type[Any], served: Served) -> Mapping[str, Any]:
    assert served.learner.reads is not None
    key, first = key_of(served.learner.reads), _first(kind)
    parts: list[Mapping[str, Any]] = []
    async with request.form(max_files=5_000, max_fields=5_000) as form:
        for name, part in form.multi_items():
            thing = await part.read() if isinstance(part, UploadFile) else part
            text = thing.decode(errors="replace") if isinstance(thing, bytes) and key == "text" else thing
            parts.append({key: text} if first == "queries" else {key: text, "label": name})
    return {first: parts}


def _first(kind: type[Any]) -> str:
    names: Sequence[str] = list(kind.model_fields)
    return names[0]
