"""The figure of the page on semantic segmentation: masks that a trained learner draws from one mask, the best and the worst.

python docs/make/segmenting.py runs/apps/semantic-segmentation docs/applications/semantic-segmentation.png
"""

import csv
import io
import json
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import torch
from matplotlib import pyplot as plt
from PIL import Image

from quickstudy.datasets.mask_folder import Masked, read_masked, shares
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.zip_file import open_zip
from quickstudy.inputs.cells import Cells
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.use.masking import drawn
from quickstudy.use.queries import Query

SHOWN = 4
"""Columns of each row."""


def cases(learner: object, reads: Cells) -> list[tuple[float, Masked, Masked, np.ndarray]]:
    """For each test class the photos of free licences in a circle: each drawn from the mask of the one before it."""
    archive = shipped("segmentation/segmentation.zip")
    classes = json.loads((archive.parent / "splits.json").read_text(encoding="utf-8"))["test"]
    found: dict[str, list[Masked]] = defaultdict(list)
    for each in read_masked(archive, group="coco_image_id"):
        if each.label in classes:
            found[each.label].append(each)
    made = []
    for label, photos in found.items():
        for support, query in zip(photos, photos[1:] + photos[:1], strict=True):
            if support.group == query.group:
                continue
            marked = (shares(support.mask, reads.side) > 0.5).flatten().long()
            predictor = learner(Examples.of(reads.batch([support.image]), marked, 2), ["background", label])  # type: ignore[operator]
            (answer,) = drawn(predictor, [Query(query.place, np.asarray(query.image))])
            assert answer.mask is not None, answer.fault
            iou = (answer.mask & query.mask).sum() / (answer.mask | query.mask).sum()
            made.append((float(iou), support, query, answer.mask))
    return sorted(made, key=lambda each: -each[0])


def main() -> None:
    """Draws, and prints where the photos are from."""
    learner = Run(Path(sys.argv[1])).learner()
    reads = learner.reads
    assert isinstance(reads, Cells)
    torch.set_num_threads(1)
    made = cases(learner, reads)
    seen: dict[str, tuple[float, Masked, Masked, np.ndarray]] = {}
    for each in made:  # of each class the median one, so that rows show several classes
        same = [other for other in made if other[1].label == each[1].label]
        seen[each[1].label] = same[len(same) // 2]
    ranked = sorted(seen.values(), key=lambda each: -each[0])
    rows = [ranked[:SHOWN], ranked[-SHOWN:]]
    figure, axes = plt.subplots(4, SHOWN, figsize=(2.1 * SHOWN, 8.6), constrained_layout=True)
    for row, chosen in enumerate(rows):
        for column, (iou, support, query, mask) in enumerate(chosen):
            above, below = axes[2 * row][column], axes[2 * row + 1][column]
            above.imshow(support.image)
            above.contour(support.mask, [0.5], colors="white", linewidths=1.5)
            above.set_title(f"{support.label}: the mask given", fontsize=8)
            below.imshow(query.image)
            below.contour(query.mask, [0.5], colors="white", linewidths=1.0, linestyles="dotted")
            if mask.any() and not mask.all():
                below.contour(mask, [0.5], colors="#ff2d95", linewidths=1.5)
            below.set_title(f"drawn: IoU {100 * iou:.0f} %", fontsize=8)
    for each in axes.flat:
        each.set_axis_off()
    figure.savefig(sys.argv[2], dpi=75, metadata={"Software": "quickstudy"})
    Image.open(sys.argv[2]).convert("RGB").quantize(96).save(sys.argv[2], optimize=True)
    print("mean IoU in pixels", np.mean([each[0] for each in made]), "of", len(made))
    for label in sorted({each[1].label for each in made}):
        print(label, [round(100 * each[0]) for each in made if each[1].label == label])
    with open_zip(shipped("segmentation/segmentation.zip")) as (_, read):
        known = {row["image"]: row for row in csv.DictReader(io.StringIO(read("manifest.csv").decode()))}
    for _, support, query, _ in [*rows[0], *rows[1]]:
        for each in (support, query):
            row = known["/".join(each.place.split("/")[-2:])]
            print(f"{each.label}: {row['flickr_url']} ({row['licence']})")


if __name__ == "__main__":
    main()
