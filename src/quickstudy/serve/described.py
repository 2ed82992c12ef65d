"""What the routes give and refuse, as OpenAPI has it: a schema for each answer, and the statuses of errors."""

from typing import Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = [
    "ASKED",
    "LAST",
    "MADE",
    "WHOLE",
    "Answers",
    "Error",
    "EvidenceShown",
    "ExportShown",
    "Inferred",
    "LearnerShown",
    "Mapped",
    "ModelShown",
    "Ready",
    "Reported",
    "TaskListed",
    "TaskShown",
    "gives",
    "takes",
]

_REFUSALS = {
    400: "What is wrong with the request.",
    401: "No key, or one that is not known.",
    404: "No such learner, task or version.",
    405: "The address has other verbs.",
    408: "The body did not come in time.",
    409: "What this learner or task cannot do, or a change by someone else at the same time.",
    413: "More than this server takes; it says the limit.",
    422: "A field is missing, unknown or of another type.",
    503: "Too many wait, or the data base cannot be reached; nothing was changed.",
    507: "The disk of the data base is full; nothing was changed.",
}
_ALWAYS = (401, 503)
ASKED = (400, 404, 408, 409, 413, 422)
"""Statuses by which a task refuses a body."""
MADE = (*ASKED, 507)
"""The same, where something is kept."""
LAST = 2**31 - 1
"""The largest whole number of 32 bits, which every data base can hold."""


def _whole(found: Any) -> Any:
    return int(found) if isinstance(found, float) and found.is_integer() else found


WHOLE = BeforeValidator(_whole)
"""Of a whole number as JSON has it, where 2.0 is one, too; "2" and true are none."""


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(_Shown):
    """An error in one sentence."""

    error: str


class LearnerShown(_Shown):
    """What a learner reads and predicts."""

    name: str
    kind: str
    reads: Literal["text", "row", "image"]
    digest: str
    predicts: Literal["classes", "values", "labels"]
    drawn: bool = Field(default=False, description="Of images: dark strokes on a bright ground.")
    columns: dict[str, str] = Field(default={}, description="Of rows: each column's kind.")


class TaskShown(_Shown):
    """A version of a task."""

    task: str
    learner: str
    version: int
    examples: int
    classes: list[str] | None
    created: float


class TaskListed(_Shown):
    """A task in a list: its identifier, last version, and when it was made."""

    task: str
    version: int
    created: float


class ExportShown(_Shown):
    """An export: waiting, done or failed."""

    export: str
    version: int
    format: str
    status: Literal["waiting", "done", "failed"]
    error: str | None = Field(description="Why it failed.")
    bytes: int | None = Field(description="Of the file, when it is done.")
    created: float


class Answers(_Shown):
    """An answer to each query: a class with probabilities and doubt, or values by name with their intervals."""

    answers: list[dict[str, Any]]


class _Evidence(_Shown):
    example: int
    label: str | None
    weight: float


class EvidenceShown(_Shown):
    """For each query the examples that its answer rests on."""

    evidence: list[list[_Evidence]]


class _Score(_Shown):
    metric: str
    value: float
    interval: list[float | None]


class _Suspect(_Shown):
    example: int
    label: str
    looks_like: str
    probability: float


class Reported(_Shown):
    """A score on the task's own examples, classes of one example, and examples that look mislabelled."""

    score: _Score | None
    alone: list[Any]
    suspects: list[_Suspect]


class Mapped(_Shown):
    """Examples and queries in a plane."""

    examples: list[list[float]]
    queries: list[list[float]]
    labels: list[str | None]


class Ready(BaseModel):
    """Whether it can answer."""

    ready: bool


class _Tensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]


class ModelShown(BaseModel):
    """A task as a model of the Open Inference Protocol."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[_Tensor]
    outputs: list[_Tensor]
    parameters: dict[str, Any]


class _Output(_Tensor):
    data: list[Any]


class Inferred(BaseModel):
    """Tensors that were predicted."""

    model_name: str
    model_version: str
    outputs: list[_Output]
    id: str | None = None


def gives(answer: Any, *refused: int, status: int = 200) -> dict[str, Any]:
    """Arguments of a route that say what it gives, and by which statuses it refuses.

    Args:
        answer: a model, a list of one, or None where nothing is described.
        refused: statuses of errors, beside those that each route has.
        status: of the answer.
    """
    errors = {code: {"model": Error, "description": _REFUSALS[code]} for code in sorted({*_ALWAYS, *refused})}
    own = {status: {"model": answer}} if answer is not None else {}
    return {"status_code": status, "responses": {**own, **errors}, "response_model": None}


def takes(kind: type[BaseModel], *, form: bool = False) -> dict[str, Any]:
    """Arguments of a route that say what body it takes, where it reads the body itself.

    Args:
        kind: of JSON.
        form: whether files of a form are taken, too.
    """
    found = kind.model_json_schema()
    parts = found.pop("$defs", {})
    content: dict[str, Any] = {"application/json": {"schema": _inlined(found, parts)}}
    if form:
        files = {"type": "object", "description": "Files or texts, each part named by its label, or queries."}
        content |= {"multipart/form-data": {"schema": files}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def _inlined(node: Any, parts: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, parts) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(parts[node["$ref"].rpartition("/")[2]], parts)
    return {name: _inlined(part, parts) for name, part in node.items()}
