"""Functions in files of one's own run only from the user's list, with the content that stands there."""

import hashlib
import json
from pathlib import Path

import pytest

from quickstudy.errors import UserError
from quickstudy.storage.own_code import check_trusted, config_folder, own_function, trust

CODE = """from dataclasses import dataclass
from beside import VALUE

with open(__file__ + ".ran", "a") as file:
    file.write("x")
number = 5

@dataclass
class Settings:
    steps: int = 3

def mine(*, steps: int = 2):
    return Settings(steps * VALUE)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUICKSTUDY_CONFIG", str(tmp_path / "settings"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "beside.py").write_text("VALUE = 7\n")
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path / "mine.py"


def test_a_function_is_run_once_it_is_trusted(mine: Path) -> None:
    found = own_function(f"{mine}:mine", "a recipe", trust=True)
    assert found(steps=4).steps == 28
    assert type(own_function(f"{mine}:mine")()) is own_function(f"{mine}:Settings"), "one module, however often it is named"
    assert mine.with_name("mine.py.ran").read_text() == "x", "and run once"
    noted = json.loads((config_folder() / "trusted.json").read_text())
    assert noted == {str(mine.resolve()): hashlib.sha256(CODE.encode()).hexdigest()}


def test_nothing_runs_that_is_not_on_the_list_or_was_changed(mine: Path) -> None:
    with pytest.raises(UserError, match=r"mine.py is not on your list of code that may run, so it is not run.* trust=True"):
        own_function(f"{mine}:mine")
    sha256 = trust(mine)
    check_trusted(mine, sha256)
    with pytest.raises(UserError, match="was changed since you last ran it"):
        check_trusted(mine, "0" * 64)
    mine.write_text(CODE + "\n")
    with pytest.raises(UserError, match="was changed since you last ran it"):
        own_function(f"{mine}:mine")
    assert not mine.with_name("mine.py.ran").exists()


def test_another_path_to_the_same_file_is_the_same_file(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(mine)
    (mine.parent / "link.py").symlink_to(mine)
    monkeypatch.chdir(mine.parent)
    for path in ("mine.py", "./mine.py", "link.py"):
        assert own_function(f"{path}:mine")().steps == 14
    (mine.parent / "copy.py").write_text(CODE)
    with pytest.raises(UserError, match="copy.py is not on your list"):
        own_function("copy.py:mine")


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        (CODE, "mime", r"mine.py has no function 'mime'\. Did you mean mine\? It has Settings, mine"),
        (CODE, "number", "number in .*mine.py is of type int, no function. Name a function that gives a recipe"),
        ("x = 1\n\n1 / 0\n", "mine", r"mine.py cannot be run: line 3, ZeroDivisionError: division by zero\. Mend it"),
        ("x = 1\ndef f(:\n", "f", r"mine.py cannot be run: line 2, SyntaxError: "),
        ("import not_there_at_all", "f", r"cannot be run: line 1, ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("", "f", r"mine.py has no function 'f'\. It defines none"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(mine: Path, code: str, name: str, said: str) -> None:
    mine.write_text(code)
    with pytest.raises(UserError, match=said):
        own_function(f"{mine}:{name}", "a recipe", trust=True)


def test_no_such_file(mine: Path) -> None:
    with pytest.raises(UserError, match=r"mime.py is not there, or is no file\. Did you mean mine.py\?"):
        own_function(f"{mine.with_name('mime.py')}:mine", trust=True)
    with pytest.raises(UserError, match="mine.py does not name a recipe. Give the file and the function: mine.py:function"):
        own_function("mine.py", "a recipe")


def test_a_damaged_list_is_named_and_not_overwritten(mine: Path) -> None:
    config_folder().mkdir()
    (config_folder() / "trusted.json").write_text("{")
    with pytest.raises(UserError, match=r"trusted.json, your list of code that may run, cannot be read"):
        own_function(f"{mine}:mine", trust=True)
    assert (config_folder() / "trusted.json").read_text() == "{"
