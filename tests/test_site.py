"""The documentation site: every page has its place, every module its page, and links lead where they lead in the folder."""

import importlib
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MADE = {"contributing.md", "changelog.md", "api/index.md"}
"""Pages of the navigation that are made while the site is built."""


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The hook that makes pages, as MkDocs loads it."""
    return _maker("pages")


@pytest.fixture(scope="module")
def docstrings() -> ModuleType:
    return _maker("docstrings")


def _maker(name: str) -> ModuleType:
    sys.path.insert(0, str(ROOT / "docs/make"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def in_navigation() -> Counter[str]:
    def walk(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        parts = entry.values() if isinstance(entry, dict) else entry
        assert not isinstance(parts, str) and hasattr(parts, "__iter__")
        return [page for part in parts for page in walk(part)]

    return Counter(walk(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))


def test_every_page_is_in_the_navigation_once() -> None:
    named = in_navigation()
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    lost, gone = sorted(there - set(named)), sorted(set(named) - there - MADE)
    assert not lost, f"the site does not lead to {', '.join(lost)}: name it under nav in mkdocs.yml, where readers would look"
    assert not gone, f"nav in mkdocs.yml names {', '.join(gone)}, which docs/ does not have: write it, or take the name out"
    assert set(named.values()) == {1}


def test_every_module_stands_on_one_page(pages: ModuleType) -> None:
    """Also the one that somebody adds tomorrow: pages are made from the source tree."""
    made = dict(pages.api_pages())
    shown = Counter(name for text in made.values() for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE))
    assert shown == Counter(set(pages.modules()) - {"quickstudy"})
    assert {page.split("#")[0] for page in map(pages.place, pages.modules())} == set(made)
    assert Counter(_flat(pages.api_nav())) == Counter(set(made))


def _flat(entries: list[object]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        below = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found += _flat(below) if isinstance(below, list) else [str(below)]
    return found


def test_every_floor_of_the_house_is_shown(pages: ModuleType) -> None:
    shown = {name for names in pages.rooms_by_floor() for name in names}
    assert shown == {name for name in pages.modules() if name.count(".") == 1}
    assert pages.floors_table("index.md").count("\n| ") == len(pages.floors())


@pytest.mark.parametrize(
    ("link", "origin", "leads"),
    [
        ("scale.md", "docs/cost.md", "scale.md"),
        ("../CONTRIBUTING.md", "docs/add-a-learner.md", "contributing.md"),
        ("../README.md", "docs/add-a-learner.md", "index.md"),
        ("../examples/maml_from_scratch.py", "docs/phases.md", "files/examples/maml_from_scratch.py.md"),
        ("../src/quickstudy/train.py", "docs/cost.md", "api/train.md"),
        (
            "../src/quickstudy/learners/metric/proto.py",
            "docs/cost.md",
            "api/learners/metric/index.md#quickstudy.learners.metric.proto",
        ),
        ("docs/results.md", "CONTRIBUTING.md", "results.md"),
        ("changelog.d/README.md", "CONTRIBUTING.md", "changelog.md"),
        ("https://example.org/x.md", "docs/cost.md", None),
        ("nowhere.md", "docs/cost.md", None),
    ],
)
def test_links_lead_where_they_lead_in_the_folder(pages: ModuleType, link: str, origin: str, leads: str | None) -> None:
    assert pages.target(link, origin) == leads


def test_links_are_rewritten_from_where_the_page_stands(pages: ModuleType) -> None:
    text = "[a](docs/results.md#x), ![b](docs/memory.png), [c](https://example.org)\n```\n[d](docs/results.md)\n```\n"
    found = pages.sited(text, "CONTRIBUTING.md", "deep/contributing.md")
    assert found == text.replace("docs/results.md#x", "../results.md#x").replace("docs/memory.png", "../memory.png")


def test_what_is_not_released_stands_in_the_changelog(pages: ModuleType) -> None:
    text = pages.changelog()
    fragments = [path for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert fragments
    assert all(path.read_text(encoding="utf-8").split("`")[0].strip() in text for path in fragments)
    assert "../docs/" not in text


def test_docstrings_are_shown_as_a_page_reads(docstrings: ModuleType) -> None:
    text = "Waves.\n\n    ``y = A sin(x − b)``\n\nArgs:\n    a, b: numbers.\n\n>>> 1 + 1\n2"
    assert docstrings.shown(text) == (
        "Waves.\n\n``y = A sin(x − b)``\n{: .equation }\n\nArgs:\n    a: numbers.\n    b: as `a`.\n\n```pycon\n>>> 1 + 1\n2\n```"
    )


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("FewShot", "quickstudy.tasks.few_shot.FewShot"),
        ("learners.MAML", "quickstudy.learners.optimization.maml.MAML"),
        ("quickstudy.train", "quickstudy.train"),
        ("quickstudy.checks.check_learner", "quickstudy.checks.contract.check_learner"),
        ("functional.unroll.descend", "quickstudy.functional.unroll.descend"),
        ("nn.Module", None),
        ("learners.FewShot", None),
    ],
)
def test_names_are_found(docstrings: ModuleType, name: str, full: str | None) -> None:
    assert docstrings.meant(name) == full


def test_names_become_links_but_not_in_code_headings_and_links(docstrings: ModuleType) -> None:
    text = "# `FewShot`\n`FewShot`, `own`, [`FewShot`](x), ``FewShot``\n```\n`FewShot`\n```\n`FewShot`"
    link = "[`FewShot`][quickstudy.tasks.few_shot.FewShot]"
    assert docstrings.linked(text) == text.replace("\n`FewShot`, ", f"\n{link}, ").removesuffix("`FewShot`") + link
    assert docstrings.linked("`FewShot`", own=["FewShot"]) == "`FewShot`"


def test_pages_that_fetch_from_elsewhere_are_told(pages: ModuleType) -> None:
    assert pages.foreign('<a href="https://example.org">x</a> <script src="../a.js"></script> <img src="idea.png">') == []
    assert pages.foreign('<link rel="canonical" href="https://example.org/a"><link href=https://example.org rel=next>') == []
    wrong = '<link rel="stylesheet" href="https://example.org/a.css"><script src=//example.org/b.js></script>'
    assert pages.foreign(wrong) == ["https://example.org/a.css", "//example.org/b.js"]


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_on_pages_are_there(docstrings: ModuleType, page: Path) -> None:
    """Names with the room they stand in, ``checks.step_cost`` say; in blocks of code they are run by test_readme.py."""
    text = re.sub(r"^(```+).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    rooms = "quickstudy|checks|datasets|functional|learners|metrics|plots|recipes|tasks"
    named = set(re.findall(rf"`((?:{rooms})\.\w+(?:\.\w+)*)(?:\([^`]*\))?`", text))
    lost = sorted(name for name in named if docstrings.meant(name) is None)
    assert not lost, f"{page.name} names {', '.join(lost)}, which the library does not have (or has more than once)"
