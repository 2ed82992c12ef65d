"""Docstrings as pages show them: examples as code, equations as text, names in backticks as links, joint arguments one by one.

An extension of griffe, named in mkdocs.yml; the docstrings themselves stay as people read them in a terminal.
"""

import ast
import re
from collections import Counter
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import griffe

SRC = Path(__file__).parents[2] / "src"
NAME = re.compile(r"(?<![`\w\[])`(\w+(?:\.\w+)*)`(?![`\w\]])")
"""A name in single backticks that is no link yet."""


class Docstrings(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_instance(self, *, obj: griffe.Object | griffe.Alias, **kwargs: Any) -> None:
        """Called once for every module, class, function and attribute."""
        if obj.is_alias or obj.docstring is None:
            return
        text = shown(obj.docstring.value)
        if isinstance(obj, griffe.Class) and any("NamedTuple" in str(base) for base in obj.bases):
            text = text.replace("\nArgs:\n", "\nAttributes:\n")  # griffe knows no constructor of them
        own = [p.name for p in obj.parameters] if isinstance(obj, griffe.Class | griffe.Function) else []
        obj.docstring.value = linked(text, own)


def shown(text: str) -> str:
    """A docstring with its examples in fences, its equations dedented and its joint arguments told apart."""
    text = re.sub(r"^>>> .*(?:\n.+)*", lambda found: f"```pycon\n{found[0]}\n```", text, flags=re.MULTILINE)
    text = re.sub(r"(?<=\n\n)((?: {4,}``.*(?:\n|$))+)", _equation, text)
    return re.sub(r"^(    )(\w+(?:, \w+)+): (.*)$", _arguments, text, flags=re.MULTILINE)


def _equation(found: re.Match[str]) -> str:
    lines = [line.strip() for line in found[1].splitlines()]
    return "<br>\n".join(lines) + "\n{: .equation }\n"


def _arguments(found: re.Match[str]) -> str:
    first, *others = found[2].split(", ")
    return "\n".join([f"    {first}: {found[3]}", *[f"    {name}: as `{first}`." for name in others]])


@cache
def things() -> dict[str, str]:
    """Exported functions and classes, which all have docstrings, and modules: by full name, the full name."""
    found = {}
    for path in sorted((SRC / "quickstudy").rglob("*.py")):
        module = ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
        found[module] = module
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                found[f"{module}.{node.name}"] = f"{module}.{node.name}"
    return found


@cache
def _short() -> dict[str, list[str]]:
    """Full names by their last word."""
    found: dict[str, list[str]] = {}
    for name in things():
        found.setdefault(name.rpartition(".")[2], []).append(name)
    return found


def meant(name: str) -> str | None:
    """The full name of the one thing that ``name`` can mean; ``nn.Point`` is found in ``quickstudy.nn.point``."""
    *rooms, last = name.split(".")
    fitting = [full for full in _short().get(last, []) if not Counter(rooms) - Counter(full.split(".")[:-1])]
    exact = [full for full in fitting if full in (name, f"quickstudy.{name}")]
    inside = [full for full in fitting if full.split(".")[-2:-1] != [last]]
    for found in (exact, fitting, [full for full in inside if not _is_module(full)]):
        if len(found) == 1:
            return found[0]
    return None


def _is_module(full: str) -> bool:
    return any(other.startswith(f"{full}.") for other in things())


def linked(text: str, own: Collection[str] = ()) -> str:
    """The text with names of the library in single backticks as links, code and headings left as they are.

    Args:
        text: Markdown.
        own: names that mean something else here, arguments for example.
    """
    pieces = re.split(r"(^ *(?:```+|~~~+).*?^ *(?:```+|~~~+) *$|^#[^\n]*$)", text, flags=re.MULTILINE | re.DOTALL)
    for number in range(0, len(pieces), 2):
        pieces[number] = NAME.sub(lambda found: _link(found[0], found[1], own), pieces[number])
    return "".join(pieces)


def _link(whole: str, name: str, own: Collection[str]) -> str:
    full = None if name in own or not re.search(r"[A-Z._]", name) else meant(name)
    return whole if full is None else f"[{whole}][{full}]"
