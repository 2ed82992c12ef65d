"""The command line answers before PyTorch is loaded, and says of each command what the command says of itself."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from quickstudy_cli import COMMANDS


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_it_answers_without_loading_the_library(flag: str) -> None:
    program = (
        f"import sys; sys.argv = ['quickstudy', '{flag}']\nimport quickstudy_cli\nquickstudy_cli.main()\n"
        "sys.exit(bool({'torch', 'numpy', 'quickstudy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert all(command in found.stdout for command in COMMANDS) if flag == "--help" else found.stdout[0].isdigit()


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_there_and_described_in_its_own_words(command: str) -> None:
    where, told = COMMANDS[command]
    module, _, name = where.partition(":")
    found = getattr(import_module(module), name)
    if command in ("train", "tune"):
        assert len(list(found)) > 20
    else:
        assert told == " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())


def test_a_word_that_is_no_command_is_refused_at_once() -> None:
    program = "import sys; sys.argv = ['quickstudy', 'trian']\nimport quickstudy_cli\nquickstudy_cli.main()"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.returncode == 1 and "Did you mean" in found.stderr and "Try: quickstudy --help" in " ".join(found.stderr.split())
