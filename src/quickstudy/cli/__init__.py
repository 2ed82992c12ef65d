"""The command line."""

from quickstudy.cli.entry import app, main

__all__ = ["app", "main"]
