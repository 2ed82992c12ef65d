"""Numbers of reports in words: shares as percent, differences of shares as points, a minus that is one, no negative zero."""

import math

__all__ = ["amount", "between", "difference", "is_share", "plus_minus"]


def is_share(metric: str) -> bool:
    """Whether a main metric is a share, printed in percent and compared in points.

    >>> is_share("accuracy"), is_share("micro F1"), is_share("mse")
    (True, True, False)
    """
    return metric in ("accuracy", "exact match", "micro F1", "success")


def amount(value: float, metric: str, *, digits: int = 2) -> str:
    """A score: a share in percent, anything else as a number.

    >>> amount(0.8125, "accuracy"), amount(0.33333, "mse")
    ('81.25 %', '0.3333')
    """
    return f"{_fixed(100 * value, digits)} %" if is_share(metric) else f"{value + 0.0:.4g}".replace("-", "−")


def between(interval: tuple[float, float], metric: str, *, digits: int = 2) -> str:
    """The bounds of an interval, the unit once; one task gives none.

    >>> between((0.8, 1.0), "accuracy"), between((-math.inf, math.inf), "mse")
    ('80.00 to 100.00 %', 'none')
    """
    low, high = interval
    if math.isinf(low) and math.isinf(high):
        return "none"
    first = amount(low, metric, digits=digits).removesuffix(" %")
    return f"{first} to {amount(high, metric, digits=digits)}"


def plus_minus(mean: float, interval: tuple[float, float], metric: str, *, digits: int = 2) -> str:
    """A mean with its interval, as ± where that lies evenly around it; where it ends at a bound, as two numbers.

    >>> plus_minus(0.8, (0.79, 0.81), "accuracy"), plus_minus(0.999, (0.995, 1.0), "accuracy")
    ('80.00 ± 1.00 %', '99.90 (99.50 to 100.00) %')
    """
    low, high = interval
    scale, unit = (100, " %") if is_share(metric) else (1, "")
    shown = _fixed(scale * mean, digits) if scale == 100 else amount(mean, metric)
    if math.isinf(low) and math.isinf(high):
        return f"{shown}{unit} (one task)"
    half = scale * (high - low) / 2
    if abs((high - mean) - (mean - low)) <= 1e-9 * max(1.0, abs(mean)):
        return f"{shown} ± {_fixed(half, digits) if scale == 100 else f'{half:.2g}'}{unit}"
    return f"{shown} ({between(interval, metric, digits=digits).removesuffix(' %')}){unit}"


def difference(value: float, metric: str, *, sign: bool = True, digits: int = 2) -> str:
    """A difference of two scores without its unit: of shares in points.

    >>> difference(0.0123, "accuracy"), difference(-0.00001, "accuracy"), difference(0.4, "mse", sign=False, digits=3)
    ('+1.23', '+0.00', '0.400')
    """
    return _fixed((100 if is_share(metric) else 1) * value, digits, plus="+" if sign else "")


def _fixed(value: float, digits: int, plus: str = "") -> str:
    return f"{round(value, digits) + 0.0:{plus}.{digits}f}".replace("-", "−")
