"""Small tables of texts for the tests of applications: sentences that are in the package, and tables that are wrong."""

from collections import Counter

from quickstudy.apps.parts.texts import json_lines

__all__ = ["intents", "sentences"]


def intents(classes: int = 15, each: int = 20) -> list[tuple[str, str]]:
    """The first texts of the first intents."""
    met: Counter[str] = Counter()
    rows = []
    for row in json_lines("intents/clinc150.jsonl.gz"):
        met[row["label"]] += 1
        if list(met).index(row["label"]) < classes and met[row["label"]] <= each:
            rows.append((row["text"], row["label"]))
    return rows


def sentences(products: int = 6, each: int = 25) -> list[tuple[str, str, str]]:
    """The first sentences of both classes of some products."""
    met: Counter[tuple[str, str]] = Counter()
    rows = []
    for row in json_lines("sentiment/product_sentences.jsonl.gz"):
        key = (row["domain"], row["label"])
        met[key] += 1
        known = list(dict.fromkeys(name for name, _ in met))
        if row["label"] in ("negative", "positive") and met[key] <= each and known.index(row["domain"]) < products:
            rows.append((row["text"], row["label"], row["domain"]))
    return rows
