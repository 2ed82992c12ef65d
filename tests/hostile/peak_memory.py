"""The most memory a process has held: its own, not what its parent held before it was started."""

import re
import resource
from pathlib import Path

__all__ = ["forget", "kilobytes"]


def forget() -> None:
    """Starts the count of this process anew, where the system can: Linux only."""
    count = Path("/proc/self/clear_refs")
    if count.exists():
        count.write_text("5")


def kilobytes() -> int:
    """The peak since the start of the program or since ``forget``; getrusage would hand on that of the process that forked."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
