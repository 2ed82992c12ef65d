"""The field's words in pages, help texts, messages and docstrings: one word per thing, and the standard one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAY_INSTEAD = {
    r"pictures?": "image (data), figure or plot (what is drawn)",
    r"judge\w*|judging|judgements?": "evaluate, evaluation",
    r"rivals?": "baseline",
    r"manner": "setting: inductive, transductive",
    r"feature banks?": "feature cache",
    r"inks?": "strokes",
    r"worst tenth": "worst decile",
    r"reach(?:ed)? for": "target",
    r"behind the first": "difference to the best",
    r"dear|dearer|dearest": "expensive",
    r"wings?": "subpackage",
    r"episodes?": "task",
    r"companions?": "other queries",
    r"speaks? of|(?:is|are) told(?! apart)|(?:is|are) asked(?! for)": "refers to, is reported, is called",
    r"not asked": "skipped",
    r"patients? of|telling places?": "subject of, revealing position",
    r"killed at any moment|it goes on|goes on where|goes on bit for bit": "can be stopped at any time; the command resumes it",
    r"(?:on|at|of) both levels|each level": "on meta-training and meta-validation tasks",
    r"(?:is|are|was|were) looked at|one look|a look": "is checked, is probed; a probe",
    r"in (?:any|whatever|another) company": "beside other tasks",
    r"knows? nothing|nobody|by heart": "is independent of; no learner, no class; memorised",
    r"banks? of weights|family around": "cache, wrappers",
    r"as it stands|as they stand": "as it is",
    r"very same": "same",
    r"flattered": "optimistic",
}
"""What no page and no message says, and what it says instead."""

OLD_KEYS = ROOT / "src/quickstudy/saving/older.py"
"""Names the keys of files of version 0.1.0, which cannot change."""

ALLOWED = {"| episode", "of an episode", "batch norm behind the first layer"}
"""The glossary's own column of other words, and a place in a network."""


def pages() -> list[Path]:
    return [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")), *sorted((ROOT / "docs").glob("*.md"))]


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string in a file of code: docstrings, messages, titles, help."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path.name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.splitlines()):
                yield node.lineno + offset, line


def found(lines: Iterator[tuple[int, str]], path: Path) -> list[str]:
    wrong = []
    for number, line in lines:
        if not any(allowed in line for allowed in ALLOWED):
            for pattern, better in SAY_INSTEAD.items():
                if match := re.search(rf"(?<![\w-])(?:{pattern})(?![\w-])", line, re.IGNORECASE):
                    wrong.append(f"{path.relative_to(ROOT)}:{number} “{match[0]}”: say {better}")
    return wrong


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_pages_speak_the_fields_words(path: Path) -> None:
    wrong = found(enumerate(path.read_text(encoding="utf-8").splitlines(), 1), path)
    assert not wrong, "\n".join(wrong)


def test_messages_and_docstrings_speak_the_fields_words() -> None:
    files = [path for path in sorted((ROOT / "src").rglob("*.py")) if path != OLD_KEYS]
    wrong = [line for path in files for line in found(texts_of(path), path)]
    assert not wrong, "\n".join(wrong)


def test_the_words_are_found_where_they_stand(tmp_path: Path) -> None:
    """The test itself: it sees a word in a message, and does not see a part of another word."""
    code = tmp_path / "code.py"
    code.write_text('"""Shrinking a link."""\nraise ValueError(f"{1} pictures of\\nthe judge")\n')
    strings = list(texts_of(code))
    assert [number for number, line in strings if re.search("pictures", line)] == [2]
    path = ROOT / "src" / "x.py"
    assert [line.split(" ")[0] for line in found(iter(strings), path)] == ["src/x.py:2", "src/x.py:3"]
