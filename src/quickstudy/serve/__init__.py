"""A server of learners: tasks adapted from a handful of examples, asked over HTTP; needs the extra ``serve``."""

from quickstudy.serve.asking import Answered, Asking, Question
from quickstudy.serve.at_once import AtOnce
from quickstudy.serve.bodies import answered, as_file, as_json, bearer_of, body_of, json_of
from quickstudy.serve.client import Client
from quickstudy.serve.database import Database
from quickstudy.serve.exporting import export_jobs
from quickstudy.serve.exports import ExportJob, Exports, Wanted
from quickstudy.serve.http import web
from quickstudy.serve.kept import Kept
from quickstudy.serve.limits import Busy, Limits, NotAllowed, TooMuch
from quickstudy.serve.open_inference import Infer, Part, open_inference
from quickstudy.serve.raw import examples_of, inputs_of, key_of, thing_of
from quickstudy.serve.requests import Added, Asked, Created, Exported
from quickstudy.serve.rest import rest
from quickstudy.serve.served import Adapted, Served
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.stored import Bearer, StoredTask, StoredVersion, Taken
from quickstudy.serve.together import predicted_together

__all__ = [
    "Adapted",
    "Added",
    "Answered",
    "Asked",
    "Asking",
    "AtOnce",
    "Bearer",
    "Busy",
    "Client",
    "Created",
    "Database",
    "ExportJob",
    "Exported",
    "Exports",
    "Infer",
    "Kept",
    "Limits",
    "NotAllowed",
    "Part",
    "Question",
    "Served",
    "Sessions",
    "StoredTask",
    "StoredVersion",
    "Taken",
    "TooMuch",
    "Wanted",
    "answered",
    "as_file",
    "as_json",
    "bearer_of",
    "body_of",
    "examples_of",
    "export_jobs",
    "inputs_of",
    "json_of",
    "key_of",
    "open_inference",
    "predicted_together",
    "rest",
    "thing_of",
    "web",
]
