"""Omniglot: 1,623 handwritten characters of 50 alphabets, each drawn by 20 people.

Source: Lake, Salakhutdinov & Tenenbaum, 2015, Human-level concept learning through probabilistic program induction (MIT
licence). The split "vinyals" (Vinyals et al., 2016) is the one that Snell et al. published with Prototypical Networks.
"""

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.fetch import cached_arrays, data_file, fetch
from quickstudy.datasets.zip_file import open_zip
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.images import Images

__all__ = ["omniglot"]

_ARCHIVES = {
    "images_background": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
}
_URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/{}.zip"
_HELD_OUT = 5
"""Background alphabets kept for validation by the split "background"."""


def omniglot(
    split: Literal["vinyals", "background", "alphabet"] = "vinyals", *, rotations: bool = True, size: int = 28
) -> Splits:
    """Omniglot's characters as classes, their alphabets as families, in one of three usual splits; strokes are 1 on 0.

    * ``vinyals``: 1,028 / 172 / 423 characters, drawn across alphabets.
    * ``background``: trained on 25 of the 30 background alphabets, validated on the 5 smallest, tested on the 20 evaluation
      alphabets: 883 / 81 / 659 characters, as in Meta-Dataset (Triantafillou et al., 2020).
    * ``alphabet``: all 50 alphabets by name, 35 / 5 / 10: no alphabet is in two parts.

    The archives come from ``$QUICKSTUDY_DATA/omniglot``, else from the user's cache, else from the authors' repository
    (checked, once). Images are resized once and cached.

    Args:
        split: see above.
        rotations: each character rotated by 90, 180 and 270 degrees counts as three more classes.
        size: of the images, in pixels.

    Raises:
        DataError: the data is not here and cannot be downloaded, or is damaged.
    """
    images = Images(size=(size, size), channels=1, strokes=True)
    arrays = cached_arrays(f"omniglot-{size}", lambda: _read(size))
    names = [str(name) for name in arrays["names"]]
    parts = _parts(split, names, arrays["background"])
    built = []
    for part, chosen in zip(Splits._fields, parts, strict=True):
        drawings = torch.from_numpy(arrays["x"][chosen])  # (characters, 20, size, size)
        turns = range(4 if rotations else 1)
        x = torch.stack([torch.rot90(drawings, turn, (2, 3)) for turn in turns], 1)
        classes = tuple(f"{names[i]}/rot{90 * turn:03d}" if rotations else names[i] for i in chosen for turn in turns)
        labels = torch.arange(len(classes)).repeat_interleave(drawings.shape[1])
        alphabets = tuple(name.split("/")[0] for name in classes)
        data = (x.reshape(-1, 1, size, size), labels, classes, f"omniglot/{split}/{part}")
        built.append(ClassIndex(*data, reads=images, families=alphabets))
    return Splits(*built)


def _parts(split: str, names: list[str], background: np.ndarray) -> list[list[int]]:
    """Numbers of the characters of train, val and test."""
    alphabets = [name.split("/")[0] for name in names]
    if split == "vinyals":
        of = _vinyals()
        return [[i for i, name in enumerate(names) if of.get(name) == part] for part in Splits._fields]
    if split == "background":
        trained = Counter(a for a, b in zip(alphabets, background, strict=True) if b)
        held = {a for a, _ in trained.most_common()[-_HELD_OUT:]}
        train = [i for i, a in enumerate(alphabets) if background[i] and a not in held]
        val = [i for i, a in enumerate(alphabets) if a in held]
        return [train, val, [i for i in range(len(names)) if not background[i]]]
    if split == "alphabet":
        ordered = sorted(set(alphabets))
        part = {a: 0 if n % 10 < 7 else 1 if n % 10 == 7 else 2 for n, a in enumerate(ordered)}
        return [[i for i, a in enumerate(alphabets) if part[a] == wanted] for wanted in range(3)]
    raise DataError(f'omniglot has no split {split!r}. Choose "vinyals", "background" or "alphabet".')


def _vinyals() -> dict[str, str]:
    """The part of each character, from the list in this folder."""
    found = {}
    text = (files("quickstudy.datasets") / "omniglot_vinyals.tsv").read_text()
    for line in text.splitlines():
        part, alphabet, ranges = line.split("\t")
        for span in ranges.split(","):
            low, _, high = span.partition("-")
            for number in range(int(low), int(high or low) + 1):
                found[f"{alphabet}/character{number:02d}"] = part
    return found


def _read(size: int) -> dict[str, np.ndarray]:
    """All drawings as strokes (characters, 20, size, size), names, and which are of the background set."""
    names: list[str] = []
    drawings: list[np.ndarray] = []
    background: list[bool] = []
    for archive in _ARCHIVES:
        characters: dict[str, list[np.ndarray]] = {}
        for member, content in _members(_archive(archive)):
            _, alphabet, character, _ = member.split("/")
            image = decoded(content).convert("L").resize((size, size))
            characters.setdefault(f"{alphabet}/{character}", []).append(255 - np.asarray(image))
        names += list(characters)
        drawings += [np.stack(found) for found in characters.values()]
        background += [archive == "images_background"] * len(characters)
    if len(names) != 1623 or {len(found) for found in drawings} != {20}:
        raise DataError(f"the Omniglot archives hold {len(names)} characters instead of 1623. Download them again.")
    return {"x": np.stack(drawings), "names": np.array(names), "background": np.array(background)}


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of an archive's images."""
    try:
        with open_zip(path) as (names, read):
            for member in names:
                if member.endswith(".png") and "__MACOSX" not in member:
                    yield member, read(member)
    except DataError as error:
        raise DataError(f"{path} is damaged ({error}). Remove it, so that it is downloaded again.") from error


def _archive(name: str) -> Path:
    return data_file(f"omniglot/{name}.zip") or fetch(_URL.format(name), _ARCHIVES[name], f"omniglot/{name}.zip")
