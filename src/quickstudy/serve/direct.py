"""The route that is called most, without what FastAPI does for each request; the description of the API has it as all others."""

from functools import partial

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from quickstudy.serve.asking import Question
from quickstudy.serve.bodies import answered, as_json, bearer_of, body_of
from quickstudy.serve.requests import Asked
from quickstudy.serve.sessions import Sessions
from quickstudy.use.answers import answers_of

__all__ = ["direct", "predicted"]

_FEW = 16


async def predicted(sessions: Sessions, request: Request) -> Response:
    """Answers to the queries of a request, whose address names the learner and the task.

    Raises:
        UserError: what is wrong with it.
    """
    learner, task = request.path_params["learner"], request.path_params["task"]
    body = await body_of(request, Asked, sessions.learner(learner))
    found = await answered(sessions, learner, Question(bearer_of(request), task, body.version, body.queries), request)
    said = partial(answers_of, found.predictor, found.outputs, means=found.means)
    answers = said() if len(found.outputs) <= _FEW else await run_in_threadpool(said)
    return as_json({"answers": [{k: v for k, v in answer.to_json().items() if k != "input"} for answer in answers]})


def direct(sessions: Sessions) -> list[Route]:
    """Routes that stand before those of FastAPI.

    Args:
        sessions: what they call.
    """

    async def endpoint(request: Request) -> Response:
        return await predicted(sessions, request)

    return [Route("/v1/learners/{learner}/tasks/{task}/predict", endpoint, methods=["POST"])]
