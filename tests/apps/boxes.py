"""A folder of drawn things with boxes around them, in COCO's format."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from apps.masks import KINDS, drawing
from quickstudy.datasets.box_folder import ANNOTATIONS

__all__ = ["write_boxes"]


def write_boxes(folder: Path, kinds: int = len(KINDS), each: int = 3) -> Path:
    """Images of one thing each, and ``annotations.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Any]] = {"images": [], "annotations": []}
    found["categories"] = [{"id": kind, "name": KINDS[kind]} for kind in range(kinds)]
    for kind in range(kinds):
        for number in range(each):
            image, mask = drawing(kind, number)
            down, across = np.nonzero(mask)
            x, y = int(across.min()), int(down.min())
            box = [x, y, int(across.max()) + 1 - x, int(down.max()) + 1 - y]
            name = len(found["images"])
            Image.fromarray(image).save(folder / f"{name}.png")
            found["images"].append({"id": name, "file_name": f"{name}.png", "width": 64, "height": 64})
            found["annotations"].append({"image_id": name, "category_id": kind, "bbox": box})
    (folder / ANNOTATIONS).write_text(json.dumps(found))
    return folder
