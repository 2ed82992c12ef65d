"""Findings of the doctor: what is wrong, how bad it is, what to do, and the numbers behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

__all__ = ["Diagnosis", "Finding", "Observation", "Severity", "skipped"]


class Severity(IntEnum):
    """How bad a finding is; the order is that of the numbers.

    A NOTE is good to know, a WARNING costs points or time, and a SEVERE fault makes the scores misleading.
    """

    NOTE = 1
    WARNING = 2
    SEVERE = 3


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        what: was found, as a sentence with its number.
        how_bad: see `Severity`.
        remedy: what to do about it.
        numbers: what was measured, by name.
    """

    what: str
    how_bad: Severity
    remedy: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.how_bad.name}: {self.what} Remedy: {self.remedy}"


@dataclass(frozen=True)
class Observation:
    """The result of one check: a note with its numbers, and findings where something is wrong.

    Args:
        note: what was measured, or why nothing was.
        findings: empty where all is well.
        ran: False where there was nothing to check.
    """

    note: str
    findings: tuple[Finding, ...] = ()
    ran: bool = True

    @property
    def verdict(self) -> str:
        """The worst severity in small letters, "ok", or "skipped"."""
        if not self.ran:
            return "skipped"
        return max(finding.how_bad for finding in self.findings).name.lower() if self.findings else "ok"


def skipped(reason: str) -> Observation:
    """The result of a check that had nothing to check, and why.

    >>> skipped("targets are values").verdict
    'skipped'
    """
    return Observation(reason, ran=False)


@dataclass(frozen=True)
class Diagnosis:
    """The results of all checks; prints the findings, the worst first, then every check with its note.

    >>> print(Diagnosis("waves", {"splits": Observation("no class is in two splits")}))
    waves: nothing found
    ok         splits: no class is in two splits
    """

    subject: str
    observations: Mapping[str, Observation]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The worst first; equally bad ones in the order of the checks."""
        found: Sequence[Finding] = [finding for observation in self.observations.values() for finding in observation.findings]
        return tuple(sorted(found, key=lambda finding: -finding.how_bad))

    @property
    def worst(self) -> Severity | None:
        """The worst severity of all, None where nothing was found."""
        return max((finding.how_bad for finding in self.findings), default=None)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "subject": self.subject,
            "worst": self.worst.name.lower() if self.worst else None,
            "checks": {
                name: {
                    "verdict": observation.verdict,
                    "note": observation.note,
                    "findings": [
                        {"what": f.what, "how_bad": f.how_bad.name.lower(), "remedy": f.remedy, "numbers": dict(f.numbers)}
                        for f in observation.findings
                    ],
                }
                for name, observation in self.observations.items()
            },
        }

    def __str__(self) -> str:
        count = len(self.findings)
        head = f"{self.subject}: {'nothing found' if not count else '1 finding' if count == 1 else f'{count} findings'}"
        notes = [f"{observation.verdict:<9}  {name}: {observation.note}" for name, observation in self.observations.items()]
        return "\n".join([head, *map(str, self.findings), *notes])
