"""What the pages say is true: Python blocks run, commands parse, links lead somewhere, learners stand in the table."""

import contextlib
import doctest
import io
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image

from quickstudy.datasets.glyphs import glyphs
from quickstudy.storage.own_code import names_code
from quickstudy_cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELLS = {"bash", "sh", "shell", "console"}
MOST_NOT_RUN = 3
"""Python blocks that may be marked as not run, over all pages; a mark carries its reason."""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    not_run: str | None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Fenced blocks of a page; ``<!-- not run: reason -->`` on the line before marks one that is not run."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start, fence, language = 0, "", ""
    for number, line in enumerate(lines):
        found = re.match(r"^(```+|~~~+)\s*(\S*)", line)
        if not fence and found:
            start, fence, language = number, found[1], found[2]
        elif fence and line.strip() == fence:
            above = next((text for text in reversed(lines[:start]) if text.strip()), "")
            mark = re.fullmatch(r"<!-- not run:(.*)-->", above.strip())
            yield Block(page, start + 1, language, "\n".join(lines[start + 1 : number]), mark[1].strip() if mark else None)
            fence = ""
    assert not fence, f"{page}:{start + 1} a block is not closed"


def of(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in languages]


def run(block: Block, names: dict[str, Any]) -> None:
    """Runs a block, plain or as a doctest; the line numbers of a traceback are those of the page."""
    if not block.text.lstrip().startswith(">>>"):
        exec(compile("\n" * block.line + block.text, str(block.page), "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, block.where, str(block.page), block.line)
    told = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    failed = runner.run(test, out=told.write, clear_globs=False).failed
    names |= test.globs
    assert not failed, told.getvalue()


def commands(block: Block) -> Iterator[list[str]]:
    """Words of each command of a shell block; in a console block only lines after ``$`` are commands."""
    joined = block.text.replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    for line in lines:
        for part in re.split(r"&&|\|\||[|;]", line):
            words = shlex.split(part)
            while words and re.fullmatch(r"\w+=\S*", words[0]):
                words = words[1:]
            if words:
                yield [word for word in words if not re.match(r"^\d?[<>]", word)]


def images_of_a_reader(folder: Path) -> None:
    """What the pages call ``my_letters`` and ``query.png``: dark strokes on white, three letters, three images of each."""
    index = glyphs().test
    for number in (0, 40, 80):
        rows = (index.labels == number).nonzero().flatten()[[0, 12, 24, 36]].tolist()
        (folder / "my_letters" / f"letter{number}").mkdir(parents=True)
        for place, row in enumerate(rows):
            strokes = Image.fromarray((255 - 255 * index.gather(torch.tensor(row))[0]).byte().numpy()).resize((90, 90))
            strokes.save(folder / "query.png" if place == 3 else folder / "my_letters" / f"letter{number}" / f"{place}.png")


@pytest.mark.parametrize("page", [page for page in PAGES if of(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the page, as one script, in a folder with a reader's images."""
    images_of_a_reader(tmp_path)
    monkeypatch.chdir(tmp_path)
    script = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", script)  # where a learner of the page is looked for when it is loaded
    names: dict[str, Any] = vars(script)
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        for block in of(page, "python"):
            if block.not_run is None:
                run(block, names)


def test_the_readme_has_something_to_run() -> None:
    assert any(block.not_run is None for block in of(ROOT / "README.md", "python"))


def test_blocks_not_run_are_few_and_say_why() -> None:
    marked = [block for page in PAGES for block in of(page, "python", *SHELLS) if block.not_run is not None]
    assert all(block.not_run for block in marked), [block.where for block in marked if not block.not_run]
    assert len(marked) <= MOST_NOT_RUN, [block.where for block in marked]


def parse(words: list[str]) -> None:
    """As ``quickstudy`` would, without running it; its errors are raised."""
    if "--help" in words:
        below = app
        for word in words[: words.index("--help")]:
            assert word in below, f"there is no command {word!r}"
            below = below[word]
        return
    command, _, _ = app.parse_args(words, print_error=False, exit_on_error=False)
    assert command is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_parse(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for block in of(page, *SHELLS):
        for words in commands(block):
            if words[0].split("/")[-1] == "quickstudy" and block.not_run is None:
                parse(["proto" if names_code(word) and words[1] in ("train", "tune") else word for word in words[1:]])
            elif words[0] == "make":
                asked = {word for word in words[1:] if "=" not in word}
                assert asked <= targets, f"{block.where}: the Makefile has no {', '.join(asked - targets)}"


@pytest.mark.parametrize("wrong", ["nonsense", "evaluate run --nonsense 3", "evaluate run --tasks many", "train nonsense"])
def test_a_command_that_is_not_there_does_not_parse(wrong: str) -> None:
    with pytest.raises(Exception, match=r"nonsense|many"):
        parse(shlex.split(wrong))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"^(```+).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        link = (target[0] or target[1]).split("#")[0]
        if link and not re.match(r"[a-z]+:", link):
            assert (page.parent / link).exists(), f"{page.name} links to {link}, which is not there"
