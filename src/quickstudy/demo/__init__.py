"""The main job on built-in data: meta-train, evaluate and compare, with a page about it."""

from quickstudy.demo.demo import demo
from quickstudy.demo.demo_page import Findings, comparisons, conclusion, demo_page

__all__ = [
    "Findings",
    "comparisons",
    "conclusion",
    "demo",
    "demo_page",
]
