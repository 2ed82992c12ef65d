"""A client of the server in Python: the same verbs, one sentence for each error."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quickstudy.errors import LearnerError, RunError, TaskError, UserError
from quickstudy.serve.limits import Busy, NotAllowed, TooMuch

__all__ = ["Client"]

_KINDS: dict[int, type[UserError]] = {401: NotAllowed, 404: TaskError, 413: TooMuch, 503: Busy}


class Client:
    """Speaks with ``quickstudy serve``.

    Args:
        address: such as ``http://127.0.0.1:8000``.
        key: if the server asks for one.
        timeout: seconds that an answer may take.
    """

    def __init__(self, address: str, key: str | None = None, *, timeout: float = 60.0) -> None:
        self._address, self._timeout = address.rstrip("/"), timeout
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def learners(self) -> list[dict[str, Any]]:
        """What is served: names, what each reads and predicts."""
        found: list[dict[str, Any]] = self._asked("GET", "/v1/learners")
        return found

    def adapt(self, learner: str, examples: Sequence[Mapping[str, Any]], *, drop_support: bool = False) -> dict[str, Any]:
        """A new task; ``["task"]`` is its identifier.

        Args:
            learner: its name.
            examples: ``{"text": …, "label": …}``, ``{"row": {…}, "target": …}``, or ``{"image": PATH or bytes, "label": …}``.
            drop_support: keep what was learned alone, and no example.

        Raises:
            UserError: what the server says is wrong.
        """
        body = {"examples": [_sendable(each) for each in examples], "drop_support": drop_support}
        found: dict[str, Any] = self._asked("POST", f"/v1/learners/{_part(learner)}/tasks", body)
        return found

    def add(self, learner: str, task: str, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """More examples, also of new classes: the task's next version."""
        found: dict[str, Any] = self._asked(
            "POST", f"{self._task(learner, task)}/examples", {"examples": [_sendable(each) for each in examples]}
        )
        return found

    def predict(
        self, learner: str, task: str, queries: Sequence[Mapping[str, Any]], *, version: int | None = None
    ) -> list[dict[str, Any]]:
        """An answer to each query."""
        body: dict[str, Any] = {"queries": [_sendable(each) for each in queries]} | ({"version": version} if version else {})
        found: list[dict[str, Any]] = self._asked("POST", f"{self._task(learner, task)}/predict", body)["answers"]
        return found

    def explain(
        self, learner: str, task: str, queries: Sequence[Mapping[str, Any]], *, most: int = 3
    ) -> list[list[dict[str, Any]]]:
        """For each query the examples that its answer rests on."""
        body = {"queries": [_sendable(each) for each in queries], "most": most}
        found: list[list[dict[str, Any]]] = self._asked("POST", f"{self._task(learner, task)}/explain", body)["evidence"]
        return found

    def export(
        self, learner: str, task: str, *, form: str = "onnx", int8: bool = False, version: int | None = None, seconds: float = 600
    ) -> bytes:
        """A program of a task that runs without quickstudy, as the bytes of a file; waits until it is made.

        Args:
            learner: its name.
            task: its identifier.
            form: onnx or pt2.
            int8: weights of 8 bits, of ONNX.
            version: of the task; the last one by default.
            seconds: to wait.

        Raises:
            LearnerError: the task cannot be exported, with the reason.
            RunError: it took longer.
        """
        body: dict[str, Any] = {"format": form, "int8": int8} | ({"version": version} if version else {})
        address, ends = f"{self._task(learner, task)}/exports", time.monotonic() + seconds
        job = self._asked("POST", address, body)
        while job["status"] == "waiting":
            if time.monotonic() > ends:
                raise RunError(f"the export {job['export']} was not done within {seconds:g} seconds. Ask again.")
            time.sleep(0.2)
            job = self._asked("GET", f"{address}/{job['export']}")
        if job["status"] != "done":
            raise LearnerError(job["error"])
        return self._sent("GET", f"{address}/{job['export']}/file")

    def about(self, learner: str, task: str) -> dict[str, Any]:
        """A task's classes, examples and version."""
        found: dict[str, Any] = self._asked("GET", self._task(learner, task))
        return found

    def tasks(self, learner: str) -> list[dict[str, Any]]:
        """All of your tasks."""
        found: list[dict[str, Any]] = []
        while page := self._asked("GET", f"/v1/learners/{_part(learner)}/tasks?after={found[-1]['task'] if found else ''}"):
            found += page
        return found

    def delete(self, learner: str, task: str) -> None:
        """Deletes a task with all its versions."""
        self._asked("DELETE", self._task(learner, task))

    def _task(self, learner: str, task: str) -> str:
        return f"/v1/learners/{_part(learner)}/tasks/{_part(task)}"

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        text = self._sent(method, path, body)
        return json.loads(text) if text else None

    def _sent(self, method: str, path: str, body: Any = None) -> bytes:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, content, self._headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                text: bytes = response.read()
        except urllib.error.HTTPError as error:
            raise _KINDS.get(error.code, UserError)(_sentence(error)) from None
        except OSError as error:
            raise RunError(f"{self._address} does not answer ({error}). Is the server running?") from error
        return text


def _part(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, LookupError, TypeError):
        return f"the server answered with the status {error.code}."


def _sendable(found: Mapping[str, Any]) -> dict[str, Any]:
    """With images as base64."""
    image = found.get("image")
    if isinstance(image, str | Path) and not (isinstance(image, str) and image.startswith("data:")):
        image = Path(image).read_bytes()
    return dict(found) | ({"image": base64.b64encode(image).decode()} if isinstance(image, bytes) else {})
