"""The Open Inference Protocol, version 2, over REST: prediction by tasks as models, for clients that know no other."""

import math
from typing import Annotated, Any

import torch
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from quickstudy.errors import DataError, TaskError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.kind import InputKind
from quickstudy.serve.asking import Question
from quickstudy.serve.bodies import answered, as_json, bearer_of, json_of
from quickstudy.serve.described import ASKED, LAST, WHOLE, Inferred, ModelShown, Ready, gives, takes
from quickstudy.serve.raw import key_of
from quickstudy.serve.sessions import Sessions
from quickstudy.storage.artefact import versions

__all__ = ["Infer", "Part", "open_inference"]

_NUMBER, _BYTES = "FP64", "BYTES"
_NUMBERS = {"FP32", "FP64", "FP16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"}


_FOUND = (404, 422)
_OF_VERSION = "/models/{model}/versions/{version}"
_Version = Annotated[int, Path(ge=1, le=LAST)]


class Part(BaseModel):
    """One tensor of a request: a name, its shape, its type, and its numbers or texts in one list."""

    model_config = ConfigDict(extra="ignore", strict=True)
    name: str
    shape: list[Annotated[int, Field(ge=0, le=LAST), WHOLE]]
    datatype: str
    data: list[Any]


class Infer(BaseModel):
    """A request: texts and images (as base64) in one tensor of BYTES, rows as a tensor a column."""

    model_config = ConfigDict(extra="ignore", strict=True)
    id: str | None = Field(default=None, description="Comes back as it is.")
    inputs: list[Part]


def open_inference(sessions: Sessions, namespace: Any, bearer: Any) -> APIRouter:
    """The routes under /v2. A model is ``LEARNER.TASK``.

    Args:
        sessions: what they call.
        namespace: a dependency that gives the caller's namespace.
        bearer: a dependency that describes the key, where it is looked up later, for all who wait.
    """
    router = APIRouter(prefix="/v2")
    mine = Annotated[str, Depends(namespace)]
    caller = Annotated[Any, Depends(bearer)]

    @router.get("", summary="The server", **gives(dict[str, Any]))
    def server() -> dict[str, Any]:
        return {"name": "quickstudy", "version": versions()["quickstudy"], "extensions": []}

    @router.get("/health/live", summary="Whether the process lives", **gives(dict[str, bool]))
    def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/health/ready", summary="Whether it can answer", responses={200: {"model": Ready}, 503: {"model": Ready}})
    def ready() -> Response:
        known = sessions.database.ready()
        return as_json({"ready": known}, 200 if known else 503)

    @router.get("/models/{model}", summary="A task: what it reads and gives", **gives(ModelShown, *_FOUND))
    def model_of(whose: mine, model: str) -> dict[str, Any]:
        return _shown(sessions, whose, model)

    @router.get(_OF_VERSION, summary="A version of it", **gives(ModelShown, *_FOUND))
    def version_of(whose: mine, model: str, version: _Version) -> dict[str, Any]:
        return _shown(sessions, whose, model, version)

    @router.get("/models/{model}/ready", summary="Whether a task can be asked", **gives(Ready, *_FOUND))
    def model_ready(whose: mine, model: str) -> dict[str, Any]:
        return {"name": model, "ready": bool(sessions.about(whose, *_parted(model)))}

    @router.get(f"{_OF_VERSION}/ready", summary="Whether a version of it can be asked", **gives(Ready, *_FOUND))
    def version_ready(whose: mine, model: str, version: _Version) -> dict[str, Any]:
        return {"name": model, "ready": bool(sessions.about(whose, *_parted(model), version))}

    @router.post("/models/{model}/infer", summary="Predict", **takes(Infer), **gives(Inferred, *ASKED))
    async def infer(described: caller, model: str, request: Request) -> Response:
        return await _inferred(sessions, request, model)

    @router.post(f"{_OF_VERSION}/infer", summary="Predict by a version", **takes(Infer), **gives(Inferred, *ASKED))
    async def infer_by_version(described: caller, model: str, request: Request, version: _Version) -> Response:
        return await _inferred(sessions, request, model, version)

    return router


def _shown(sessions: Sessions, whose: str, model: str, version: int | None = None) -> dict[str, Any]:
    learner, task = _parted(model)
    about = sessions.about(whose, learner, task, version)
    reads = sessions.learner(learner).learner.reads
    assert reads is not None
    outputs = [{"name": "probabilities" if about.classes else "values", "datatype": "FP32", "shape": [-1, -1]}]
    outputs += [{"name": "class", "datatype": _BYTES, "shape": [-1]}] if about.classes else []
    known = {"name": model, "versions": [str(about.version)], "platform": "quickstudy", "inputs": _inputs(reads)}
    return known | {"outputs": outputs, "parameters": {"classes": list(about.classes or ())}}


async def _inferred(sessions: Sessions, request: Request, model: str, version: int | None = None) -> Response:
    body = await json_of(request, Infer)
    learner, task = _parted(model)
    reads = sessions.learner(learner).learner.reads
    assert reads is not None
    question = Question(bearer_of(request), task, version, _queries(body.inputs, reads))
    found = await answered(sessions, learner, question, request)
    parts = [_tensor("probabilities" if found.predictor.classes else "values", found.means)]
    if found.predictor.classes and found.predictor.learner.likelihood.targets == "classes":
        names = [found.predictor.classes[column] for column in found.means.argmax(1).tolist()]
        parts.append({"name": "class", "datatype": _BYTES, "shape": [len(names)], "data": names})
    answer: dict[str, Any] = {"model_name": model, "model_version": str(found.version), "outputs": parts}
    return as_json(answer | ({"id": body.id} if body.id is not None else {}))


def _parted(model: str) -> tuple[str, str]:
    learner, dot, task = model.rpartition(".")
    if not dot:
        raise TaskError(f"there is no model {model!r}. A model is LEARNER.TASK.")
    return learner, task


def _inputs(reads: InputKind) -> list[dict[str, Any]]:
    if isinstance(reads, Columns):
        kinds = {column.name: _NUMBER if column.kind == "number" else _BYTES for column in reads.columns}
        return [{"name": name, "datatype": kind, "shape": [-1]} for name, kind in kinds.items()]
    return [{"name": key_of(reads), "datatype": _BYTES, "shape": [-1]}]


def _queries(parts: list[Part], reads: InputKind) -> list[dict[str, Any]]:
    """The raw things of a request.

    Raises:
        DataError: tensors that are missing, of another type, or of unlike lengths.
    """
    wanted = {each["name"] for each in _inputs(reads)}
    given = {part.name: part for part in parts}
    if missing := sorted(wanted - set(given)):
        raise DataError(f"the tensor {missing[0]!r} is missing. This task reads: {', '.join(sorted(wanted))}.")
    columns: dict[str, list[Any]] = {}
    for name in sorted(wanted):
        part = given[name]
        if part.datatype not in (*_NUMBERS, _BYTES, "BOOL"):
            raise DataError(f"the tensor {name!r} is of the type {part.datatype!r}, which is not known here.")
        values = _flat(part.data)
        size = math.prod(part.shape)
        if len(values) != size:
            raise DataError(f"the tensor {name!r} has the shape {part.shape} and {len(values)} values.")
        columns[name] = values
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"tensors have unlike lengths: {lengths}. Give each a value for each query.")
    count = next(iter(lengths.values()))
    if isinstance(reads, Columns):
        return [{"row": {name: values[n] for name, values in columns.items()}} for n in range(count)]
    key = key_of(reads)
    return [{key: value} for value in columns[key]]


def _flat(data: list[Any]) -> list[Any]:
    return [value for item in data for value in (_flat(item) if isinstance(item, list) else [item])]


def _tensor(name: str, values: torch.Tensor) -> dict[str, Any]:
    return {"name": name, "datatype": "FP32", "shape": list(values.shape), "data": values.flatten().tolist()}
