"""``quickstudy cite``: quickstudy itself, or the paper of a learner, as BibTeX."""

import inspect
import re
import sys

from quickstudy import learners
from quickstudy.cli.command import command
from quickstudy.cli.console import say
from quickstudy.errors import LearnerError, nearest
from quickstudy.learner import Learner
from quickstudy.storage.artefact import versions

__all__ = ["cite"]

_SOURCE = re.compile(r"(?P<authors>.+?), (?P<year>\d{4}), (?P<title>.+?)(?: \((?P<note>[^()]*)\))?\.?")
"""As every learner's file gives it: authors, year, title, and in brackets what of the paper it is."""


@command
def cite(learner: str | None = None) -> None:
    """Print the BibTeX entry of quickstudy, or of a learner's paper.

    Args:
        learner: its name, for example MAML.
    """
    if learner is None:
        # as in CITATION.cff
        fields = {
            "title": "{quickstudy: meta-learning for many small tasks}",
            "author": "{The quickstudy developers}",
            "version": versions()["quickstudy"],
            "year": "2026",
        }
        say(_entry("software", "quickstudy", fields))
        return
    names = _names()
    if learner not in names:
        raise LearnerError(f"there is no learner {learner!r}.{nearest(learner, names)} There are: {', '.join(names)}.")
    text = inspect.getdoc(sys.modules[getattr(learners, learner).__module__]) or ""
    source = re.search(r"Source: (.+?)(?:\n\n|$)", text, re.DOTALL)
    say(_paper(" ".join(source[1].split())) if source else f"{learner}: no paper; a plain baseline.")


def _paper(source: str) -> str:
    """A learner's source as BibTeX, titles in the words of the file."""
    found = _SOURCE.fullmatch(source)
    if found is None:
        return source
    authors = re.sub(r" et al\.$", " & others", found["authors"])
    people = [part.strip() for part in re.split(r", | & ", authors)]
    key = re.sub(r"[^a-z0-9]", "", f"{people[0].split()[-1]}{found['year']}{found['title'].split()[0]}".lower())
    fields = {"title": f"{{{found['title']}}}", "author": " and ".join(people), "year": found["year"]}
    return _entry("misc", key, fields | ({"note": found["note"]} if found["note"] else {}))


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"


def _names() -> list[str]:
    found = {name: getattr(learners, name) for name in learners.__all__}
    return [name for name, thing in found.items() if isinstance(thing, type) and issubclass(thing, Learner)]
