"""Lets a benchmark run where only PyTorch and NumPy are: on a borrowed GPU without a network, say. Import it first.

quickstudy is taken from this checkout where it is not installed, and libraries that read images and files are replaced by
empty ones where they are missing: a benchmark that makes its own data never calls them.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import MagicMock

UNUSED = {"PIL": ("PIL",), "platformdirs": ("platformdirs",), "safetensors": ("safetensors", "safetensors.torch")}


class Nothing:
    """In place of a class that values are asked about: none is one."""


if find_spec("quickstudy") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
for library, modules in UNUSED.items():
    if find_spec(library) is None:
        sys.modules.update({module: MagicMock(name=module, **{"Image.Image": Nothing}) for module in modules})
