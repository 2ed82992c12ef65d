"""Bodies of requests to our own REST, as they are read and as OpenAPI has them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from quickstudy.serve.described import LAST, WHOLE

__all__ = ["Added", "Asked", "Created", "Exported"]

_TEXTS: Any = {"examples": [{"text": "my card is lost", "label": "cards"}, {"text": "will it rain", "label": "weather"}]}
_THING: Any = {
    "text": {"type": "string", "description": "Where the learner reads texts."},
    "row": {"type": "object", "description": "Where it reads rows: a value by column."},
    "image": {"type": "string", "description": "Where it reads images: the file as base64."},
}
_TARGET: Any = {
    "label": {"type": "string", "description": "Of a learner of classes."},
    "labels": {"type": "array", "items": {"type": "string"}, "description": "Of a learner of labels: those that it has."},
    "target": {
        "anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}],
        "description": "Of a learner of values.",
    },
}


def _list_of(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "array", "items": {"type": "object", "properties": item, "additionalProperties": False}})


_Examples = Annotated[list[dict[str, Any]], _list_of(_THING | _TARGET)]
_Queries = Annotated[list[dict[str, Any]], _list_of(_THING)]
_Version = Annotated[
    Annotated[int, Field(ge=1, le=LAST), WHOLE] | None, Field(description="Of the task; the last one by default.")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Created(_Body):
    """A new task: labelled examples, each with a raw thing (text, row or image) and its label, labels or target."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXTS]})
    examples: _Examples
    drop_support: bool = Field(default=False, description="Keep what was learned alone, and no example, not even encoded.")


class Added(_Body):
    """Examples that are added, of known classes or of new ones."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEXTS]})
    examples: _Examples


class Asked(_Body):
    """Queries: a raw thing each."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queries": [{"text": "a stolen card"}]}]})
    queries: _Queries
    version: _Version = None
    most: Annotated[int, Field(ge=1, le=100), WHOLE] = Field(
        default=3, description="Examples that are named for each query by explain."
    )


class Exported(_Body):
    """What a task shall become: a program that runs without quickstudy."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "onnx"}]})
    format: Literal["onnx", "pt2"] = "onnx"
    int8: bool = Field(default=False, description="Of ONNX: weights of 8 bits; what that costs is noted in the file.")
    version: _Version = None
