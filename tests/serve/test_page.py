"""The page in a real browser: texts, files, a drawing, a table; answers, errors, a reload that keeps the task."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from quickstudy import learners, load
from quickstudy.inputs.images import Images
from quickstudy.serve.database import Database
from quickstudy.serve.sessions import Sessions
from serve.scene import on_a_port, picture, served

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
playwright = pytest.importorskip("playwright.sync_api", reason='needs Playwright: pip install "quickstudy[dev]"')


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of all kinds of learners."""
    torch.manual_seed(0)
    drawn = learners.ProtoNet(nn.Flatten())
    drawn.reads = Images()
    folder = tmp_path_factory.mktemp("page")
    known = {name: learner for name, learner in served().items() if name in ("texts", "rows", "images", "values")}
    centroid = learners.NearestCentroid()
    centroid.reads = known["texts"].reads
    sessions = Sessions(known | {"drawn": drawn, "texts": centroid}, Database(f"sqlite:///{folder}/t.db"))
    with on_a_port(sessions) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, accept_downloads=True)
    found = context.new_page()
    foreign: list[str] = []
    faults: list[str] = []
    found.on(
        "request", lambda request: foreign.append(request.url) if not request.url.startswith((address, "data:", "blob:")) else 0
    )
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.goto(address)
    found.wait_for_selector("#learner option", state="attached")
    yield found
    context.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in foreign), "nothing comes from elsewhere"
    assert not faults


def until(page: Any, place: str, text: str) -> None:
    """Waits for a text; the page's own policy forbids to evaluate strings in it."""
    playwright.expect(page.locator(place)).to_contain_text(text, timeout=60_000)


def teach_texts(page: Any) -> None:
    page.select_option("#learner", "texts")
    for name, texts in (("class 1", "my card is lost\na stolen card"), ("class 2", "will it rain\nrain today")):
        page.fill(f"[aria-label='texts of {name}']", texts)
        page.click(f"[aria-label='add texts to {name}']")
    until(page, "#standing", "4 examples of 2 classes")


def test_texts_are_learned_and_asked_and_a_reload_keeps_the_task(page: Any, tmp_path: Path) -> None:
    teach_texts(page)
    page.fill("[aria-label='texts of the query']", "where is my card")
    page.press("[aria-label='texts of the query']", "Control+Enter")
    page.wait_for_selector(".answer strong")
    assert page.inner_text(".answer strong") == "class 1"
    assert page.locator(".answer .bar").count() == 2 and "rests on" in page.inner_text("#answers")
    assert page.locator("#map circle").count() == 4 and page.locator("#map path").count() == 1
    assert "4 examples" in page.inner_text("#standing") and "accuracy" in page.inner_text("#examined")
    page.reload()
    until(page, "#standing", "4 examples")
    assert page.locator(".item").count() == 4
    page.click("#add-class")
    page.fill("[aria-label='texts of class 3']", "pay my bill")
    page.click("[aria-label='add texts to class 3']")
    until(page, "#standing", "5 examples of 3 classes, version")
    page.click("[aria-label='take example 5 away']")
    until(page, "#standing", "4 examples of 2 classes")
    page.click("summary")
    with page.expect_download() as waiting:
        page.click("#download")
    waiting.value.save_as(tmp_path / "mine.safetensors")
    predictor = load(tmp_path / "mine.safetensors")
    assert predictor.names(predictor.reads.batch(["a card"])) == ["class 1"]
    assert "/predict" in page.inner_text("#curl") and "curl -s" in page.inner_text("#curl")


def test_images_are_dropped_and_drawn(page: Any, tmp_path: Path) -> None:
    page.select_option("#learner", "drawn")
    for name, bright in (("class 1", False), ("class 2", True)):
        files = []
        for number in range(2):
            path = tmp_path / f"{name} {number}.png"
            path.write_bytes(picture(number, bright))
            files.append(path)
        page.set_input_files(f"[aria-label='images of {name}']", files)
    until(page, "#standing", "4 examples of 2 classes")
    page.click("#ask button")
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 220, steps=5)
    page.mouse.up()
    page.click("#drawing button.main")
    page.wait_for_selector(".answer .bar")
    assert page.locator(".answer .bar").count() == 2 and page.locator("#classes img").count() == 4


def test_a_table_is_pasted(page: Any) -> None:
    page.select_option("#learner", "rows")
    page.fill("#pasted", "age,sex,ill\n30,f,no\n50,m,yes\n41,f,no\n60,m,yes")
    assert page.inner_text("#target") == "ill"
    page.click("#take")
    until(page, "#standing", "4 examples of 2 classes")
    page.fill("#ask [name=age]", "58")
    page.fill("#ask [name=sex]", "m")
    page.click("#ask button")
    page.wait_for_selector(".answer strong")
    assert page.inner_text(".answer strong") == "yes"
    page.select_option("#learner", "values")
    page.fill("#pasted", "age,sex,score\n30,f,1.5\n50,m,2.5\n41,f,1.75")
    page.click("#take")
    until(page, "#standing", "3 examples")
    page.fill("#ask [name=age]", "45")
    page.fill("#ask [name=sex]", "f")
    page.click("#ask button")
    page.wait_for_selector(".answer p strong")
    assert "95 %:" in page.inner_text(".answer")


def test_errors_are_said_and_nothing_is_lost(page: Any, tmp_path: Path) -> None:
    page.select_option("#learner", "images")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image at all")
    good = tmp_path / "good.png"
    good.write_bytes(picture(0, True))
    page.set_input_files("[aria-label='images of class 1']", good)
    until(page, "#standing", "two classes or more")
    page.set_input_files("[aria-label='images of class 2']", bad)
    page.wait_for_selector("#error:not(.hidden)")
    assert "example 2" in page.inner_text("#error")
    page.set_input_files("[aria-label='images of the query']", good)
    until(page, "#error", "show examples first")
    page.fill("[aria-label='name of class 2']", "class 1")
    page.press("[aria-label='name of class 2']", "Tab")
    assert "a name of its own" in page.inner_text("#error")


def test_it_fits_a_phone_and_works_in_the_dark(browser: Any, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme="dark")
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#learner option", state="attached")
    teach_texts(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(20, 24, 29)"
    assert page.evaluate("document.activeElement.ariaLabel") == "add texts to class 2", "the keyboard stays where it was"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("take example")
    context.close()
