"""The page: complete, escaped, sufficient in itself, and written whole or not at all."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from quickstudy.errors import ArtefactError
from quickstudy.plots import embedding_map, intervals
from quickstudy.plots.page import Illustration, Page
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Checks that tags close in order; keeps attributes, text and names."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.cells: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def report(model: str, scores: list[float], **changes: object) -> Report:
    given = {"source": "toys", "metric": "accuracy", "higher_is_better": True, "digest": "cafe", "seed": 5}
    rest = {"transductive": False, "norm": "support", "seconds": 0.0123, "state_bytes": 4096, "planned": None}
    return Report(model=model, scores=tuple(scores), **(given | rest | changes))  # type: ignore[arg-type]


@pytest.fixture
def page() -> Page:
    a, b = report("A", [0.9, 0.8, 0.85], transductive=True, norm="batch"), report("B", [0.5, 0.6], planned=3, state_bytes=None)
    places, labels = torch.rand(4, 2), torch.tensor([0, 1, 0, 1])
    return Page(
        title="Toys & <games>",
        conclusion=["A is <better>."],
        reports=[a, b],
        comparisons=[compare(a, b)],
        illustrations=[
            Illustration("Means", intervals([a, b]), 'of "toys"'),
            Illustration("Map", embedding_map({"x": places}, labels, ["k", "l"], torch.rand(4, 1, 8, 8)), "a < b"),
            Illustration("Means again", intervals([b]), "again"),
        ],
        making={"seed": "5", "command": "make <it>"},
        next_steps={"quickstudy list && echo <ok>": "see & learn"},
    )


def test_the_tables_tell_everything(page: Page) -> None:
    cells = read(page.html()).cells
    assert cells[:3] == ["learner", "accuracy", "95 % interval, same source"]
    assert cells[3:8] == ["tasks", "setting", "norm", "ms a task", "bytes a task"]
    low, high = (100 * bound for bound in page.reports[0].interval)
    assert cells[8:16] == ["A", "85.00 %", f"{low:.2f} to {high:.2f}", "3", "transductive", "batch", "12.3", "4,096"]
    assert cells[16:24][3] == "the first 2 of 3" and cells[16:24][-1] == "unknown"
    same = "same source: "
    assert cells[24:30] == ["pair", "difference, points", same + "95 % interval", same + "p", same + "better", "tasks"]
    assert cells[30:32] == ["A − B", "+30.00"] and cells[34:36] == ["not told apart", "2"]


def test_each_world_has_columns_and_is_explained() -> None:
    """Four tasks of eight classes: A is better for both worlds, and the page says which interval is whose."""
    classes = {"classes": ((0, 1), (2, 3), (4, 5), (6, 7))}
    a, b = report("A", [0.9, 0.8, 0.85, 0.9], **classes), report("B", [0.5, 0.4, 0.4, 0.55], **classes)
    found = read(Page("t", [], [a, b], [compare(a, b)]).html())
    assert found.cells[2:4] == ["95 % interval, same classes", "95 % interval, new classes"]
    heads = [f"{world}: {what}" for world in ("same classes", "new classes") for what in ("95 % interval", "p", "better")]
    assert [cell for cell in found.cells if ": " in cell] == heads and found.cells.count("A") == 3
    assert "for other tasks of the same classes (“same classes”) and for new classes." in found.text


def test_the_text_names_the_list_and_how_it_was_made(page: Page) -> None:
    text = read(page.html()).text
    for words in ("task list cafe", "seed 5", "make <it>", "A is <better>.", "quickstudy list && echo <ok>", "see & learn"):
        assert words in text


def test_text_is_escaped(page: Page) -> None:
    html = page.html()
    for raw in ("<games>", "<better>", "make <it>", "<ok>", 'of "toys"', "a < b"):
        assert raw not in html
    assert "Toys &amp; &lt;games&gt;" in html
    hostile = Page("t", [], [report("<script>alert(1)</script>", [0.1, 0.2])])
    assert "<script" not in hostile.html()


def test_the_page_needs_no_other_file(page: Page) -> None:
    html = page.html()
    tags = read(html).attributes
    for tag, name, value in tags:
        if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert value.startswith(("#", "data:")), f"<{tag} {name}={value[:40]}>"
    assert not {tag for tag, _, _ in tags} & {"script", "link", "iframe", "object", "embed"}
    style = "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    assert "@import" not in html
    assert not re.findall(r"url\((?!\"?#|\"?data:)", style + "".join(value for _, _, value in tags))


def test_names_inside_images_are_their_own(page: Page) -> None:
    """Markers and clips are found by name: the same name in two figures would mix them up."""
    tags = read(page.html()).attributes
    names = Counter(value for _, name, value in tags if name == "id")
    assert not [name for name, count in names.items() if count > 1]
    asked = {value[1:] for _, name, value in tags if name in ("href", "xlink:href") and value.startswith("#")}
    asked |= set(re.findall(r"url\(#([^)]+)\)", page.html()))
    assert asked <= set(names)


def test_images_are_named_for_those_who_do_not_see_them(page: Page) -> None:
    labels = [value for tag, name, value in read(page.html()).attributes if (tag, name) == ("svg", "aria-label")]
    assert labels == ['Means. of "toys"', "Map. a < b", "Means again. again"]


def test_ink_follows_the_page_and_colours_can_be_changed_for_the_dark(page: Page) -> None:
    html = page.html()
    assert "#1f2328" not in html.split("</style>", 1)[1]
    assert "currentColor" in html and "var(--hue-0, #0072b2)" in html
    assert "prefers-color-scheme: dark" in html and "width=device-width" in html


def test_errors_are_not_shown_as_percentages() -> None:
    html = Page("t", [], [report("A", [0.5, 1.5], metric="mse", higher_is_better=False)]).html()
    assert "<td>1</td>" in html and "points" not in html and "1.00 %" not in html


def test_one_task_has_no_interval() -> None:
    cells = read(Page("t", [], [report("A", [0.5])]).html()).cells
    assert cells[10] == "none"
    assert "inf" not in " ".join(cells)


def test_the_same_page_is_the_same_text(page: Page) -> None:
    assert page.html() == page.html()


def test_written_whole_or_not_at_all(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"
    page.write(path)
    assert path.read_text(encoding="utf-8") == page.html()
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ArtefactError, match="could not be written"):
        page.write(tmp_path / "file" / "report.html")
    assert (tmp_path / "file").read_text() == "kept"
