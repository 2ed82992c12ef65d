"""``quickstudy serve``: learners behind an address, adapted by whoever sends examples."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from quickstudy.cli.adapting import trained
from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import say
from quickstudy.errors import Argument, ArgumentError, MissingExtra
from quickstudy.recipes.parts.checked import AtLeast

if TYPE_CHECKING:
    from quickstudy.learner import Learner

__all__ = ["serve"]

_DATABASE = "sqlite:///quickstudy-tasks.db"


@command
@may_run_code
def serve(
    runs: list[Path] | None = None,
    /,
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, AtLeast(0)] = 8000,
    database: str = _DATABASE,
    add_key: str | None = None,
    request_megabytes: Annotated[int, AtLeast(1)] = 50,
    examples: Annotated[int, AtLeast(1)] = 2_000,
    ways: Annotated[int, AtLeast(1)] = 500,
    queries: Annotated[int, AtLeast(1)] = 1_000,
) -> None:
    """Serve learners over HTTP: send labelled examples, get a task; ask it, add to it, at once.

    Tasks live in a data base, so several processes may share one, and what was acknowledged survives a crash. The API is
    described at /docs.

    Args:
        runs: folders of runs, files of learners, or the ready ones: images, texts. The name in addresses is that of the folder
            or the file; NAME=RUN gives another.
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: to listen on.
        database: where tasks live: sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME.
        add_key: make a key of this name, print it once, and end. As soon as there is one, requests need a key, and each key
            sees its own tasks alone.
        request_megabytes: largest body of a request.
        examples: most examples of a task.
        ways: most classes of a task.
        queries: most queries of a request.
    """
    if not 0 <= port <= 65_535:
        raise ArgumentError(Argument("port", port), " must lie from 0 to 65535.")
    uvicorn = _uvicorn()
    from quickstudy.serve.database import Database

    if add_key is not None:
        if runs:
            raise ArgumentError("a key is added without serving. Leave the runs out, or leave ", Argument("add_key"), " out.")
        say(Database(database).new_key(add_key))
        return
    if not runs:
        raise ArgumentError("there is nothing to serve: quickstudy serve RUN, or quickstudy serve images texts.")
    from quickstudy.serve.http import web
    from quickstudy.serve.limits import Limits
    from quickstudy.serve.sessions import Sessions
    from quickstudy.serve.slow_clients import patient

    learners = _named(runs)
    limits = Limits(request_bytes=request_megabytes * 1_000_000, examples=examples, ways=ways, queries=queries)
    sessions = Sessions(learners, Database(database), limits)
    open_to = "" if sessions.database.has_keys() else "; no key is asked for (--add-key NAME makes one)"
    say(f"serving: {', '.join(learners)}{open_to}")
    say(f"API:     http://{host}:{port}/docs")
    app = web(sessions)
    gc.collect()
    gc.freeze()  # what is there now stays: looking through it again would hold up all requests for half a second each time
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, http=patient(limits.seconds))
    finally:
        sessions.close()


def _uvicorn() -> Any:
    try:
        import alembic  # noqa: F401
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import sqlalchemy  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise MissingExtra(f'serving needs {error.name}. Install it: pip install "quickstudy[serve]"') from error
    return uvicorn


def _named(runs: Sequence[Path]) -> "dict[str, Learner[Any]]":
    """Learners by the names in addresses.

    Raises:
        ArgumentError: two of one name, or a name that no address can hold.
    """
    found: dict[str, Learner[Any]] = {}
    for given in runs:
        name, equals, place = str(given).partition("=")
        path = Path(place if equals else given)
        name = name if equals else path.resolve().name.partition(".")[0]
        if not name or not all(letter.isalnum() or letter in "-_" for letter in name):
            raise ArgumentError(f"{name!r} cannot stand in an address. Give a name of letters, digits, - and _: NAME={path}.")
        if name in found:
            raise ArgumentError(f"two learners are called {name!r}. Give one another name: NAME={path}.")
        found[name] = trained(path)
    return found
