"""The Open Inference Protocol as Triton's own client speaks it, with data as JSON (``binary_data=False``)."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from quickstudy.serve.client import Client
from quickstudy.serve.database import Database
from quickstudy.serve.sessions import Sessions
from serve.scene import ROWS, TEXTS, on_a_port, picture, served

utils = pytest.importorskip("tritonclient.utils", reason='needs Triton\'s client: pip install "tritonclient[http]"')
triton = pytest.importorskip("tritonclient.http", reason='needs Triton\'s client: pip install "tritonclient[http]"')
InferenceServerException = utils.InferenceServerException


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a port of this machine."""
    sessions = Sessions(served(), Database(f"sqlite:///{tmp_path_factory.mktemp('triton')}/tasks.db"))
    with on_a_port(sessions) as found:
        yield found.removeprefix("http://")


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    with triton.InferenceServerClient(address) as found:
        yield found


def part(name: str, values: list[Any], kind: str) -> Any:
    array = np.array([str(v).encode() for v in values], dtype=object) if kind == "BYTES" else np.array(values, np.float64)
    found = triton.InferInput(name, [len(values)], kind)
    found.set_data_from_numpy(array, binary_data=False)
    return found


def asked(client: Any, model: str, parts: list[Any], **more: Any) -> dict[str, Any]:
    names = ("probabilities", "class")
    outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in names]
    result = client.infer(model, parts, outputs=outputs, **more)
    return {name: result.as_numpy(name) for name in names} | {"id": result.get_response().get("id")}


def test_the_server_and_a_task_are_described(client: Any, address: str) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.get_server_metadata()["name"] == "quickstudy"
    task = Client(f"http://{address}").adapt("rows", ROWS)["task"]
    model = f"rows.{task}"
    assert client.is_model_ready(model) and client.is_model_ready(model, "1")
    assert not client.is_model_ready(model, "2") and not client.is_model_ready("rows.nothing")
    found = client.get_model_metadata(model)
    assert found["name"] == model and found["versions"] == ["1"] and found["parameters"]["classes"] == ["no", "yes"]
    assert {(each["name"], each["datatype"]) for each in found["inputs"]} == {("age", "FP64"), ("sex", "BYTES")}
    assert [each["name"] for each in found["outputs"]] == ["probabilities", "class"]


def test_rows_are_a_tensor_a_column(client: Any, address: str) -> None:
    ours = Client(f"http://{address}")
    task = ours.adapt("rows", ROWS)["task"]
    parts = [part("age", [31.0, 66.0], "FP64"), part("sex", ["f", "m"], "BYTES")]
    found = asked(client, f"rows.{task}", parts, request_id="seven")
    wanted = ours.predict("rows", task, [{"row": {"age": 31, "sex": "f"}}, {"row": {"age": 66, "sex": "m"}}])
    assert found["probabilities"].tolist() == [pytest.approx(list(each["probabilities"].values()), abs=1e-5) for each in wanted]
    assert [str(name) for name in found["class"]] == ["no", "yes"] and found["id"] == "seven"


def test_texts_are_bytes_and_versions_can_be_named(client: Any, address: str) -> None:
    ours = Client(f"http://{address}")
    task = ours.adapt("texts", TEXTS)["task"]
    ours.add("texts", task, [{"text": "pay my bill", "label": "bills"}])
    query = [part("text", ["where is my cärd", "rain"], "BYTES")]
    assert asked(client, f"texts.{task}", query)["probabilities"].shape == (2, 3)
    first = asked(client, f"texts.{task}", query, model_version="1")
    assert first["probabilities"].shape == (2, 2) and list(first["class"]) == ["cards", "weather"]


def test_images_are_base64(client: Any, address: str) -> None:
    ours = Client(f"http://{address}")
    examples = [{"image": picture(n, n % 2 == 1), "label": ("dark", "bright")[n % 2]} for n in range(4)]
    task = ours.adapt("images", examples)["task"]
    files = [picture(9, True), picture(8, False)]
    found = asked(client, f"images.{task}", [part("image", [base64.b64encode(file).decode() for file in files], "BYTES")])
    wanted = ours.predict("images", task, [{"image": file} for file in files])
    assert list(found["class"]) == [each["class"] for each in wanted]
    assert found["probabilities"].tolist() == [pytest.approx(list(each["probabilities"].values()), abs=1e-5) for each in wanted]


def test_outputs_need_not_be_named(client: Any, address: str) -> None:
    """The client then asks for binary data, which the protocol lets a server leave as JSON."""
    task = Client(f"http://{address}").adapt("texts", TEXTS)["task"]
    result = client.infer(f"texts.{task}", [part("text", ["a card"], "BYTES")])
    assert result.as_numpy("probabilities").shape == (1, 2) and list(result.as_numpy("class")) == ["cards"]


def test_errors_are_one_sentence(client: Any, address: str) -> None:
    task = Client(f"http://{address}").adapt("rows", ROWS)["task"]
    age, sex = part("age", [31.0], "FP64"), part("sex", ["f"], "BYTES")
    with pytest.raises(InferenceServerException, match=r"the tensor 'sex' is missing. This task reads: age, sex\."):
        asked(client, f"rows.{task}", [age])
    with pytest.raises(InferenceServerException, match="there is no task"):
        asked(client, f"rows.{'0' * 32}", [age, sex])
    binary = triton.InferInput("age", [1], "FP64")
    binary.set_data_from_numpy(np.array([31.0]), binary_data=True)
    with pytest.raises(InferenceServerException, match="\\[4"):
        asked(client, f"rows.{task}", [binary, sex])
