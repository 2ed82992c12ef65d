"""Sentences with mentions of six types, for tests of applications."""

import json
from pathlib import Path

WORDS = {
    "city": "Paris London Rome Madrid Vienna Prague Dublin Lisbon Berlin Oslo Athens Warsaw",
    "fruit": "apples bananas cherries mangoes peaches grapes lemons oranges plums pears kiwis melons",
    "animal": "dogs cats horses cows rabbits sheep goats tigers lions wolves foxes bears",
    "colour": "red blue green yellow purple orange pink brown black white grey violet",
    "month": "January February March April May June July August September October November December",
    "job": "doctor teacher lawyer nurse baker farmer pilot chef painter plumber tailor judge",
}
FRAMES = {
    "city": "we flew to {} last week",
    "fruit": "she bought fresh {} at the shop",
    "animal": "there were many {} in the field",
    "colour": "the wall was painted {} again",
    "month": "they will marry in {} next year",
    "job": "his sister works as a {} here",
}


def sentences(types: tuple[str, ...] = tuple(WORDS), each: int = 9) -> list[dict[str, object]]:
    """Each type in as many sentences, in which one word is marked."""
    found: list[dict[str, object]] = []
    for kind in types:
        place = FRAMES[kind].split().index("{}")
        for word in WORDS[kind].split()[:each]:
            found.append({"tokens": FRAMES[kind].format(word).split(), "spans": [[place, place + 1, kind]]})
    return found


def written(path: Path, rows: list[dict[str, object]]) -> str:
    """A file of JSON lines; its path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)
