"""The file format, blueprints, and writes that are whole or not at all."""

from quickstudy.storage.artefact import FORMAT, Artefact, pack, read, unpack, versions, write
from quickstudy.storage.blueprint import Recorded, blueprint, build
from quickstudy.storage.budget import Budget, unbudgeted
from quickstudy.storage.file_hash import sha256_of
from quickstudy.storage.files import appending, locked, open_whole, read_json, read_whole, swept, write_whole
from quickstudy.storage.own_code import check_trusted, own_function, trust
from quickstudy.storage.plain_json import parsed

__all__ = [
    "FORMAT",
    "Artefact",
    "Budget",
    "Recorded",
    "appending",
    "blueprint",
    "build",
    "check_trusted",
    "locked",
    "open_whole",
    "own_function",
    "pack",
    "parsed",
    "read",
    "read_json",
    "read_whole",
    "sha256_of",
    "swept",
    "trust",
    "unbudgeted",
    "unpack",
    "versions",
    "write",
    "write_whole",
]
