"""Our own REST: tasks from labelled examples, more examples, answers, evidence. What no standard has a verb for."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from quickstudy.serve.bodies import as_file, as_json, body_of
from quickstudy.serve.described import (
    ASKED,
    LAST,
    MADE,
    Answers,
    EvidenceShown,
    LearnerShown,
    Mapped,
    Reported,
    TaskListed,
    TaskShown,
    gives,
    takes,
)
from quickstudy.serve.direct import predicted
from quickstudy.serve.requests import Added, Asked, Created
from quickstudy.serve.sessions import Sessions

__all__ = ["rest"]


def rest(sessions: Sessions, namespace: Any, bearer: Any) -> APIRouter:
    """The routes under /v1.

    Args:
        sessions: what they call.
        namespace: a dependency that gives the caller's namespace.
        bearer: a dependency that describes the key, where it is looked up later, for all who wait.
    """
    router = APIRouter(prefix="/v1")
    mine = Annotated[str, Depends(namespace)]
    learners_at, tasks_at, task_at = "/learners", "/learners/{learner}/tasks", "/learners/{learner}/tasks/{task}"

    @router.get(learners_at, summary="The learners that are served", **gives(list[LearnerShown]))
    def learners(whose: mine) -> list[dict[str, Any]]:
        return [served.to_json() for served in sessions.learners.values()]

    @router.get(f"{learners_at}/{{learner}}", summary="What a learner reads and predicts", **gives(LearnerShown, 404))
    def learner_of(whose: mine, learner: str) -> dict[str, Any]:
        return sessions.learner(learner).to_json()

    @router.post(
        tasks_at, summary="A new task from labelled examples", **takes(Created, form=True), **gives(TaskShown, *MADE, status=201)
    )
    async def adapt(whose: mine, learner: str, request: Request) -> Response:
        body = await body_of(request, Created, sessions.learner(learner))
        given = {"drop_support": body.drop_support}
        return as_json((await run_in_threadpool(sessions.adapt, whose, learner, body.examples, **given)).to_json(), 201)

    @router.get(tasks_at, summary="Your tasks, by identifier", **gives(list[TaskListed], 404, 422))
    def tasks(whose: mine, learner: str, after: _After = "", most: _Most = 100) -> list[dict[str, Any]]:
        found = sessions.tasks(whose, learner, after=after, most=most)
        return [{"task": task.id, "version": task.versions, "created": task.created} for task in found]

    @router.get(task_at, summary="A task: its classes, examples and version", **gives(TaskShown, 404, 422))
    def about(whose: mine, learner: str, task: str, version: _Version = None) -> dict[str, Any]:
        return sessions.about(whose, learner, task, version).to_json()

    @router.delete(task_at, summary="Delete a task with all its versions", **gives(None, 404, status=204))
    def delete(whose: mine, learner: str, task: str) -> Response:
        sessions.delete(whose, learner, task)
        return Response(status_code=204)

    @router.post(
        f"{task_at}/examples", summary="Add examples, also of new classes", **takes(Added, form=True), **gives(TaskShown, *MADE)
    )
    async def add(whose: mine, learner: str, task: str, request: Request) -> Response:
        body = await body_of(request, Added, sessions.learner(learner))
        return as_json((await run_in_threadpool(sessions.add, whose, learner, task, body.examples)).to_json())

    @router.post(f"{task_at}/predict", summary="An answer to each query", **takes(Asked, form=True), **gives(Answers, *ASKED))
    async def predict(described: Annotated[Any, Depends(bearer)], learner: str, task: str, request: Request) -> Response:
        return await predicted(sessions, request)

    @router.post(
        f"{task_at}/explain",
        summary="The examples that each answer rests on",
        **takes(Asked, form=True),
        **gives(EvidenceShown, *ASKED),
    )
    async def explain(whose: mine, learner: str, task: str, request: Request) -> Response:
        body = await body_of(request, Asked, sessions.learner(learner))
        found = await run_in_threadpool(sessions.explain, whose, learner, task, body.queries, most=body.most)
        return as_json({"evidence": [[{"example": e.row, "label": e.label, "weight": e.weight} for e in each] for each in found]})

    @router.get(
        f"{task_at}/report", summary="Its score on its own examples, and which look mislabelled", **gives(Reported, *_KEPT)
    )
    def report(whose: mine, learner: str, task: str) -> dict[str, Any]:
        return sessions.report(whose, learner, task)

    @router.post(f"{task_at}/map", summary="Examples and queries in a plane", **takes(Asked, form=True), **gives(Mapped, *ASKED))
    async def places(whose: mine, learner: str, task: str, request: Request) -> Response:
        body = await body_of(request, Asked, sessions.learner(learner))
        return as_json(await run_in_threadpool(sessions.places, whose, learner, task, body.queries))

    @router.get(f"{task_at}/predictor", summary="The predictor as a file, for quickstudy predict", **gives(None, *_KEPT))
    def predictor(whose: mine, learner: str, task: str) -> Response:
        return as_file(sessions.file_of(whose, learner, task), f"{learner}-{task[:8]}.safetensors")

    return router


_KEPT = (400, 404, 409)
_After = Annotated[
    str, Query(pattern="^[0-9a-f]{0,32}$", description="Only tasks whose identifier comes after it: the last one of a page.")
]
_Most = Annotated[int, Query(ge=1, le=1000)]
_Version = Annotated[int | None, Query(ge=1, le=LAST)]
