"""Glyphs: characters of many writing systems, rendered from the fonts that matplotlib ships; built in seconds, no download.

The fonts are DejaVu and STIX (free licences), which every matplotlib carries; its placeholder font is left out.
"""

import hashlib
import math
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.fetch import cached_arrays
from quickstudy.inputs.images import Images

__all__ = ["TEST", "VAL", "glyphs"]

TEST = ("ARABIC", "ARMENIAN", "CANADIAN", "GEORGIAN", "HEBREW", "LAO")
VAL = ("COPTIC", "LISU", "OLD")
_SYSTEMS = (*TEST, *VAL, "BRAILLE", "CYRILLIC", "GREEK", "LATIN")
_VERSION = 2
_ROWS = 40
_STYLES = 4
_SAME_STYLE = 0.98
_ALIKE = 0.95
_SIZE = 28


def glyphs() -> Splits:
    """Characters as classes, font styles as groups, writing systems as families; split by writing system.

    A class is a character that at least four font styles draw (regular, bold, italic … of six families); its rows are
    these styles times small seeded distortions (rotated by up to 8°, scaled and shorn by up to 10 %, moved by up to 1.5
    pixels), about forty in all, 28×28 grey, strokes are 1 on a background of 0. Letters, digits and signs are
    taken that Unicode does not call a variant of another. Support and query of a task never share a font style, and a
    style that only repeats another's
    drawing of a character (cosine above 0.98: many fonts borrow their signs) does not count as one.

    Characters that look alike are dropped, keeping the first by code point (Latin A stays, Greek Alpha goes): two
    characters look alike if the cosine between their images at half size, averaged over the font styles both have,
    exceeds 0.95, or if any image of the one is an image of the other. So no class has an equal in another split. With
    matplotlib 3.11: 4,479 characters in four styles, 3,167 in four that differ, 1,996 that differ from each other.

    * ``test``: Arabic, Armenian, Canadian syllabics, Georgian, Hebrew, Lao;
    * ``val``: Coptic, Lisu, Old Italic;
    * ``train``: Latin, Cyrillic, Greek, signs and the rest.

    >>> glyphs().test.classes[0]
    'ARMENIAN CAPITAL LETTER AYB'
    """
    files = _fonts()
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    arrays = cached_arrays(f"glyphs-{_VERSION}-{key}", lambda: _build(files))
    x, labels, styles = (torch.from_numpy(arrays[name]) for name in ("x", "labels", "styles"))
    names = [str(name) for name in arrays["names"]]
    fonts, systems = tuple(file.stem for file in files), tuple(map(_system, names))
    every = ClassIndex(x, labels, tuple(names), "glyphs", styles, fonts, Images((_SIZE, _SIZE)), systems)
    parts = [_part(name) for name in names]
    chosen = {p: [i for i, of in enumerate(parts) if of == p] for p in Splits._fields}
    return Splits(*[every.select(chosen[p], f"glyphs/{p}") for p in Splits._fields])


def _part(name: str) -> str:
    """The split of a character, by the writing system in its Unicode name ("EXTENDED ARABIC-INDIC DIGIT FOUR")."""
    systems = {word.split("-")[0] for word in name.split()[:2]}
    return "test" if systems & set(TEST) else "val" if systems & set(VAL) else "train"


def _system(name: str) -> str:
    """The writing system in a character's Unicode name; digits, arrows and other signs are one family."""
    words = [word.split("-")[0] for word in name.split()[:2]]
    return next((word for word in words if word in _SYSTEMS), "SIGNS")


def _fonts() -> list[Path]:
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return sorted(file for file in folder.glob("*.ttf") if file.stem.startswith(("DejaVu", "STIXGeneral")))


def _build(files: list[Path]) -> dict[str, np.ndarray]:
    images, owners = _render(files)
    kept = _distinct(images, owners)
    x, labels, styles = [], [], []
    for number, character in enumerate(kept):
        own = owners[character]
        copies = math.ceil(_ROWS / len(own))
        x.append(np.repeat(images[[row for _, row in own]], copies, axis=0))
        labels += [number] * (len(own) * copies)
        styles += [style for style, _ in own for _ in range(copies)]
    return {
        "x": _distort(torch.from_numpy(np.concatenate(x))).numpy(),
        "labels": np.array(labels),
        "styles": np.array(styles),
        "names": np.array([unicodedata.name(character) for character in kept]),
    }


def _render(files: list[Path]) -> tuple[np.ndarray, dict[str, list[tuple[int, int]]]]:
    """Images (R, 28, 28) uint8, and for each character its (font style, row) pairs."""
    from fontTools.ttLib import TTFont

    fonts = [ImageFont.truetype(str(file), 22, layout_engine=ImageFont.Layout.BASIC) for file in files]
    known: dict[str, list[int]] = defaultdict(list)
    for style, file in enumerate(files):
        with TTFont(file, lazy=True) as font:
            for code in font.getBestCmap():
                known[chr(code)].append(style)
    images: list[np.ndarray] = []
    owners: dict[str, list[tuple[int, int]]] = {}
    for character in sorted(known):
        if len(known[character]) >= _STYLES and _wanted(character):
            styles = np.array(known[character])
            drawn = np.stack([_draw(character, fonts[style]) for style in styles])
            chosen = _unlike(drawn)
            if len(chosen) >= _STYLES:
                owners[character] = [(int(styles[place]), len(images) + n) for n, place in enumerate(chosen)]
                images += list(drawn[chosen])
    return np.stack(images), owners


def _unlike(drawn: np.ndarray) -> list[int]:
    """Which of a character's drawings show strokes and do not repeat an earlier one."""
    rows = drawn.reshape(len(drawn), -1).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1)
    similar = rows @ rows.T
    chosen: list[int] = []
    for place in np.flatnonzero((drawn > 127).sum((1, 2)) >= 12).tolist():
        if not (similar[place, chosen] > _SAME_STYLE).any():
            chosen.append(place)
    return chosen


def _wanted(character: str) -> bool:
    kind = unicodedata.category(character)
    usual = (kind[0] in "LN" and kind != "Lm") or kind in ("Sm", "So", "Sc")
    return usual and unicodedata.normalize("NFKC", character) == character and bool(unicodedata.name(character, ""))


def _draw(character: str, font: ImageFont.FreeTypeFont) -> np.ndarray:
    """The character in the middle of the image, as large as its font draws it, made smaller only if it would not fit."""
    left, top, right, bottom = font.getbbox(character)
    width, height = max(1, math.ceil(right - left)), max(1, math.ceil(bottom - top))
    canvas = Image.new("L", (width + 2, height + 2))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), character, fill=255, font=font)
    box = canvas.getbbox()
    if box is None:
        return np.zeros((_SIZE, _SIZE), dtype=np.uint8)
    strokes = canvas.crop(box)
    if max(strokes.size) > _SIZE - 4:
        strokes.thumbnail((_SIZE - 4, _SIZE - 4), Image.Resampling.LANCZOS)
    image = Image.new("L", (_SIZE, _SIZE))
    image.paste(strokes, ((_SIZE - strokes.width) // 2, (_SIZE - strokes.height) // 2))
    return np.asarray(image)


def _distinct(images: np.ndarray, owners: dict[str, list[tuple[int, int]]]) -> list[str]:
    """Characters without those that look like an earlier one; compared style by style, all pairs at once."""
    characters = list(owners)
    row_of = torch.full((len(characters), 1 + max(style for own in owners.values() for style, _ in own)), -1)
    for number, character in enumerate(characters):
        for style, row in owners[character]:
            row_of[number, style] = row
    halved = torch.nn.functional.avg_pool2d(torch.from_numpy(images)[:, None].float(), 4, 2, 1).flatten(1)
    halved = torch.nn.functional.normalize(halved, dim=1)
    has = (row_of >= 0).float()
    drawn = (halved[row_of.clamp(min=0)] * has[..., None]).flatten(1)
    alike = (drawn @ drawn.mT / (has @ has.mT).clamp(min=1) > _ALIKE).numpy()
    kept = np.zeros(len(characters), dtype=bool)
    seen: set[bytes] = set()
    for number, character in enumerate(characters):
        own = {images[row].tobytes() for _, row in owners[character]}
        if not (alike[number] & kept).any() and not own & seen:
            kept[number] = True
            seen |= own
    return [characters[number] for number in np.flatnonzero(kept)]


def _distort(images: Tensor) -> Tensor:
    """Each image slightly rotated, scaled, sheared and shifted, by numbers that depend on its position alone."""
    generator = torch.Generator().manual_seed(_VERSION)
    angle, wide, high, shear, right, down = (2 * torch.rand(6, len(images), generator=generator) - 1).unbind()
    angle, shear = angle * math.radians(8), shear * 0.1
    wide, high = 1 + 0.1 * wide, 1 + 0.1 * high
    move = 2 * 1.5 / _SIZE
    rows = [wide * angle.cos(), shear - angle.sin(), right * move, angle.sin(), high * angle.cos(), down * move]
    matrices = torch.stack(rows, 1).view(-1, 2, 3)
    done = []
    for start in range(0, len(images), 5000):
        part, matrix = images[start : start + 5000], matrices[start : start + 5000]
        grid = torch.nn.functional.affine_grid(matrix, [len(part), 1, _SIZE, _SIZE], align_corners=False)
        warped = torch.nn.functional.grid_sample(part[:, None].float(), grid, align_corners=False)
        done.append(warped.round().clamp(0, 255).to(torch.uint8))
    return torch.cat(done)
