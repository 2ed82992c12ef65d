"""The commands of the command line, which `quickstudy_cli` calls."""

from quickstudy.cli.recipes import train, tune

__all__ = ["train", "tune"]
