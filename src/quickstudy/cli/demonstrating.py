"""``quickstudy demo``: the demo as a command."""

from quickstudy.cli.command import command
from quickstudy.demo.demo import demo as _demo

__all__ = ["demo"]

demo = command(_demo)
