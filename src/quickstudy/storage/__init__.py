"""The file format, blueprints, and writes that are whole or not at all."""

from quickstudy.storage.artefact import FORMAT, Artefact, pack, read, unpack, versions, write
from quickstudy.storage.blueprint import Recorded, blueprint, build
from quickstudy.storage.files import write_whole

__all__ = ["FORMAT", "Artefact", "Recorded", "blueprint", "build", "pack", "read", "unpack", "versions", "write", "write_whole"]
