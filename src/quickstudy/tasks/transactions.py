"""Generated card transactions: normal ones, and fraud of many patterns, each a way in which some fields differ from normal.

Numbers are made up, so that a detector of new patterns can be tried where real fraud may not leave a bank. Fields depend on a
customer's habits; a pattern shifts a few of them, so far that one field alone rarely tells.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError

__all__ = ["FAMILIES", "transactions"]

_Array = NDArray[np.float64]

_AMOUNTS: Mapping[str, tuple[float, float]] = {
    "amount": (3.2, 0.9),
    "amount_to_usual": (0.0, 0.6),
    "minutes_since_last": (6.5, 1.5),
    "kilometres_from_home": (1.5, 1.2),
    "account_days": (6.5, 0.8),
    "device_days": (5.5, 1.0),
    "balance_share": (-3.0, 0.8),
}
"""Means and deviations of the logarithms of normal transactions."""

_COUNTS = {"payments_24h": 2.0, "declines_24h": 0.15, "refunds_90d": 0.5, "payees_30d": 3.0}
_SHARES = {"new_merchant": 0.25, "online": 0.4, "abroad": 0.06, "night": 0.1, "round_amount": 0.15}
_CATEGORIES = ("grocery", "fuel", "restaurant", "clothing", "electronics", "travel", "gift_card", "transfer")
_USUAL = (0.28, 0.12, 0.2, 0.14, 0.08, 0.07, 0.03, 0.08)

FAMILIES: Mapping[str, Mapping[str, float | str]] = {
    "card testing": {"amount": -1.6, "payments_24h": 5.0, "declines_24h": 2.5, "online": 0.9, "minutes_since_last": -1.8},
    "account takeover": {
        "device_days": -2.0,
        "amount_to_usual": 1.1,
        "new_merchant": 0.8,
        "night": 0.5,
        "category": "electronics",
    },
    "cloned card": {"kilometres_from_home": 2.0, "minutes_since_last": -1.2, "online": 0.05, "abroad": 0.5, "category": "fuel"},
    "bust-out": {"balance_share": 1.6, "amount_to_usual": 0.8, "payments_24h": 3.0, "account_days": -0.8, "category": "travel"},
    "gift cards": {
        "round_amount": 0.8,
        "payments_24h": 2.0,
        "amount_to_usual": 0.6,
        "new_merchant": 0.6,
        "category": "gift_card",
    },
    "mule transfers": {
        "payees_30d": 4.0,
        "balance_share": 1.3,
        "account_days": -1.3,
        "round_amount": 0.6,
        "category": "transfer",
    },
    "refund abuse": {"refunds_90d": 3.0, "amount_to_usual": 0.7, "online": 0.85, "account_days": -0.6, "category": "clothing"},
    "collusive merchant": {"kilometres_from_home": -1.0, "amount": 0.9, "night": 0.6, "declines_24h": 0.8, "round_amount": 0.6},
}
"""Fraud by family: shifts of logarithms, added counts, shares of yes, or a category; the last four are for meta-test."""

_TESTED = tuple(FAMILIES)[4:]


def transactions(patterns: int = 5, cases: int = 60, normals: int = 3000, *, seed: int = 0) -> dict[str, list[Any]]:
    """Rows by column, with ``pattern`` ("normal", or the family and a number) and ``split``.

    A pattern is a family of which one field is left as it is, and each other shift is drawn between half and once and a half its
    size. Families of meta-test are others than those of meta-training and meta-validation, so that what is tried is new.

    Args:
        patterns: of each family.
        cases: transactions of each pattern.
        normals: normal transactions; half are for meta-test, a sixth for meta-validation.
        seed: of all numbers.

    Raises:
        TaskError: fewer than two patterns, or other numbers below 1.

    >>> rows = transactions(2, 10, 300)
    >>> len(rows["amount"]), sorted(set(rows["split"])), len(set(rows["pattern"]))
    (460, ['test', 'train', 'val'], 17)
    """
    whole(TaskError, patterns=patterns, cases=cases, normals=normals)
    if patterns < 2:
        raise TaskError(f"patterns={patterns}: one of each family is for meta-validation. Give 2 or more.")
    random = np.random.default_rng(seed)
    parts = np.array(["train", "test", "train", "test", "val", "test"])[np.arange(normals) % 6]
    found = [_normal(normals, random) | {"pattern": ["normal"] * normals, "split": parts.tolist()}]
    for family, shifts in FAMILIES.items():
        for number in range(patterns):
            part = "test" if family in _TESTED else "val" if number == 0 else "train"
            rows = _shifted(_normal(cases, random), shifts, random)
            found.append(rows | {"pattern": [f"{family} {number + 1}"] * cases, "split": [part] * cases})
    return {column: [value for rows in found for value in rows[column]] for column in found[0]}


def _normal(count: int, random: Generator) -> dict[str, Any]:
    """Transactions of as many customers, whose habits differ."""
    habit = 0.5 * random.standard_normal(count)
    rows: dict[str, Any] = {}
    for name, (mean, deviation) in _AMOUNTS.items():
        follows = habit if name in ("amount", "kilometres_from_home") else 0.0
        rows[name] = np.exp(mean + follows + deviation * random.standard_normal(count))
    for name, mean in _COUNTS.items():
        rows[name] = random.poisson(mean * np.exp(habit)).astype(float)
    for name, share in _SHARES.items():
        rows[name] = (random.random(count) < share).astype(float)
    rows["category"] = random.choice(_CATEGORIES, count, p=_USUAL)
    return rows


def _shifted(rows: dict[str, Any], shifts: Mapping[str, float | str], random: Generator) -> dict[str, Any]:
    """The rows as a pattern of this family changes them."""
    left = random.choice(list(shifts))
    for name, shift in shifts.items():
        count, size = len(rows[name]), random.uniform(0.5, 1.5)
        if name == left:
            continue
        if isinstance(shift, str):
            rows[name] = np.where(random.random(count) < min(0.9, 0.6 * size), shift, rows[name])
        elif name in _AMOUNTS:
            rows[name] = rows[name] * np.exp(size * shift)
        elif name in _COUNTS:
            rows[name] = rows[name] + random.poisson(size * shift, count)
        else:
            rows[name] = (random.random(count) < shift).astype(float)
    return rows
