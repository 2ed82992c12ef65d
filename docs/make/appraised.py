"""The measured table of an application's page, as Markdown, from what `quickstudy app` wrote.

python docs/make/appraised.py runs/apps/medical-imaging/appraisal.json
"""

import sys

from quickstudy.reports.appraisal import Appraisal, Entry, Row, signed
from quickstudy.reports.words import amount


def cell(row: Row, entry: Entry) -> str:
    """Of the learner its score; of all others the score, and the learner's gain with its interval."""
    metric = row.learner.metric
    score = amount(entry.report.mean, metric).removesuffix(" %")
    if entry.role == "learner":
        return f"**{score}**"
    gain, (low, high) = row.gain(entry)
    return f"{score}; {signed(gain, metric)} ({signed(low, metric)} to {signed(high, metric)})"


def main() -> None:
    """Prints the table."""
    found = Appraisal.load(sys.argv[1])
    names = list(dict.fromkeys(entry.report.model for row in found.rows for entry in row.entries))
    print("| " + " | ".join(["", *[row.name for row in found.rows]]) + " |")
    print("|" + "---|" * (len(found.rows) + 1))
    for name in names:
        cells, role = [], ""
        for row in found.rows:
            entry = next((each for each in row.entries if each.report.model == name), None)
            role = role or (entry.role if entry else "")
            cells.append("" if entry is None else cell(row, entry))
        print("| " + " | ".join([f"{name} ({role})", *cells]) + " |")
    print()
    for row in found.rows:
        print(f"- {row.name}: {row.verdict}. Tasks: {len(row.learner.scores):,}.")
    print(f"\nTrainings: seeds {', '.join(map(str, found.seeds))}. " + "; ".join(f"{k}: {v}" for k, v in found.facts.items()))


main()
