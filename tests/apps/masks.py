"""A folder of drawn things with masks: discs, squares, bars … of a colour of their own, on speckled ground."""

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["KINDS", "drawing", "write_masks"]

KINDS = ("disc", "square", "bar", "ring", "cross", "wedge", "frame", "stripe", "dot")
_COLOURS = [(220, 40, 40), (40, 200, 60), (50, 70, 230), (230, 220, 40), (200, 60, 210), (40, 210, 220), (240, 140, 30)]


def drawing(kind: int, number: int, side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """An image (side, side, 3) and the mask of its thing, somewhere."""
    rng = np.random.default_rng(1000 * kind + number)
    down, across = np.mgrid[:side, :side]
    y, x = rng.integers(side // 3, side - side // 3, 2)
    r = side // 5
    away = np.maximum(abs(down - y), abs(across - x)) if kind % 2 else np.hypot(down - y, across - x)
    mask = away < r
    image = rng.integers(90, 140, (side, side, 3))
    colour = np.array(_COLOURS[kind % len(_COLOURS)]) // (1 + kind // len(_COLOURS))
    image[mask] = colour + rng.integers(-15, 15, (int(mask.sum()), 3))
    return image.clip(0, 255).astype(np.uint8), mask


def write_masks(folder: Path, kinds: int = len(KINDS), each: int = 3) -> Path:
    """Class folders of images with masks beside them."""
    for kind in range(kinds):
        (folder / KINDS[kind]).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            image, mask = drawing(kind, number)
            Image.fromarray(image).save(folder / KINDS[kind] / f"{number}.png")
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / KINDS[kind] / f"{number}_mask.png")
    return folder
