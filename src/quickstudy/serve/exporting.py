"""Routes of exports: a job for each, its status, its file."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from quickstudy.serve.bodies import as_file, as_json, json_of
from quickstudy.serve.described import MADE, ExportShown, gives, takes
from quickstudy.serve.exports import Wanted
from quickstudy.serve.requests import Exported
from quickstudy.serve.sessions import Sessions

__all__ = ["export_jobs"]


def export_jobs(sessions: Sessions, namespace: Any) -> APIRouter:
    """The routes under /v1/learners/{learner}/tasks/{task}/exports.

    Args:
        sessions: what they call.
        namespace: a dependency that gives the caller's namespace.
    """
    at = "/v1/learners/{learner}/tasks/{task}/exports"
    router = APIRouter()
    mine = Annotated[str, Depends(namespace)]

    @router.post(at, summary="Export a task as a job", **takes(Exported), **gives(ExportShown, *MADE, status=202))
    async def export(whose: mine, learner: str, task: str, request: Request) -> Response:
        body = await json_of(request, Exported)
        wanted = Wanted(body.format, body.int8)
        job = await run_in_threadpool(sessions.export, whose, learner, task, wanted, body.version)
        return as_json(asdict(job), 202)

    @router.get(f"{at}/{{export}}", summary="What has become of an export", **gives(ExportShown, 404))
    def about_export(whose: mine, learner: str, task: str, export: str) -> dict[str, Any]:
        return asdict(sessions.about_export(whose, learner, task, export))

    @router.get(f"{at}/{{export}}/file", summary="The file of an export that is done", **gives(None, 404, 409))
    def export_file(whose: mine, learner: str, task: str, export: str) -> Response:
        job, content = sessions.export_file(whose, learner, task, export)
        return as_file(content, f"{learner}-{task[:8]}.{job.format.partition('-')[0]}")

    return router
