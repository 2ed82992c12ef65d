"""Are pretrained backbones loaded right? Nearest centroids on their features, as in the notes that came with the data.

Needs the extras ``vision`` and ``text``, and ``caltech_fs`` and ``intents`` in the folder that QUICKSTUDY_DATA names.

    python benchmarks/backbones.py
"""

import argparse
import gzip
import json
import tempfile
import time
import zipfile
from pathlib import Path

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.fetch import data_file
from quickstudy.datasets.image_folder import image_folder
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.inputs.texts import Texts
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.nn import UnitLength, backbones
from quickstudy.tasks.few_shot import FewShot


def found(relative: str) -> Path:
    path = data_file(relative)
    if path is None:
        raise SystemExit(f"put {relative} into FOLDER and set QUICKSTUDY_DATA=FOLDER")
    return path


def photos(each: int, size: int, folder: Path) -> ClassIndex:
    """The first images of each meta-test class, unpacked and read as a folder of the user's own."""
    classes = json.loads(found("caltech_fs/splits.json").read_text())["test"]
    with zipfile.ZipFile(found("caltech_fs/caltech_fs.zip")) as pack:
        for label in classes:
            members = sorted(name for name in pack.namelist() if name.startswith(f"{label}/"))
            pack.extractall(folder, members[:each])
    return image_folder(folder, reads=backbones.build("efficientnet-lite0", size=size).reads, name="caltech_fs")


def sentences(reads: object) -> ClassIndex:
    """All texts of the 30 meta-test intents."""
    classes = set(json.loads(found("intents/splits.json").read_text())["by_class"]["test"])
    with gzip.open(found("intents/clinc150.jsonl.gz"), "rt") as file:
        rows = [row for row in map(json.loads, file) if row["label"] in classes]
    return from_arrays([row["text"] for row in rows], [row["label"] for row in rows], name="CLINC150", reads=reads)


def report(what: str, index: ClassIndex, queries: int, tasks: int, seed: int) -> None:
    for shots in (1, 5):
        source = FewShot(index, ways=5, shots=shots, queries=queries)
        print(f"{what}, {shots} shots: {evaluate(NearestCentroid(), source, tasks=tasks, seed=seed)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="of the images")
    parser.add_argument("--each", type=int, default=10, help="images of a class")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = photos(given.each, given.size, Path(folder))
        began = time.process_time()
        network = UnitLength(backbones.build("efficientnet-lite0", size=given.size))
        features = encoded(index, network, folder=Path(folder) / ".features")
        print(f"{len(index)} images: {time.process_time() - began:.1f} CPU seconds")
        report(f"efficientnet-lite0 at {given.size}", features, 5, given.tasks, given.seed)
        minilm = backbones.build("minilm", length=64)
        index = sentences(minilm.reads)
        began = time.process_time()
        features = encoded(index, minilm, folder=Path(folder) / ".features")
        print(f"{len(index)} texts: {time.process_time() - began:.1f} CPU seconds")
        report("minilm", features, 15, given.tasks, given.seed)
        report("hashed character n-grams", sentences(Texts()), 15, given.tasks, given.seed)


if __name__ == "__main__":
    main()
