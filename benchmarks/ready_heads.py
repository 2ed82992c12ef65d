"""Makes the ready heads of `quickstudy adapt images` and `quickstudy adapt texts`, the same each time.

Needs the extras ``vision`` and ``text``, and ``caltech_fs`` and ``intents`` in the folder that QUICKSTUDY_DATA names. Maps are
fitted to meta-training classes; how strong they are, and the scale of `LogisticByShots`, to meta-validation classes. Its
penalty is one over the number of shots: the best there, and on satellite tiles and blood cells, at 1, 2, 5 and 11 shots.

    python benchmarks/ready_heads.py images texts
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import torch
from torch import nn

from quickstudy import datasets, learners, saving
from quickstudy.datasets.fetch import data_file
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.distances import cosine_distance
from quickstudy.nn import Frozen, LinearMap, UnitLength, Whitening, backbones
from quickstudy.tasks import FewShot
from quickstudy.train import train

RANK_IMAGES, RANK_TEXTS = 100, 64
DATA = {
    "images": "61 meta-training and 16 meta-validation classes of caltech_fs (Caltech-101: Fei-Fei Li, M. Andreetto, "
    "M. Ranzato & P. Perona, CC BY 4.0)",
    "texts": "90 meta-training and 30 meta-validation intents of CLINC150 (S. Larson et al., Clinc, CC BY 3.0)",
}


def found(relative: str) -> Path:
    path = data_file(relative)
    if path is None:
        raise SystemExit(f"put {relative} into FOLDER and set QUICKSTUDY_DATA=FOLDER")
    return path


def features(name: str) -> tuple[Frozen, dict[str, datasets.ClassIndex]]:
    """The backbone, and its features of meta-training, meta-validation and meta-test classes, computed once."""
    if name == "images":
        backbone = backbones.build("efficientnet-lite0")
        index = datasets.image_zip(found("caltech_fs/caltech_fs.zip"), backbone.reads, "caltech_fs")
        split = json.loads(found("caltech_fs/splits.json").read_text())
    else:
        backbone = backbones.build("minilm")
        with gzip.open(found("intents/clinc150.jsonl.gz"), "rt") as file:
            rows = [row for row in map(json.loads, file) if row["label"] != "oos"]
        texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
        index = datasets.from_arrays(texts, labels, name="CLINC150", reads=backbone.reads)
        split = json.loads(found("intents/splits.json").read_text())["by_class"]
    cached = datasets.encoded(index, backbone)
    return backbone, {part: cached.select(split[part], f"{index.name}/{part}") for part in split}


def with_penalty(encoder: nn.Module) -> learners.LogisticByShots:
    """The head with the penalty 1 / k, and the scale that goes with it roughly."""
    head = learners.LogisticByShots(encoder, penalty=1.0, scale=20.0)
    head.penalty_by_shots.data.fill_(-1.0)
    head.scale_by_shots.data.fill_(-0.8)
    return head


def score(encoder: nn.Module, val: datasets.ClassIndex) -> float:
    """Mean accuracy of the head on meta-validation tasks of one and of five shots."""
    ways = min(20, len(val.classes))
    head = with_penalty(encoder)
    each = [evaluate(head, FewShot(val, ways, shots, 5), tasks=100, seed=3).mean for shots in (1, 5)]
    return sum(each) / len(each)


def whitened(parts: dict[str, datasets.ClassIndex]) -> nn.Module:
    """Of the strengths of whitening, the one that is best on meta-validation classes; directions in half precision."""
    best: tuple[float, nn.Module] | None = None
    for strength in (0.0, 0.1, 0.25, 0.5, 0.75):
        layer = Whitening.fitted(parts["train"], RANK_IMAGES, strength=strength, learn=False)
        layer.directions = layer.directions.half()
        value = score(layer, parts["val"])
        print(f"whitening of strength {strength}: {100 * value:.2f} %", flush=True)
        best = max(best or (value, layer), (value, layer), key=lambda pair: pair[0])
    assert best is not None
    return best[1]


def mapped(parts: dict[str, datasets.ClassIndex]) -> nn.Module:
    """A linear map of prototypes at one shot, stopped where it is best on meta-validation classes, then cut to low rank."""
    linear = LinearMap(384, dropout=0.3)
    learner = learners.ProtoNet(UnitLength(linear), distance=cosine_distance, scale=10.0, learn_scale=True)
    optimizer = torch.optim.AdamW(learner.parameters(), 3e-4, weight_decay=1e-3)
    best = (score(UnitLength(linear.of_rank(1)), parts["val"]), linear.of_rank(1))
    print(f"no map: {100 * best[0]:.2f} %", flush=True)
    for record in train(learner, FewShot(parts["train"], 20, 1, 3), steps=400, batch=4, optimizer=optimizer):
        if record.step % 100 == 0:
            cut = linear.of_rank(RANK_TEXTS).eval()
            value = score(UnitLength(cut), parts["val"])
            print(f"map after {record.step} steps, of rank {RANK_TEXTS}: {100 * value:.2f} %", flush=True)
            best = max(best, (value, cut), key=lambda pair: pair[0])
    return UnitLength(best[1])


def calibrated(encoder: nn.Module, val: datasets.ClassIndex, steps: int) -> learners.LogisticByShots:
    """The head with the three numbers of its scale trained on meta-validation tasks of 2 to 16 ways and 1 to 10 shots."""
    head = with_penalty(encoder)
    optimizer = torch.optim.Adam([p for name, p in numbers(head) if "scale" in name], 0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    source = FewShot(val, (2, 16), (1, 10), 5)
    for record in train(head, source, steps=steps, batch=4, optimizer=optimizer, schedule=schedule):
        if record.step % 50 == 0:
            shown = ", ".join(f"{name} {float(p.detach()):.3f}" for name, p in numbers(head))
            print(f"step {record.step}: loss {record.loss:.3f}; {shown}", flush=True)
    return head


def numbers(head: learners.LogisticByShots) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in head.named_parameters() if "encoder" not in name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("heads", nargs="+", choices=list(DATA))
    parser.add_argument("--folder", type=Path, default=Path(saving.ready.__file__).parent)
    parser.add_argument("--steps", type=int, default=200, help="of training the scale")
    given = parser.parse_args()
    for name in given.heads:
        torch.manual_seed(0)
        backbone, parts = features(name)
        began = time.process_time()
        encoder = whitened(parts) if name == "images" else mapped(parts)
        learner = learners.OnFeatures(backbone, calibrated(encoder, parts["val"], given.steps))
        path = given.folder / f"{name}.safetensors"
        saving.save(learner, path, recipe={"made by": "benchmarks/ready_heads.py", "trained on": DATA[name]})
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB, {time.process_time() - began:.0f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()
