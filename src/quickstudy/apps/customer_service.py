"""Customer service: route messages of a product line that no training has met, from one to ten examples of each request."""

import functools
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.gated import REQUESTS, gated_recipe
from quickstudy.apps.parts.text_methods import TEXT_METHODS
from quickstudy.apps.parts.texts import Backbone, json_lines, own_texts, sized, splits_of, text_encoder, text_index
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.manifest import digest_of_files
from quickstudy.datasets.shipped import shipped
from quickstudy.errors import DataError
from quickstudy.metrics.classes import log_loss
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.mixture import Mixture

__all__ = ["customer_service"]

_log = logging.getLogger(__name__)

_PROMISED = {(14, 1): (Promise(0.01),), (14, 5): (Promise(0.003),), (14, 10): (Promise(tie=True),)}
"""Of new scenarios, by ways and shots."""

_FEWEST, _MOST = 25, 100
"""Messages of an intent of HWU64: those of fewer are left out, and more would only take longer to encode."""

_MET = {
    "accept_reservations",
    "book_flight",
    "calories",
    "cancel_reservation",
    "car_rental",
    "change_volume",
    "confirm_reservation",
    "cook_time",
    "directions",
    "distance",
    "flight_status",
    "food_last",
    "how_busy",
    "ingredient_substitution",
    "ingredients_list",
    "meal_suggestion",
    "next_song",
    "nutrition_info",
    "play_music",
    "recipe",
    "restaurant_reservation",
    "restaurant_reviews",
    "restaurant_suggestion",
    "traffic",
    "uber",
    "update_playlist",
    "weather",
    "what_song",
}
"""Intents of CLINC150 about audio, cooking, music, takeaway, transport and weather, as meta-test is: left out of training."""


@functools.cache
def _intents(backbone: Backbone) -> ClassIndex:
    """CLINC150 without what meta-test is about."""
    rows = [row for row in json_lines("intents/clinc150.jsonl.gz") if row["label"] != "oos"]
    index = text_index("clinc150", [row["text"] for row in rows], [row["label"] for row in rows], text_encoder(backbone))
    return index.select([name for name in index.classes if name not in _MET])


@functools.cache
def _scenarios(backbone: Backbone) -> Splits:
    """HWU64, its intents parted by scenario."""
    rows = json_lines("support/hwu64.jsonl.gz")
    index = text_index("hwu64", [r["text"] for r in rows], [r["label"] for r in rows], text_encoder(backbone), _MOST)
    counts = Counter(row["label"] for row in rows)
    parts = _split("hwu64_by_scenario")
    named = {
        part: sorted({r["label"] for r in rows if r["scenario"] in parts[part] and counts[r["label"]] >= _FEWEST})
        for part in Splits._fields
    }
    return splits_of(index, named)


def _split(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(shipped("support/splits.json").read_text(encoding="utf-8"))[name]
    return found


def _hotels(backbone: Backbone) -> tuple[ClassIndex, ClassIndex]:
    """NLU++: messages whose parts of intent occur together 12 times or more; of hotels, and of banks for meta-validation."""
    rows = [row | {"label": " + ".join(sorted(row["labels"]))} for row in json_lines("support/nlupp.jsonl.gz") if row["labels"]]
    found = []
    for domain in ("hotels", "banking"):
        counts = Counter(row["label"] for row in rows if row["domain"] == domain)
        chosen = [row for row in rows if row["domain"] == domain and counts[row["label"]] >= 12]
        texts, labels = [row["text"] for row in chosen], [row["label"] for row in chosen]
        found.append(text_index(f"nlupp {domain}", texts, labels, text_encoder(backbone)))
    return found[0], found[1]


def _by_column(file: str, column: str, split: str, backbone: Backbone) -> tuple[ClassIndex, ClassIndex]:
    """Classes of a split's meta-test, and all its others, on which nothing is trained either."""
    rows = json_lines(f"support/{file}.jsonl.gz")
    index = text_index(file, [r["text"] for r in rows], [r[column] for r in rows], text_encoder(backbone), 60)
    tested = set(_split(split)["test"])
    return index.select(sorted(tested), f"{file}/test"), index.select(
        [c for c in index.classes if c not in tested], f"{file}/val"
    )


def _recipe(
    *,
    data: str = "",
    text: str = "text",
    label: str = "label",
    encoding: str = "utf-8",
    backbone: Backbone = "auto",
    alone: bool = False,
    steps: int = 100,
    lr: float = 1e-3,
) -> Recipe:
    """GatedHeads on requests to assistants (HWU64, CLINC150); on classes of your own file beside them.

    Args:
        data: a table of your own (CSV, TSV, JSON lines, Parquet); its classes are parted into meta-training, meta-validation and
            meta-test.
        text: the column of messages in it.
        label: the column of classes (teams, queues, kinds of request) in it.
        encoding: of the file.
        backbone: MiniLM (extra "text"), hashed n-grams of characters, or MiniLM where it is installed.
        alone: train on your file (or HWU64) alone, without the intents of CLINC150 beside it.
        steps: outer steps.
        lr: step size of the outer loop, at its peak.
    """
    encoder = text_encoder(backbone)
    if data:
        parts = own_texts(data, text, label, encoder, least=11, encoding=encoding)
        digest = digest_of_files([Path(data)], Path(data).parent)
    else:
        parts, digest = _scenarios(encoder.name), ""
    trained = [parts.train] if alone else [_intents(encoder.name), parts.train]
    return gated_recipe(trained, parts, encoder, steps=steps, lr=lr, start=REQUESTS, digest=digest)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """New scenarios of HWU64, and three more sets of messages, of which no class was trained on."""
    source, backbone = recipe.test, recipe.became["backbone"]
    assert isinstance(source, FewShot) and isinstance(recipe.val, Mixture) and isinstance(recipe.val.sources[0], FewShot)
    val, count = recipe.val.sources[0].index, len(source.index.classes)
    if source.index.name != "hwu64/test":
        return sized(source.index, val, sorted({min(5, count), min(20, count)}), "")
    found = sized(source.index, val, (5, 14), "new scenarios", _PROMISED)
    others: list[tuple[str, int, Callable[[Backbone], tuple[ClassIndex, ClassIndex]]]] = [
        ("hotel messages", 5, _hotels),
        ("products in titles", 5, partial(_by_column, "stackoverflow_titles", "label", "stackoverflow_by_class")),
        ("complaints", 4, partial(_by_column, "cfpb_complaints", "domain", "cfpb_by_product")),
    ]
    for title, ways, read in others:
        try:
            found |= sized(*read(backbone), (ways,), title, shots=(1, 5))
        except DataError as missing:
            _log.warning("without the %s: %s", title, missing)
    return found


customer_service = Application(
    name="customer-service",
    title="Messages of a new product line to the right kind of request, from 1 to 10 examples of each",
    who="You route messages of customers, and a new product or team starts before you have hundreds of examples.",
    bring=(
        "A table (CSV, TSV, JSON lines, Parquet) with a column of messages and one of classes, called text and label, or as "
        "--recipe-arg text=COLUMN --recipe-arg label=COLUMN say. It needs 9 classes of 11 messages or more to be meta-trained "
        "on; to use the learner on your classes, 2 classes of 1 message are enough (quickstudy adapt)."
    ),
    limits=(
        "One class for each message, English, about 100 words are read. It says how sure it is, so that unsure messages can go "
        "to a person. It has learned from short requests to assistants; on technical titles and long complaints logistic "
        "regression on the same features is better."
    ),
    data=(
        "HWU64 (Liu et al., 2019, CC BY 4.0), CLINC150 (Larson et al., 2019, CC BY 3.0) and NLU++ (Casanueva et al., 2022, CC "
        "BY 4.0) come with the package. Titles of Stack Overflow and complaints to the CFPB do not, because the licences of the "
        "copies are not stated."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=TEXT_METHODS,
    unit="classes",
    metrics=(log_loss,),
    quick={"steps": 4},
)
