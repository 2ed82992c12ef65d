"""Functions in files of one's own, ``file.py:function``, and the user's list of the files whose code may run.

The list holds the path and the SHA-256 of each file, in the folder that QUICKSTUDY_CONFIG names, else in the platform's own for
settings. A changed file is no longer on it. What a file imports is not examined.
"""

import hashlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import platformdirs

from quickstudy.errors import Argument, ArtefactError, UserError, nearest
from quickstudy.storage.files import locked, read_json, write_whole

__all__ = ["check_trusted", "code_file", "config_folder", "hash_of_code", "names_code", "own_function", "trust", "trusting"]

_trusts: ContextVar[bool] = ContextVar("_trusts", default=False)

_loaded: dict[tuple[str, str], ModuleType] = {}
"""Modules by path and hash: two functions of one file share its classes."""


def config_folder() -> Path:
    """The folder of the user's settings: QUICKSTUDY_CONFIG, else the platform's own."""
    named = os.environ.get("QUICKSTUDY_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("quickstudy"))


def names_code(spec: str) -> bool:
    """Whether a text names a function in a file.

    >>> names_code("mine.py:photos"), names_code("mine.py"), names_code("timm:resnet18")
    (True, False, False)
    """
    file, _, name = spec.rpartition(":")
    return file.endswith(".py") and bool(name)


def code_file(spec: str) -> Path:
    """The file in ``file.py:function``.

    >>> code_file("recipes/mine.py:photos").name
    'mine.py'
    """
    return Path(spec.rpartition(":")[0])


def own_function(spec: str, what: str = "a function", *, trust: bool = False) -> Callable[..., Any]:
    """The function that ``file.py:function`` names. Its file is run, if the user's list has it.

    Args:
        spec: the path of the file, a colon, and the function's name.
        what: it is, for messages: "a recipe".
        trust: the user has named this file now, so it is put on the list and run. Leave it out for a file that is named
            elsewhere: in a run folder, in a saved learner.

    Raises:
        UserError: no such file or function, a file that is not on the list, or one that raises an error when it is run.
    """
    if not names_code(spec):
        raise UserError(f"{spec} does not name {what}. Give the file and the function: mine.py:function.")
    path, name = code_file(spec).absolute(), spec.rpartition(":")[2]
    content = _content(path)
    if trust:
        _note(path, hashlib.sha256(content).hexdigest())
    check_trusted(path, hashlib.sha256(content).hexdigest())
    module = _run(path, content)
    found = getattr(module, name, None)
    if found is None:
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        listed = f" It has {', '.join(own)}." if own else " It defines none."
        raise UserError(f"{path} has no function {name!r}.{nearest(name, own)}{listed}")
    if not callable(found):
        raise UserError(f"{name} in {path} is of type {type(found).__name__}, no function. Name a function that gives {what}.")
    return found  # type: ignore[no-any-return]


def trust(path: str | Path) -> str:
    """Puts a file, as it is now, on the user's list of files whose code may run; returns its SHA-256.

    Raises:
        UserError: the file cannot be read, or the list cannot be written.
    """
    path = Path(path).absolute()
    found = hash_of_code(path)
    _note(path, found)
    return found


@contextmanager
def trusting(trusts: bool = True) -> Iterator[None]:
    """Within it, every file that is named is put on the list and run: the user has said so."""
    token = _trusts.set(trusts or _trusts.get())
    try:
        yield
    finally:
        _trusts.reset(token)


def check_trusted(path: str | Path, sha256: str) -> None:
    """Raises:
    UserError: the user's list does not have this file with this content.
    """
    path = Path(path).absolute()
    known = _list().get(str(path.resolve()))
    if known == sha256:
        return
    if _trusts.get():
        _note(path, sha256)
        return
    reason = "was changed since you last ran it" if known else "is not on your list of code that may run"
    raise UserError(
        f"{path} {reason}, so it is not run. Read it; if you trust it, repeat the command with ",
        Argument("trust", True),
        f". Your list: {config_folder() / 'trusted.json'}",
    )


def hash_of_code(path: str | Path) -> str:
    """The SHA-256 of a file of code.

    Raises:
        UserError: the file cannot be read.
    """
    return hashlib.sha256(_content(Path(path))).hexdigest()


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            around = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
            raise UserError(f"{path} is not there, or is no file.{nearest(path.name, around)} Give the path of a file of code.")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}). Change its permissions.") from error


def _list() -> Mapping[str, str]:
    path = config_folder() / "trusted.json"
    if not path.exists():
        return {}
    try:
        found = read_json(path)
    except (ArtefactError, OSError, ValueError) as error:
        raise UserError(f"{path}, your list of code that may run, cannot be read ({error}). Mend or delete it.") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}, your list of code that may run, is no list of ours. Mend or delete it.")
    return found


def _note(path: Path, sha256: str) -> None:
    if _list().get(str(path.resolve())) == sha256:
        return
    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror}). Name another folder: QUICKSTUDY_CONFIG=FOLDER.") from error
    with locked(folder / ".trusted.lock"):
        content = dict(sorted({**_list(), str(path.resolve()): sha256}.items()))
        write_whole(folder / "trusted.json", json.dumps(content, indent=1).encode())


def _run(path: Path, content: bytes) -> ModuleType:
    """The module of a file whose content was examined: these very bytes are run."""
    digest = hashlib.sha256(content).hexdigest()
    key = (str(path.resolve()), digest)
    if key in _loaded:
        return _loaded[key]
    name = f"quickstudy_own_{path.stem}_{hashlib.sha256(repr(key).encode()).hexdigest()[:12]}"
    spec = spec_from_loader(name, loader=None, origin=str(path))
    assert spec is not None
    module = module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses and pickling look there
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # what lies beside it can be imported, but hides no package
    try:
        exec(compile(content, str(path), "exec"), vars(module))
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, Exception):
            raise UserError(f"{path} cannot be run: {_where(error, path)}. Mend it.") from error
        raise
    _loaded[key] = module
    return module


def _where(error: Exception, path: Path) -> str:
    """The kind, the text and the line of an error that a file raised."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError):
        lines = [error.lineno] if error.lineno else []
        text = f"{type(error).__name__}: {error.msg}"
    return f"line {lines[-1]}, {text}" if lines else text
