"""Small languages that were made up: an ending for each feature and last letter, another in each language."""

import random
from collections.abc import Sequence
from pathlib import Path

__all__ = ["rows", "written"]

Row = tuple[str, str, str, str]


def rows(languages: int = 8, each: int = 40, seed: int = 0) -> list[Row]:
    """Language, lemma, tags and form."""
    rng, found = random.Random(seed), []
    for language in range(languages):
        ending = {(last, tag): rng.choice(("s", "en", "ta", "o", "um", "ir")) for last in "ae" for tag in ("SG", "PL", "DU")}
        for _ in range(each):
            stem, last, tag = "".join(rng.choice("bdgklmt") for _ in range(4)), rng.choice("ae"), rng.choice(("SG", "PL", "DU"))
            found.append(
                (f"language {language}", stem + last, f"N;{tag};{rng.choice(('DEF', 'NDEF'))}", stem + ending[last, tag])
            )
    return found


def written(path: Path, found: Sequence[Row], header: str = "language,lemma,tags,form") -> str:
    """A CSV file of rows."""
    path.write_text("\n".join([header, *(",".join(row) for row in found)]) + "\n", encoding="utf-8")
    return str(path)
