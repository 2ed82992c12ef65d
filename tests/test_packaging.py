"""What people install: pins, versions, licence, and what a wheel holds."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from quickstudy.storage.artefact import versions

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert version("quickstudy") == PROJECT["version"] == versions()["quickstudy"] == str(citation["version"])
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"


def test_pins_are_plain() -> None:
    """Name and version only: no local builds, no paths, no hosts."""
    assert [pin for pin in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)] == []
    assert sorted(PINS, key=str.lower) == PINS


def test_pins_fulfil_what_is_declared() -> None:
    pinned = {canonicalize_name(name): Version(number) for name, _, number in (pin.partition("==") for pin in PINS)}
    declared = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
    assert {need.name for need in declared if pinned[canonicalize_name(need.name)] not in need.specifier} == set()


def test_every_third_party_import_is_declared() -> None:
    """Also what another dependency happens to bring, so that its leaving breaks nothing."""
    names = {"sklearn": "scikit-learn", "PIL": "pillow", "fontTools": "fonttools", "lightning_fabric": "lightning-fabric"}
    names |= {"sentence_transformers": "sentence-transformers", "huggingface_hub": "huggingface-hub"}
    names |= {"prometheus_client": "prometheus-client", "mlflow": "mlflow-skinny"}
    nodes = [node for path in (ROOT / "src").rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    installed = {name.split(".")[0] for name in found} - sys.stdlib_module_names - {"quickstudy", "quickstudy_cli"}
    declared = {Requirement(line).name for line in PROJECT["dependencies"]}
    extras = {Requirement(line).name for key, lines in PROJECT["optional-dependencies"].items() if key != "dev" for line in lines}
    assert {names.get(name, name) for name in installed} - extras == declared


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel, built as a package index would get it."""
    built = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"]))
    with zipfile.ZipFile(built) as pack:
        return set(pack.namelist())


def test_the_wheel_holds_all_of_the_library_and_nothing_else(wheel: set[str]) -> None:
    ours = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"quickstudy/py.typed", "quickstudy/datasets/omniglot_vinyals.tsv"} <= ours
    assert {name for name in wheel if ".dist-info/" not in name} == ours
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_importing_loads_no_library_that_is_not_needed_yet() -> None:
    """Loading them takes longer than loading all of quickstudy; the command line needs none either."""
    heavy = "lightning_fabric matplotlib optuna scipy.special scipy.stats sklearn torch._dynamo torch._inductor"
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, quickstudy_cli, quickstudy.cli; print(*sorted(set(sys.argv[1:]) & set(sys.modules)))",
            *heavy.split(),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == []
