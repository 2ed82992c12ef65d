"""A server of learners: tasks adapted from a handful of examples, asked over HTTP; needs the extra ``serve``."""

from quickstudy.serve.client import Client
from quickstudy.serve.database import Database, StoredTask, StoredVersion, Taken
from quickstudy.serve.http import web
from quickstudy.serve.limits import Busy, Limits, NotAllowed, TooMuch
from quickstudy.serve.open_inference import Infer, Part, open_inference
from quickstudy.serve.raw import examples_of, inputs_of, key_of, thing_of
from quickstudy.serve.rest import Added, Asked, Created, rest
from quickstudy.serve.served import Adapted, Served
from quickstudy.serve.sessions import Sessions
from quickstudy.serve.together import Together, predicted_together

__all__ = [
    "Adapted",
    "Added",
    "Asked",
    "Busy",
    "Client",
    "Created",
    "Database",
    "Infer",
    "Limits",
    "NotAllowed",
    "Part",
    "Served",
    "Sessions",
    "StoredTask",
    "StoredVersion",
    "Taken",
    "Together",
    "TooMuch",
    "examples_of",
    "inputs_of",
    "key_of",
    "open_inference",
    "predicted_together",
    "rest",
    "thing_of",
    "web",
]
