"""How good the ready heads are: beside centroids and scikit-learn's logistic regression on the same features and tasks.

Needs what `benchmarks/ready_heads.py` needs, and ``segmentation`` for the photos of another set. Logistic regression
chooses its C by cross-validation on each support set (1 where there is one shot), and is evaluated on the first tasks of the
list alone.

    python benchmarks/ready_numbers.py images other texts
"""

import argparse
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from ready_heads import features, found
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from torch import Tensor

from quickstudy import datasets, learners, saving
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.distances import cosine_distance
from quickstudy.metrics import ece
from quickstudy.nn import UnitLength, backbones
from quickstudy.reports.compare import compare
from quickstudy.task import Examples
from quickstudy.tasks import FewShot

PEOPLE = "person"
EACH = 12


def others() -> datasets.ClassIndex:
    """24 classes × 12 photos of COCO's objects, cut out of larger photos: a set that no head was trained on."""
    backbone = backbones.build("efficientnet-lite0")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("segmentation.zip", "segmentation_nc.zip"):
            with zipfile.ZipFile(found(f"segmentation/{name}")) as pack:
                pack.extractall(folder, [member for member in pack.namelist() if member.endswith(".jpg")])
        index = datasets.image_folder(folder, reads=backbone.reads, name="segmentation")
        cached = datasets.encoded(index, backbone)
    enough = [name for name, count in zip(index.classes, index.counts.tolist(), strict=True) if count >= EACH and name != PEOPLE]
    kept = cached.select(enough)
    rows = [torch.where(kept.labels == number)[0][:EACH] for number in range(len(enough))]
    return kept.rows(torch.cat(rows), f"{len(enough)} classes of COCO")


def by_scikit_learn(support: Examples) -> Callable[[Tensor], Tensor]:
    """Logistic regression on features of unit length, C by up to five folds of the support set."""
    unit = UnitLength()
    x, labels = unit(support.x).numpy(), support.labels.numpy()
    shots = int(support.y.sum(0).min())
    warnings.filterwarnings("ignore", "The number of unique classes")  # one shot
    model: Any = LogisticRegression(C=1.0, max_iter=1000)
    if shots > 1:
        model = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [1, 10, 100]}, cv=min(5, shots))
    model.fit(x, labels)
    return lambda rows: torch.from_numpy(model.predict_proba(unit(rows).numpy()))


def shuffled(head: Any) -> Callable[[Examples], Any]:
    """The head, told wrong labels: what is left is chance."""

    def adapted(support: Examples) -> Any:
        order = torch.randperm(support.y.shape[0], generator=torch.Generator().manual_seed(0))
        return head(Examples(support.x, support.y[order], support.mask))

    return adapted


def error(report: Any) -> str:
    return f"calibration error {report.others[0].value:.3f}" if report.others else "calibration not measured"


def table(index: datasets.ClassIndex, name: str, given: argparse.Namespace, ways: int, shots: int, queries: int) -> None:
    source = FewShot(index, ways, shots, queries)
    head = saving.ready.head(name)
    plan: dict[str, Any] = {"tasks": given.tasks, "seed": given.seed}
    mine = evaluate(head, source, metrics=[ece], **plan)
    print(f"{mine}; {error(mine)}", flush=True)
    centroid = learners.ProtoNet(UnitLength(), distance=cosine_distance, scale=10.0)
    plain = learners.LogisticByShots(UnitLength())
    for what, model, limit, metrics in (
        ("centroid", centroid, None, [ece]),
        ("without meta-learned parts", plain, None, [ece]),
        ("scikit-learn", by_scikit_learn, given.limit, [ece]),
        ("shuffled support", shuffled(head), 20, []),
    ):
        other = evaluate(model, source, limit=limit, metrics=metrics, **plan)
        print(f"  {what}: {100 * other.mean:.2f} %, {error(other)}; ready head minus this: {compare(mine, other)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", choices=("images", "other", "texts"))
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--limit", type=int, default=100, help="tasks of scikit-learn")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for name in given.sets:
        if name == "other":
            index = others()
            print(f"{index}", flush=True)
            for shots in (1, 5, 11):
                table(index, "images", given, len(index.classes), shots, EACH - shots)
        else:
            test = features(name)[1]["test"]
            for shots in (1, 5):
                table(test, name, given, 20, shots, 5)


if __name__ == "__main__":
    main()
