"""Schemathesis draws requests from the description of the API: no 5xx, every status and every body is as described."""

import json
from pathlib import Path
from typing import Any

import pytest

from quickstudy.serve.database import Database
from quickstudy.serve.http import web
from quickstudy.serve.sessions import Sessions
from serve.scene import TEXTS, served

schemathesis = pytest.importorskip("schemathesis", reason='needs Schemathesis: pip install "quickstudy[dev]"')
hypothesis = pytest.importorskip("hypothesis")

_KEPT_STATUSES = ["2xx", "400", "401", "404", "409", "413"]
"""Of requests that fit their schema: which of text, row and image a learner reads is not in it."""


def _configured() -> Any:
    found = schemathesis.Config()
    found.projects.default.checks.positive_data_acceptance.expected_statuses = _KEPT_STATUSES
    found.projects.default.checks.negative_data_rejection.expected_statuses = ["400", "401", "404", "405", "409", "413", "422"]
    return found


class _Probe:
    """Draws requests for each operation, sends them with a key, and checks each answer."""

    def __init__(self, sessions: Sessions, requests: int) -> None:
        self.key = sessions.database.new_key("ann")
        self.tasks = [sessions.adapt("ann", "texts", TEXTS).task for _ in range(3)]
        self.settings = hypothesis.settings(
            max_examples=requests,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        self.seen: set[int] = set()
        self.failed: dict[str, str] = {}

    def operation(self, operation: Any) -> None:
        for mode in schemathesis.GenerationMode:
            number = iter(range(10**9))

            def sent(case: Any, number: Any = number) -> None:
                self.one(case, next(number))

            try:
                self.settings(hypothesis.given(case=operation.as_strategy(generation_mode=mode))(lambda case: sent(case)))()
            except hypothesis.errors.Unsatisfiable:  # nothing can be wrong with a request without arguments
                continue
            except (Exception, BaseExceptionGroup) as error:
                parts = [f"{type(part).__name__}: {part}"[:1500] for part in getattr(error, "exceptions", [error])]
                self.failed[f"{operation.label} {mode}"] = " | ".join([*parts, *getattr(error, "__notes__", [])])

    def one(self, case: Any, number: int) -> None:
        wrong = {place.name for place, part in case.meta.components.items() if part.mode.is_negative} - {"HEADER"}
        declared = {parameter.name for parameter in case.operation.query}
        if set(case.query) - declared:  # a parameter that is not known is not read
            case.query = {name: value for name, value in case.query.items() if name in declared}
            wrong -= {"QUERY"}
        if case.meta.generation.mode.is_negative and not wrong:  # other headers than ours are no fault
            return
        headers = {"Authorization": f"Bearer {self.key}"}
        self.name(case, number, wrong)
        response = case.call(headers=headers)
        self.seen.add(response.status_code)
        try:
            case.validate_response(response, headers=headers)
        except BaseExceptionGroup as failure:
            failure.add_note(f"{case.method} {case.formatted_path} {case.query} {case.body!r:.300}: {response.text:.300}")
            raise

    def name(self, case: Any, number: int, wrong: set[str]) -> None:
        """Most of the names in an address are names of things that are there, and some bodies hold texts that can be read."""
        task = self.tasks[number % 3]
        known = {"learner": ("texts", "texts", "rows")[number % 3], "task": task, "model": f"texts.{task}", "version": "1"}
        for name, value in known.items():
            if "PATH" not in wrong and name in case.path_parameters and number % 4:
                case.path_parameters[name] = value
        if number % 3 and isinstance(case.body, dict) and "BODY" not in wrong:
            sound = {"queries": [{"text": "a card"}], "examples": TEXTS}
            case.body = case.body | {name: value for name, value in sound.items() if name in case.body}


@pytest.mark.parametrize("requests", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_the_api_is_as_described(tmp_path: Path, requests: int) -> None:
    learners = {name: served()[name] for name in ("texts", "rows", "values", "images")}
    sessions = Sessions(learners, Database(f"sqlite:///{tmp_path}/tasks.db"))
    probe = _Probe(sessions, requests)
    schema = schemathesis.openapi.from_asgi("/openapi.json", web(sessions), config=_configured())
    for found in schema.get_all_operations():
        probe.operation(found.ok())
    sessions.close()
    assert not probe.failed, json.dumps(probe.failed, indent=1)
    assert {200, 204, 400, 404, 422} <= probe.seen and not any(status >= 500 for status in probe.seen)
    assert 201 in probe.seen or requests < 10
