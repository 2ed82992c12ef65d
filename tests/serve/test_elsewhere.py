"""What the docs say of a container and of Ray Serve: the container's commands run here, and two replicas share all tasks."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from quickstudy import learners, save
from quickstudy.inputs.texts import Texts
from quickstudy.runs.run import Run
from quickstudy.serve.client import Client
from serve.scene import TEXTS, free_port

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/serve.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_container_file_names_what_there_is(tmp_path: Path) -> None:
    lines = [line.split(maxsplit=1) for line in block("dockerfile").splitlines()]
    verbs = [verb for verb, _ in lines]
    assert verbs[0] == "FROM" and verbs[-1] == "CMD" and verbs.index("USER") < verbs.index("COPY"), "it does not run as root"
    words = [word for verb, rest in lines if verb == "RUN" for word in shlex.split(rest)]
    (requirement,) = [word for word in words if word.startswith("quickstudy")]
    extras = re.fullmatch(r"quickstudy\[(.*)\]", requirement)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extras is not None and set(extras[1].split(",")) <= set(project["optional-dependencies"])
    home = dict(lines)["WORKDIR"]
    for _ in Run(tmp_path / "runs" / "cards", "proto", {"steps": 1, "train_ways": 5, "queries": 2, "val_tasks": 2}).train():
        pass
    copied = dict(lines)["COPY"].split()[1:]
    assert copied == ["runs/cards", "cards"]
    (tmp_path / "runs" / "cards").rename(tmp_path / "cards")
    (tmp_path / "tasks").mkdir()
    port = free_port()
    words = [word.replace(f"sqlite:///{home}", f"sqlite:///{tmp_path}") for word in json.loads(dict(lines)["CMD"])]
    assert words[0] == "quickstudy" and words[0] in project["scripts"]
    command = [sys.executable, "-c", "from quickstudy_cli import main; main()", *words[1:], "--port", str(port)]
    check = [word.replace("8000", str(port)) for word in json.loads(dict(lines)["HEALTHCHECK"].removeprefix("CMD "))]
    assert dict(lines)["EXPOSE"] == "8000" and check[0] == "python"
    check[0] = sys.executable
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        healthy = 1
        for _ in range(600):
            healthy = subprocess.run(check, capture_output=True, check=False).returncode
            if not healthy or server.poll() is not None:
                break
            time.sleep(0.2)
        assert healthy == 0, server.stderr.read() if server.poll() is not None and server.stderr else "it does not answer"
        assert [each["name"] for each in Client(f"http://127.0.0.1:{port}").learners()] == ["cards"]
        assert (tmp_path / "tasks" / "tasks.db").exists()
    finally:
        server.terminate()
        server.communicate()


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own code
def test_replicas_of_ray_serve_share_all_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason='needs Ray: pip install "ray[serve]"')
    pytest.importorskip("ray.serve")
    learner = learners.NearestCentroid()
    learner.reads = Texts(width=128)
    save(learner, tmp_path / "learner.safetensors")
    (tmp_path / "tasks_on_ray.py").write_text(block("py"))
    environment = {"LEARNER": str(tmp_path / "learner.safetensors"), "DATABASE": f"sqlite:///{tmp_path}/tasks.db"}
    paths = [str(tmp_path), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(tmp_path))
    port = free_port()
    ray.init(num_cpus=4, include_dashboard=False, runtime_env={"env_vars": environment}, log_to_driver=False)
    try:
        ray.serve.start(http_options={"port": port})
        ray.serve.run(__import__("tasks_on_ray").tasks)
        client = Client(f"http://127.0.0.1:{port}", timeout=120)
        made = [client.adapt("cards", TEXTS)["task"] for _ in range(4)]
        for task in made * 5:
            assert client.predict("cards", task, [{"text": "a lost card"}])[0]["class"] == "cards"
        assert sorted(each["task"] for each in client.tasks("cards")) == sorted(made)
        status = ray.serve.status().applications["default"].deployments["quickstudy"]
        assert status.replica_states["RUNNING"] == 2
    finally:
        ray.serve.shutdown()
        ray.shutdown()
