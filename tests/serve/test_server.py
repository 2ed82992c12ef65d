"""The server: tasks from examples, answers equal to Python's, versions, keys, limits, errors in one sentence."""

import base64
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import load
from quickstudy.cli.serving import serve
from quickstudy.learner import Predictor
from quickstudy.serve.database import Database
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import examples_of
from serve.scene import TEXTS, client, picture, served


def test_examples_become_a_task_that_answers_as_python_does(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        made = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS})
        assert made.status_code == 201, made.text
        task = made.json()
        assert task["version"] == 1 and task["classes"] == ["cards", "weather"] and task["examples"] == 4
        asked = ["card", "rain", "a lost card today"]
        found = http.post(
            f"/v1/learners/texts/tasks/{task['task']}/predict", json={"queries": [{"text": text} for text in asked]}
        )
        assert found.status_code == 200, found.text
        learner = served()["texts"]
        support, names = examples_of(TEXTS, learner, Limits())
        predictor = learner(support, names)
        assert predictor.reads is not None
        wanted = predictor.probabilities(predictor.reads.batch(asked))
        for answer, row in zip(found.json()["answers"], wanted.tolist(), strict=True):
            assert list(answer["probabilities"].values()) == pytest.approx(row, abs=1e-5)
            assert answer["class"] == ["cards", "weather"][row.index(max(row))] and "input" not in answer


def test_examples_are_added_also_of_new_classes(tmp_path: Path) -> None:
    more = [{"text": "pay my bill", "label": "bills"}, {"text": "the bill is wrong", "label": "bills"}]
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}"
        added = http.post(f"{address}/examples", json={"examples": more}).json()
        assert added["version"] == 2 and added["classes"] == ["cards", "weather", "bills"] and added["examples"] == 6
        query = {"queries": [{"text": "a bill"}]}
        assert http.post(f"{address}/predict", json=query).json()["answers"][0]["class"] == "bills"
        old = http.post(f"{address}/predict", json=query | {"version": 1}).json()["answers"][0]
        assert set(old["probabilities"]) == {"cards", "weather"}
        assert http.get(address).json()["version"] == 2 and http.get(f"{address}?version=1").json()["examples"] == 4
        whole = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS + more}).json()["task"]
        both = [http.post(f"/v1/learners/texts/tasks/{t}/predict", json=query).json()["answers"][0] for t in (task, whole)]
        assert both[0]["probabilities"] == pytest.approx(both[1]["probabilities"], abs=1e-5)


def test_what_is_there_outlives_the_process(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        first = http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]}).json()
    with client(tmp_path) as http:
        again = http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]}).json()
        assert again == first
        assert [each["task"] for each in http.get("/v1/learners/texts/tasks").json()] == [task]
        assert http.delete(f"/v1/learners/texts/tasks/{task}").status_code == 204
        assert http.get(f"/v1/learners/texts/tasks/{task}").status_code == 404
        assert http.get("/v1/learners/texts/tasks").json() == []


def test_a_state_of_another_learner_is_refused(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
    other = served()["texts"]
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    with client(tmp_path, texts=other) as http:
        found = http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]})
        assert found.status_code == 400 and "was made by another learner" in found.json()["error"]


def test_rows_values_and_images(tmp_path: Path) -> None:
    people = [({"age": 30, "sex": "f"}, "no", 1.5), ({"age": 50, "sex": "m"}, "yes", 2.5), ({"age": 41, "sex": "f"}, "no", 1.75)]
    with client(tmp_path) as http:
        rows = [{"row": row, "label": ill} for row, ill, _ in people]
        task = http.post("/v1/learners/rows/tasks", json={"examples": rows}).json()["task"]
        found = http.post(f"/v1/learners/rows/tasks/{task}/predict", json={"queries": [{"row": {"age": 52, "sex": "m"}}]})
        assert found.json()["answers"][0]["class"] == "yes"
        scores = [{"row": row, "target": score} for row, _, score in people]
        task = http.post("/v1/learners/values/tasks", json={"examples": scores}).json()["task"]
        found = http.post(
            f"/v1/learners/values/tasks/{task}/predict", json={"queries": [{"row": {"age": 30, "sex": "f"}}]}
        ).json()
        low, high = found["answers"][0]["intervals"]["value"]
        assert low < found["answers"][0]["value"] < high
        images = [
            {"image": base64.b64encode(picture(n, n % 2 > 0)).decode(), "label": ["dark", "light"][n % 2]} for n in range(4)
        ]
        task = http.post("/v1/learners/images/tasks", json={"examples": images}).json()["task"]
        query = {"queries": [{"image": "data:image/png;base64," + base64.b64encode(picture(9, True)).decode()}]}
        assert http.post(f"/v1/learners/images/tasks/{task}/predict", json=query).json()["answers"][0]["class"] == "light"
        files = [
            ("dark", ("1.png", picture(1, False))),
            ("light", ("2.png", picture(2, True))),
            ("dark", ("3.png", picture(3, False))),
        ]
        task = http.post("/v1/learners/images/tasks", files=files).json()
        assert task["classes"] == ["dark", "light"] and task["examples"] == 3
        found = http.post(f"/v1/learners/images/tasks/{task['task']}/predict", files=[("queries", ("q.png", picture(7, False)))])
        assert found.json()["answers"][0]["class"] == "dark"


def test_evidence_names_examples(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        found = http.post(f"/v1/learners/texts/tasks/{task}/explain", json={"queries": [{"text": "a stolen card"}], "most": 2})
        first, second = found.json()["evidence"][0]
        assert first["example"] == 1 and first["label"] == "cards" and first["weight"] >= second["weight"]


def test_examples_can_be_left_out_where_the_state_does_not_hold_them(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        made = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS, "drop_support": True})
        assert made.status_code == 201, made.text
        task = made.json()["task"]
        assert http.post(f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": "card"}]}).status_code == 200
        added = http.post(f"/v1/learners/texts/tasks/{task}/examples", json={"examples": TEXTS})
        assert added.status_code == 409 and "does not keep its support set" in added.json()["error"]
        near = http.post("/v1/learners/near/tasks", json={"examples": TEXTS, "drop_support": True})
        assert near.status_code == 409 and "holds its examples as they are" in near.json()["error"]


def test_each_key_sees_its_own_tasks_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/tasks.db")
    ann, bob = ({"Authorization": f"Bearer {database.new_key(name)}"} for name in ("ann", "bob"))
    with client(tmp_path) as http:
        assert http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).status_code == 401
        wrong = http.get("/v1/learners", headers={"Authorization": "Bearer nonsense"})
        assert wrong.status_code == 401 and wrong.json() == {"error": "this key is not known here."}
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}, headers=ann).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}"
        assert http.get(address, headers=ann).status_code == 200
        for call in (http.get(address, headers=bob), http.delete(address, headers=bob)):
            assert call.status_code == 404 and "may have been deleted, or belong to another key" in call.json()["error"]
        assert http.post(f"{address}/predict", json={"queries": [{"text": "card"}]}, headers=bob).status_code == 404
        assert http.get("/v1/learners/texts/tasks", headers=bob).json() == []
        assert http.get("/v2/health/ready").json() == {"ready": True}
    kept = (tmp_path / "tasks.db").read_bytes() + b"".join(path.read_bytes() for path in tmp_path.glob("tasks.db-*"))
    assert ann["Authorization"].removeprefix("Bearer ").encode() not in kept, "only hashes are kept"


WRONG: dict[str, tuple[Any, int, str]] = {
    "nothing": ({}, 422, "examples: Field required"),
    "list": ([], 400, "no object"),
    "none": ({"examples": []}, 400, "there are no examples"),
    "no text": ({"examples": [{"label": "a"}]}, 400, "example 1 has no 'text'"),
    "no label": ({"examples": [{"text": "a"}]}, 400, "example 1 has no 'label'"),
    "number": ({"examples": [{"text": 3, "label": "a"}]}, 400, "a text is a string, not a int"),
    "blank": ({"examples": [{"text": " ", "label": "a"}]}, 400, "example 1: the text is empty"),
    "label": ({"examples": [{"text": "a", "label": " "}]}, 400, "label is the name of a class"),
    "long": ({"examples": [{"text": "x" * 30_000, "label": "a"}]}, 413, "30,000 characters of a text are more"),
    "more": ({"examples": TEXTS, "x": 1}, 422, "x: Extra inputs are not permitted"),
    "ways": ({"examples": [{"text": f"t{n}", "label": str(n)} for n in range(9)]}, 413, "9 classes are more"),
    "many": ({"examples": TEXTS * 10}, 413, "40 examples are more"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    body, status, says = WRONG[name]
    with client(tmp_path, Limits(ways=8, examples=30)) as http:
        found = http.post("/v1/learners/texts/tasks", json=body)
        assert found.status_code == status, found.text
        assert says in found.json()["error"] and set(found.json()) == {"error"}
        assert http.get("/v1/learners/texts/tasks").json() == []


def test_bodies_of_other_kinds(tmp_path: Path) -> None:
    with client(tmp_path, Limits(request_bytes=5_000)) as http:
        address = "/v1/learners/texts/tasks"
        for content, media, status, says in (
            (b"{", "application/json", 400, "no JSON"),
            (b"\xff\xfe", "application/json", 400, "no JSON"),
            (b"[" * 4000, "application/json", 400, "no JSON"),
            (b"a=b", "application/x-www-form-urlencoded", 400, "is not read here"),
            (b"x" * 6_000, "application/json", 413, "larger than this server takes (5,000 bytes)"),
        ):
            found = http.post(address, content=content, headers={"content-type": media})
            assert found.status_code == status and says in found.json()["error"], found.text
        chunked = http.post(address, content=iter([b"x" * 3_000] * 3), headers={"content-type": "application/json"})
        assert chunked.status_code == 413, chunked.text
        assert http.get("/nowhere").json() == {"error": "there is nothing at this address."}
        assert "no learner 'txts'" in http.post("/v1/learners/txts/tasks", json={"examples": TEXTS}).json()["error"]
        pickle = base64.b64encode(b"\x80\x04cos\nsystem\n").decode()
        images = {"examples": [{"image": pickle, "label": "a"}]}
        found = http.post("/v1/learners/images/tasks", json=images)
        assert found.status_code == 400 and "example 1" in found.json()["error"]


def test_the_open_inference_protocol(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        model = f"/v2/models/texts.{task}"
        assert http.get("/v2").json()["name"] == "quickstudy" and http.get("/v2/health/live").json() == {"live": True}
        about = http.get(model).json()
        assert about["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}] and about["versions"] == ["1"]
        assert http.get(f"{model}/ready").json()["ready"]
        part = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["a card", "some rain"]}
        found = http.post(f"{model}/infer", json={"id": "7", "inputs": [part]}).json()
        said = {output["name"]: output for output in found["outputs"]}
        assert found["id"] == "7" and found["model_version"] == "1" and said["class"]["data"] == ["cards", "weather"]
        own = http.post(
            f"/v1/learners/texts/tasks/{task}/predict", json={"queries": [{"text": text} for text in part["data"]]}
        ).json()["answers"]
        wanted = [value for answer in own for value in answer["probabilities"].values()]
        assert said["probabilities"]["shape"] == [2, 2] and said["probabilities"]["data"] == pytest.approx(wanted, abs=1e-6)
        assert http.post(f"{model}/versions/9/infer", json={"inputs": [part]}).status_code == 404
        short = http.post(f"{model}/infer", json={"inputs": [part | {"shape": [3]}]})
        assert short.status_code == 400 and "has the shape [3] and 2 values" in short.json()["error"]
        assert "'text' is missing" in http.post(f"{model}/infer", json={"inputs": []}).json()["error"]
        rows = [{"row": {"age": 30, "sex": "f"}, "label": "no"}, {"row": {"age": 50, "sex": "m"}, "label": "yes"}]
        task = http.post("/v1/learners/rows/tasks", json={"examples": rows}).json()["task"]
        parts = [
            {"name": "age", "shape": [2], "datatype": "FP32", "data": [51, 29]},
            {"name": "sex", "shape": [2], "datatype": "BYTES", "data": ["m", "f"]},
        ]
        found = http.post(f"/v2/models/rows.{task}/infer", json={"inputs": parts}).json()
        assert found["outputs"][1]["data"] == ["yes", "no"]


def test_metrics_and_the_description_of_the_api(tmp_path: Path) -> None:
    with client(tmp_path) as http:
        http.post("/v1/learners/texts/tasks", json={"examples": TEXTS})
        text = http.get("/metrics").text
        assert 'quickstudy_requests_total{method="POST",route="/v1/learners/{learner}/tasks",status="201"} 1.0' in text
        assert "my card" not in text
        described = http.get("/openapi.json").json()
        body = described["paths"]["/v1/learners/{learner}/tasks"]["post"]["requestBody"]["content"]["application/json"]
        assert "examples" in body["schema"]["properties"]


def test_every_route_setting_and_metric_is_on_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/serve.md").read_text(encoding="utf-8")
    with client(tmp_path) as http:
        routes = http.get("/openapi.json").json()["paths"]
        families = {line.split()[2] for line in http.get("/metrics").text.splitlines() if line.startswith("# TYPE")}
    for route in routes:
        plain = route.replace("/versions/{version}", "")
        assert f"`{plain}`" in page, route
    for family in families:
        assert family.removesuffix("_total").removesuffix("_created") in page, family
    for name in inspect.signature(serve).parameters:
        if name not in ("runs", "trust_code"):
            assert f"--{name.replace('_', '-')}" in page, name


def test_a_report_a_map_and_a_file(tmp_path: Path) -> None:
    spoiled = [*TEXTS, {"text": "my card is stolen", "label": "weather"}]
    with client(tmp_path) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": spoiled}).json()["task"]
        address = f"/v1/learners/texts/tasks/{task}"
        report = http.get(f"{address}/report").json()
        assert report["score"]["metric"] == "accuracy" and report["alone"] == []
        assert [(each["example"], each["looks_like"]) for each in report["suspects"]][:1] == [(4, "cards")]
        places = http.post(f"{address}/map", json={"queries": [{"text": "my card is lost"}]}).json()
        assert len(places["examples"]) == 5 and places["labels"][4] == "weather"
        assert places["queries"][0] == pytest.approx(places["examples"][0], abs=1e-4), "the same text is at the same place"
        rows = [{"row": {"age": age, "sex": "f"}, "label": label} for age, label in ((30, "no"), (60, "yes"))]
        task = http.post("/v1/learners/rows/tasks", json={"examples": rows}).json()["task"]
        (tmp_path / "p").write_bytes(http.get(f"/v1/learners/rows/tasks/{task}/predictor").content)
        predictor = load(tmp_path / "p")
        assert predictor.names(predictor.reads.batch([{"age": 62, "sex": "f"}])) == ["yes"]


def test_a_predictor_that_is_served_never_changes(tmp_path: Path) -> None:
    learner = served()["texts"]
    with client(tmp_path, texts=learner) as http:
        task = http.post("/v1/learners/texts/tasks", json={"examples": TEXTS}).json()["task"]
        ask = {"queries": [{"text": "card"}]}
        before = http.post(f"/v1/learners/texts/tasks/{task}/predict", json=ask).json()
        assert isinstance(learner(examples_of(TEXTS, learner, Limits())[0]), Predictor)
        assert http.post(f"/v1/learners/texts/tasks/{task}/predict", json=ask).json() == before
