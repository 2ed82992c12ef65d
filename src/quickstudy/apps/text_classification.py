"""Text classification: tell apart classes of short texts that no training has met, from one to ten examples of each."""

import functools
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.gated import NEAR, REQUESTS, TOPICS, gated_recipe
from quickstudy.apps.parts.text_methods import TEXT_METHODS
from quickstudy.apps.parts.texts import Backbone, json_lines, own_texts, sized, splits_of, text_encoder, text_index
from quickstudy.datasets.class_index import Splits
from quickstudy.datasets.manifest import digest_of_files
from quickstudy.datasets.shipped import shipped
from quickstudy.errors import DataError
from quickstudy.metrics.calibration import abstention_auroc
from quickstudy.metrics.classes import log_loss
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.open_set import OpenSet

__all__ = ["text_classification"]

_log = logging.getLogger(__name__)

_FILES = {
    "clinc150": ("intents", "by_class", 0),
    "huffpost": ("topics", "huffpost_by_class", 0),
    "banking77": ("banking77", "by_class", 60),
}
"""Folder, split, and how many texts of a class are used (0: all) of each data set."""

_QUERIES, _UNKNOWN = 10, 5
_OTHERS = ("banking77", "huffpost")
"""Of folds 1 and 2: each is meta-tested by a training of its own, on CLINC150 and its own meta-training classes."""
_GENTLER = 0.3
"""Of the step size, for topics, which are another kind than most of meta-training."""


@functools.cache
def _known(name: str, backbone: Backbone) -> Splits:
    """A data set by name; CLINC150 and Banking77 come with the package."""
    folder, split, most = _FILES[name]
    rows = [row for row in json_lines(f"{folder}/{name}.jsonl.gz") if row["label"] != "oos"]  # requests of no intent
    parts = json.loads(shipped(f"{folder}/splits.json").read_text(encoding="utf-8"))[split]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    return splits_of(text_index(name, texts, labels, text_encoder(backbone), most), parts)


def _recipe(
    *,
    data: str = "",
    text: str = "text",
    label: str = "label",
    encoding: str = "utf-8",
    backbone: Backbone = "auto",
    alone: bool = False,
    steps: int = 150,
    lr: float = 1e-3,
    fold: int = 0,
) -> Recipe:
    """GatedHeads on intents (CLINC150), with banking intents or topics beside them; on classes of your own file.

    Args:
        data: a table of your own (CSV, TSV, JSON lines, Parquet); its classes are parted into meta-training, meta-validation and
            meta-test.
        text: the column of texts in it.
        label: the column of classes in it.
        encoding: of the file.
        backbone: MiniLM (extra "text"), hashed n-grams of characters, or MiniLM where it is installed.
        alone: train on your file alone, without the intents of CLINC150 beside it.
        steps: outer steps.
        lr: step size of the outer loop, at its peak.
        fold: 0 is meta-tested on intents, 1 on banking intents, 2 on topics; without ``data``.
    """
    encoder = text_encoder(backbone)
    intents = None if data and alone else _known("clinc150", encoder.name)
    if data:
        parts = own_texts(data, text, label, encoder, least=1 + _QUERIES, encoding=encoding)
        trained = [parts.train] if intents is None else [intents.train, parts.train]
        digest = digest_of_files([Path(data)], Path(data).parent)
        found = gated_recipe(trained, parts, encoder, steps=1 if fold else steps, lr=lr, start=NEAR, digest=digest)
        return replace(found, became={**found.became, "fold": fold})
    assert intents is not None
    others = _there(_OTHERS[fold - 1 : fold]) if fold else []
    if not others:
        found = gated_recipe([intents.train], intents, encoder, steps=1 if fold else steps, lr=lr, start=NEAR)
        return replace(found, became={**found.became, "fold": fold})
    parts = _known(others[0], encoder.name)
    start, size = (TOPICS, _GENTLER * lr) if others[0] == "huffpost" else (REQUESTS, lr)
    return gated_recipe([intents.train, parts.train], parts, encoder, steps=steps, lr=size, start=start)


def _there(names: Sequence[str]) -> list[str]:
    """Those of the data sets that are there."""
    found = []
    for name in names:
        try:
            shipped(f"{_FILES[name][0]}/{name}.jsonl.gz")
            found.append(name)
        except DataError as missing:
            _log.warning("without %s: %s", name, missing)
    return found


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """New classes of each data set, 1, 5 and 10 examples of each; and queries of unknown classes among those of known ones."""
    source = recipe.test
    assert isinstance(source, FewShot) and isinstance(recipe.val, Mixture) and isinstance(recipe.val.sources[0], FewShot)
    val, count, trained = recipe.val.sources[0].index, len(source.index.classes), source.index.name.removesuffix("/test")
    if recipe.became.get("fold"):
        return {}  # data of one's own, or data that are missing, have no second part
    if trained not in _FILES:
        return sized(source.index, val, sorted({min(5, count), min(20, count)}), "")
    title, ways, promises = _TABLE[trained]
    found = sized(source.index, val, ways, title, promises)
    for shots in (1, 5) if trained == "clinc150" else ():
        unknown, tuned = (OpenSet(part, 5, shots, _QUERIES, unknown=_UNKNOWN) for part in (source.index, val))
        found[f"intents, 5-way {shots}-shot, half of the queries unknown"] = Setting(unknown, tuned, shots)
    return found


_GAIN, _NO_LOSS = (Promise(),), (Promise(tie=True),)

_TABLE: Mapping[str, tuple[str, Sequence[int], Mapping[tuple[int, int], tuple[Promise, ...]]]] = {
    "clinc150": (
        "intents",
        (5, 20),
        {(20, 1): (Promise(0.01),), (20, 5): _NO_LOSS, (20, 10): _NO_LOSS, (5, 5): _NO_LOSS, (5, 10): _NO_LOSS},
    ),
    "huffpost": ("topics", (5,), {(5, 1): _GAIN, (5, 5): _GAIN, (5, 10): _NO_LOSS}),
    "banking77": ("banking intents", (20,), {}),
}
"""What the classes are called, ways, and what is promised, by ways and shots."""

text_classification = Application(
    name="text-classification",
    title="Short texts in new classes: intents, topics, from 1 to 10 examples of each",
    who="You sort short English texts (requests, headlines, notes), and new classes come up of which you have a few examples.",
    bring=(
        "A table (CSV, TSV, JSON lines, Parquet) with a column of texts and one of classes, called text and label, or as "
        "--recipe-arg text=COLUMN --recipe-arg label=COLUMN say. It needs 9 classes of 11 texts or more to be meta-trained on; "
        "to use the learner on your classes, 2 classes of 1 text are enough (quickstudy adapt)."
    ),
    limits=(
        "It answers with one of the classes of your examples, and how sure it is; below a threshold it abstains. One class for "
        "each text; English; about 100 words are read. Gains over logistic regression are large only at one example of each of "
        "many classes; from 5 examples on take either. Without the extra text, hashed n-grams replace MiniLM: 10 to 20 points "
        "lower."
    ),
    data=(
        "CLINC150 (Larson et al., 2019, CC BY 3.0) and Banking77 (Casanueva et al., 2020, CC BY 4.0) come with the package. "
        "Headlines of HuffPost (Misra, News Category Dataset) do not, because their licence is not certain."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=TEXT_METHODS,
    unit="classes",
    metrics=(abstention_auroc, log_loss),
    folds=3,
    quick={"steps": 4},
)
