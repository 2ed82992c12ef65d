"""Whole applications, one file each: a source, learners, and words for the person."""

from quickstudy.apps.demo import demo

__all__ = ["demo"]
