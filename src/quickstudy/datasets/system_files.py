"""Files and folders that systems leave behind among a user's own, and which are no data."""

__all__ = ["passed_over"]

_LEFT_BEHIND = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
}


def passed_over(name: str) -> bool:
    """Whether a file or a folder of this name is hidden, or left behind by a system.

    >>> passed_over(".DS_Store"), passed_over("Thumbs.db"), passed_over("cat.jpg")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _LEFT_BEHIND
