"""Where in images a predictor of cells finds its class: a mask of each image's own size."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from quickstudy.errors import LearnerError, UserError
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.decoding import decoded
from quickstudy.learner import Predictor
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import SOFTWARE
from quickstudy.use.queries import Query, fault_of

__all__ = ["Drawn", "drawn", "mask_path", "write_mask"]

_EVEN = 0.5


@dataclass(frozen=True)
class Drawn:
    """An image with its mask, or what is wrong with it.

    Args:
        place: of the query.
        label: name of the class.
        mask: booleans (height, width) of the image's own size; None with a fault.
        fault: what is wrong; then there is nothing else.
    """

    place: str
    label: str = ""
    mask: np.ndarray | None = None
    fault: UserError | None = None

    @property
    def share(self) -> float:
        """Of the image that is marked."""
        return float(self.mask.mean()) if self.mask is not None else 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON for other programs."""
        return {"input": self.place, "class": self.label, "share": round(self.share, 4)}


def drawn(predictor: Predictor, queries: Iterable[Query]) -> Iterator[Drawn]:
    """The mask of each image: where the probability of the class, between the centres of cells in straight lines, is above ½.

    Args:
        predictor: of cells, its first class is "background".
        queries: of images.

    Raises:
        LearnerError: the predictor reads no cells.
    """
    if not isinstance(predictor.reads, Cells):
        raise LearnerError("this predictor reads no cells of images. Use quickstudy.use.answers.")
    for query in queries:
        if query.fault is not None:
            yield Drawn(query.place, fault=query.fault)
            continue
        try:
            yield _drawn(predictor, predictor.reads, query)
        except UserError as error:
            yield Drawn(query.place, fault=fault_of(query, error))


def _drawn(predictor: Predictor, reads: Cells, query: Query) -> Drawn:
    image = decoded(query.thing) if not isinstance(query.thing, torch.Tensor) else None
    height, width = (image.height, image.width) if image is not None else query.thing.shape[-2:]
    sure = predictor.learner.stated.mean(predictor(reads.batch([query.thing if image is None else image])))[:, 1:].sum(1)
    grid = sure.float().view(1, 1, reads.side, reads.side)
    whole = torch.nn.functional.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
    names = predictor.classes or ("0", "1")
    return Drawn(query.place, " or ".join(names[1:]), (whole[0, 0] > _EVEN).numpy())


def write_mask(found: Drawn, folder: Path) -> Path:
    """Writes ``NAME_mask.png`` into a folder, white where the class is, as `datasets.mask_folder` reads it.

    Args:
        found: with a mask.
        folder: which is made if need be.
    """
    path = mask_path(found, folder)
    said = PngInfo()
    said.add_text("Software", SOFTWARE)
    assert found.mask is not None
    content = io.BytesIO()
    Image.fromarray(found.mask.astype(np.uint8) * 255).convert("1").save(content, "PNG", pnginfo=said)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, content.getvalue())
    return path


def mask_path(found: Drawn, folder: Path) -> Path:
    """Where the mask of an image is written."""
    return folder / f"{Path(found.place).stem}_mask.png"
