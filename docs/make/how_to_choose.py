"""Fills the table and figures of how-to-choose-a-learner.md from a comparison of ``quickstudy compare --all``.

python docs/make/how_to_choose.py runs/all/comparison.json
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from quickstudy.reports.words import plus_minus

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "how-to-choose-a-learner.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def table(found: dict[str, Any]) -> str:
    """The comparison as a table of Markdown, the most accurate first."""
    settings = found["settings"]
    tasks = settings["steps"] * settings["batch"]
    what = f"{settings['source']}: {tasks:,} tasks of meta-training each, {settings['tasks']:,} meta-test tasks."
    lines = [
        what,
        "",
        "| learner | family | accuracy, % | difference to the best | ms a task | state, kB | peak, kB | training, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found["learners"]:
        accuracy = plus_minus(row["accuracy"], row["interval"], "accuracy", digits=1).removesuffix(" %")
        apart = 100 * (row["behind_interval"][1] - row["behind"])
        behind = f"{100 * row['behind']:+.1f} ± {apart:.1f}".replace("-", "−") if apart else ""
        name, comma, variant = row["name"].partition(",")
        setting = " (T)" if row["transductive"] else ""
        numbers = f"{1e3 * row['seconds']:.1f} | {row['state_bytes'] / 1e3:,.1f} | {row['peak_bytes'] / 1e3:,.0f}"
        cells = f"`{name}`{comma}{variant}{setting} | {row['family']} | {accuracy} | {behind}"
        lines.append(f"| {cells} | {numbers} | {row['training_seconds']:.0f} |")
    return "\n".join(lines)


def fill(page: str, found: dict[str, Any]) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(found)}\n{END}{after}"


def main(comparison: Path) -> None:
    """Writes the table into the page, and brings the figures beside it."""
    found = json.loads(comparison.read_text())
    PAGE.write_text(fill(PAGE.read_text(), found))
    for name in ("adaptation", "training"):
        shutil.copyfile(comparison.parent / f"accuracy-{name}.png", DOCS / f"accuracy-{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
