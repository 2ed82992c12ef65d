"""The figure of the page on object detection: what a trained learner finds from boxes in one image, right and wrong.

python docs/make/detecting.py runs/apps/object-detection docs/applications/object-detection.png
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle
from PIL import Image

from quickstudy.apps.parts.boxed_photos import WINDOWS, coco, counting
from quickstudy.datasets.box_folder import ANNOTATIONS, Boxed, read_boxed
from quickstudy.datasets.boxed_images import BoxedImages
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.zip_file import open_zip
from quickstudy.functional.boxes import suppressed
from quickstudy.metrics.boxes import matched
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.tasks.detecting import Detecting

COLUMNS, BEST = 4, 2
"""Classes in a row, and boxes that are drawn of each."""


def photos_of(part: BoxedImages) -> dict[int, Boxed]:
    """Photos of free licences of the meta-test part, by their number there."""
    every = [each for each in read_boxed(shipped("detection/detection.zip")) if counting(each) & set(part.classes)]
    return dict(enumerate(every))


def found_in(learner: torch.nn.Module, part: BoxedImages, label: int, pair: tuple[int, int]) -> torch.Tensor:
    """The best windows of the second image of a pair, from the boxes of the first."""
    source, rng = Detecting(part, 1), np.random.default_rng(0)
    rows, columns = source.shown(pair[0], label, rng)
    predictor = learner(Examples.of(part.gather(rows), columns, 2))
    scores = predictor(part.gather(source.asked(pair[1], label, rng)[0])).diff(dim=1)[:, 0]
    return WINDOWS[suppressed(WINDOWS, scores, overlap=0.4)[:BEST]]


def draw(axis: plt.Axes, photo: Boxed, boxes: torch.Tensor, **look: object) -> None:
    """Boxes on a photo, in its pixels."""
    for left, top, right, bottom in (boxes * torch.tensor([photo.image.width, photo.image.height] * 2)).tolist():
        axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, **look))


def main() -> None:
    """Draws, and prints where the photos are from."""
    torch.set_num_threads(1)
    learner, part = Run(Path(sys.argv[1])).learner(), coco().test
    photos = photos_of(part)
    used: list[Boxed] = []
    classes = [label for label, having in enumerate(part.having) if sum(int(image) in photos for image in having) > 1]
    classes = classes[: 2 * COLUMNS]
    figure, axes = plt.subplots(4, COLUMNS, figsize=(2.3 * COLUMNS, 7.4), constrained_layout=True)
    for place, label in enumerate(classes):
        first, second = [int(image) for image in part.having[label] if int(image) in photos][:2]
        row, column = divmod(place, COLUMNS)
        above, below = axes[2 * row][column], axes[2 * row + 1][column]
        above.imshow(photos[first].image)
        draw(above, photos[first], part.truth(part.unit(first, label)).boxes, edgecolor="white", linewidth=1.5)
        above.set_title(f"{part.classes[label]}: the boxes given", fontsize=8)
        true, boxes = part.truth(part.unit(second, label)), found_in(learner, part, label, (first, second))
        right = matched(boxes, true, 0.5)
        below.imshow(photos[second].image)
        draw(below, photos[second], true.boxes, edgecolor="white", linewidth=1.2, linestyle="dotted")
        for box, is_right in zip(boxes, right, strict=True):
            draw(below, photos[second], box[None], edgecolor="#2dff7a" if is_right else "#ff2d95", linewidth=1.5)
        below.set_title(f"{sum(map(bool, right))} of the best {BEST} right", fontsize=8)
        used += [photos[first], photos[second]]
    for each in axes.flat:
        each.set_axis_off()
    figure.savefig(sys.argv[2], dpi=75, metadata={"Software": "quickstudy"})
    Image.open(sys.argv[2]).convert("RGB").quantize(96).save(sys.argv[2], optimize=True)
    with open_zip(shipped("detection/detection.zip")) as (_, read):
        known = {entry["file_name"]: entry for entry in json.loads(read(ANNOTATIONS))["images"]}
    for each in used:
        entry = known["images/" + each.place.split("/")[-1]]
        print(f"{entry['flickr_url']} ({entry['license']})")


if __name__ == "__main__":
    main()
