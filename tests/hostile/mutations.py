"""Damage: to bytes as disks, networks and editors do it, and to JSON as other hands do it."""

import copy
import random
from collections.abc import Iterator
from typing import Any

__all__ = ["ODD", "damaged", "shaken"]


def _nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


ODD: list[Any] = [
    *(None, True, False, 0, -1, 3, 10**6, 10**9, 2**63, 10**30, 1.5, float("nan"), float("inf"), 1e308),
    *("", "x", "\ud800", "../../../thesis", "a" * 10_000, "[/]", [], {}, [[]], [1, 2], {"a": 1}, _nested(90), _nested(300)),
    *({"opaque": "X"}, {"function": "system"}, {"class": "Popen", "arguments": {"args": "true"}}, {"mapping": 3}),
    *({"tensor": 0}, {"tensor": 10**9}, {"tensor": -1}, {"dict": [[[], 1]]}, {"record": "Images", "items": []}, {"list": 5}),
]
"""What no place expects."""


def damaged(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """How, and what came of it."""
    kind = rng.choice(("flip", "flips", "set", "cut", "grow", "delete", "double", "swap", "zeros", "ones", "length"))
    found, size = bytearray(content), len(content)
    place = rng.randrange(size) if rng.random() < 0.5 else rng.randrange(min(size, 200))
    run = slice(place, min(size, place + rng.choice((1, 8, 64, 512))))
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else rng.randrange(2, 20)):
            found[rng.randrange(size) if kind == "flips" else place] ^= 1 << rng.randrange(8)
    elif kind == "set":
        found[place] = rng.randrange(256)
    elif kind == "cut":
        del found[place:]
    elif kind == "grow":
        found += rng.randbytes(rng.choice((1, 7, 8, 100, 5000)))
    elif kind == "delete":
        del found[run]
    elif kind == "double":
        found[run] = found[run] * 2
    elif kind == "swap":
        other = rng.randrange(size)
        found[place], found[other] = found[other], found[place]
    elif kind == "length":
        found[:8] = rng.choice((0, 1, 2, size, size - 8, 2**31, 2**62, 2**64 - 1)).to_bytes(8, "little")
    else:
        found[run] = (b"\0" if kind == "zeros" else b"\xff") * (run.stop - run.start)
    return kind, bytes(found)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key in it."""
    stack = [tree]
    while stack:
        node = stack.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            yield node, key
            stack.append(node[key])


def shaken(tree: Any, rng: random.Random, words: tuple[str, ...] = ()) -> tuple[str, Any]:
    """A JSON tree with one to three changes; ``words`` are names that may stand in the place of others."""
    found = copy.deepcopy(tree)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(found))
        if not places:
            break
        node, key = rng.choice(places)
        kind = rng.choice(("odd", "odd", "delete", "word", "number", "double", "move"))
        if kind == "odd":
            node[key] = copy.deepcopy(rng.choice(ODD))
        elif kind == "delete":
            del node[key]
        elif kind == "word" and words:
            node[key] = rng.choice(words)
        elif kind == "number" and isinstance(node[key], int | float) and not isinstance(node[key], bool):
            node[key] = rng.choice((node[key] + 1, -node[key], node[key] * 1000, float(node[key]), str(node[key])))
        elif kind == "double" and isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        elif kind == "move":
            other, there = rng.choice(places)
            node[key] = copy.deepcopy(other[there]) if _holds(other, there) else None
        done.append(kind)
    return "+".join(done), found


def _holds(node: Any, key: Any) -> bool:
    return key in node if isinstance(node, dict) else isinstance(node, list) and key < len(node)
