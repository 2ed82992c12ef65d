"""What an application promises of a row: a gain over some baselines, or no loss."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Promise"]


@dataclass(frozen=True)
class Promise:
    """A gain over the best of some baselines that must be reached, told apart from none; or no loss that is told apart.

    Args:
        gain: in the metric, positive where the learner is better; below 0 a loss that is allowed.
        over: names of baselines or controls; all baselines by default.
        tie: a tie keeps it, too: the interval may hold 0, but not lie below ``gain`` as a whole.

    >>> Promise(0.005).kept(0.0065, (0.004, 0.009)), Promise(0.005).kept(0.0065, (-0.001, 0.014))
    (True, False)
    >>> Promise(tie=True).kept(-0.002, (-0.006, 0.001)), Promise(tie=True).kept(-0.002, (-0.003, -0.001))
    (True, False)
    """

    gain: float = 0.0
    over: tuple[str, ...] = ()
    tie: bool = False

    def kept(self, gain: float, interval: tuple[float, float]) -> bool:
        """Whether a gain with its interval keeps it."""
        low, high = interval
        return high >= self.gain if self.tie else gain >= self.gain and low > min(0.0, self.gain)

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return {"gain": self.gain, "over": list(self.over), "tie": self.tie}

    @classmethod
    def from_json(cls, found: Any) -> "Promise":
        """Reads what `to_json` gave."""
        return cls(float(found["gain"]), tuple(map(str, found["over"])), bool(found["tie"]))
