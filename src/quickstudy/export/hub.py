"""Learners and predictors on a model hub, with a card that is written from their reports; needs the extra ``hub``."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from quickstudy.errors import ArtefactError, MissingExtra
from quickstudy.inputs.columns import Columns
from quickstudy.learner import Learner, Predictor
from quickstudy.reports.report import Report
from quickstudy.reports.words import amount, between
from quickstudy.saving.checkpoint import load, save
from quickstudy.saving.left_out import left_out
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import write_whole

__all__ = ["FILE", "from_hub", "model_card", "push_to_hub", "write_folder"]

FILE = "model.safetensors"
"""The name of the learner's or the predictor's file in a repository."""


def model_card(
    thing: Learner[Any] | Predictor,
    reports: Sequence[Report] = (),
    *,
    licence: str,
    data: str = "",
    intended: str = "",
    limits: str = "",
) -> str:
    """The card of a learner or a predictor as Markdown: what it is, what it was found to be worth, and for what it is meant.

    Args:
        thing: to be described.
        reports: of its evaluation, each with its intervals; without any the card says that it was not evaluated.
        licence: of the weights, by its identifier: "apache-2.0", "cc-by-4.0".
        data: what it was meta-trained on, with the data's licence.
        intended: for whom and for what it is meant.
        limits: what it cannot do.

    >>> from torch import nn
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> card = model_card(ProtoNet(nn.Flatten()), licence="apache-2.0", data="glyphs")
    >>> card.splitlines()[:4], "not evaluated" in card
    (['---', 'library_name: quickstudy', 'license: apache-2.0', 'tags:'], True)
    """
    learner = thing.learner if isinstance(thing, Predictor) else thing
    kind = "predictor" if isinstance(thing, Predictor) else "learner"
    parts = [
        "---",
        "library_name: quickstudy",
        f"license: {licence}",
        "tags:",
        "- meta-learning",
        "- few-shot",
        f"- {learner.title}",
        "---",
        "",
        f"# A {kind}: {learner.title}",
        "",
        _what(thing, learner),
        *([] if learner.calibration is None else ["", f"Its probabilities are at the temperature {learner.calibration}."]),
        "",
        "## Use",
        "",
        *_use(thing, learner),
        "",
        "## Meant for",
        "",
        intended or "Nothing was said.",
        "",
        "## Limits",
        "",
        limits or "Nothing was said.",
        *([_transductive] if learner.facts.transductive else []),
        "",
        "## Data",
        "",
        data or "Nothing was said.",
        "",
        "## Evaluation",
        "",
        *_evaluation(reports),
        "",
        "## Made with",
        "",
        ", ".join(f"{name} {number}" for name, number in versions().items()),
        "",
    ]
    return "\n".join(parts)


_transductive = "It is transductive: an answer depends on the other queries."


def _what(thing: Learner[Any] | Predictor, learner: Learner[Any]) -> str:
    reads = thing.reads
    things = "tensors" if reads is None else reads.things
    targets = {"classes": "the class of each", "values": "values of each", "labels": "labels of each"}[learner.likelihood.targets]
    if isinstance(thing, Predictor):
        named = f" Classes: {', '.join(thing.classes)}." if thing.classes else ""
        said = f"It reads {things} and predicts {targets}.{named}"
        return said + ("" if thing.support is None else " Its file keeps the encoded examples that it was adapted to.")
    backbones = sorted({part.name for part in left_out(learner).values()})
    frozen = f" It stands on the frozen backbone {', '.join(backbones)}, which is named by its hash." if backbones else ""
    columns = f" Columns: {', '.join(reads.names)}." if isinstance(reads, Columns) else ""
    return f"It reads {things}, adapts to a handful of labelled examples, and predicts {targets}.{columns}{frozen}"


def _use(thing: Learner[Any] | Predictor, learner: Learner[Any]) -> list[str]:
    lines = ["```python", "from quickstudy.export import from_hub", ""]
    if isinstance(thing, Predictor):
        lines += ['predictor = from_hub("OWNER/NAME")', "predictor.names(query)"]
    else:
        lines += ['learner = from_hub("OWNER/NAME")', "predictor = learner(support, classes)", "predictor.names(query)"]
    lines[-1] = lines[-1] if learner.likelihood.targets != "values" else "predictor(query)"
    verb = "predict" if isinstance(thing, Predictor) else "adapt"
    return [*lines, "```", "", f"Or on the command line: `quickstudy {verb} {FILE} …`"]


def _evaluation(reports: Sequence[Report]) -> list[str]:
    if not reports:
        return ["It was not evaluated."]
    head = ["| tasks | metric | mean | 95 % interval | holds for | number of tasks | setting |", "|---|---|---|---|---|---|---|"]
    rows = []
    for report in reports:
        setting = "transductive" if report.transductive else "inductive"
        for world, interval in report.intervals.items():
            cells = [report.source, report.metric, amount(report.mean, report.metric), between(interval, report.metric)]
            rows.append("| " + " | ".join([*cells, report.for_world(world), f"{len(report.scores):,}", setting]) + " |")
    lists = ", ".join(dict.fromkeys(f"{report.digest} (seed {report.seed})" for report in reports))
    return [*head, *rows, "", f"Task lists: {lists}."]


def write_folder(thing: Learner[Any] | Predictor, folder: str | Path, reports: Sequence[Report] = (), **card: str) -> Path:
    """Writes what a repository holds, the file and its card, into a folder.

    Args:
        thing: a learner, or a predictor; its encoded examples are left out unless it is saved otherwise.
        folder: is made if it is not there.
        reports: for the card.
        card: licence, data, intended, limits, as of `model_card`.

    Raises:
        ArtefactError: the folder cannot be written to.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtefactError(f"{place} cannot be made ({error.strerror}). Name another folder.") from error
    kept = replace(thing, support=None) if isinstance(thing, Predictor) else thing
    save(kept, place / FILE)
    write_whole(place / "README.md", model_card(kept, reports, **card).encode())
    return place


def push_to_hub(
    thing: Learner[Any] | Predictor,
    repository: str,
    reports: Sequence[Report] = (),
    *,
    private: bool = True,
    token: str | None = None,
    **card: str,
) -> str:
    """Puts a learner or a predictor, with its card, on the Hugging Face Hub; the address of the repository.

    A predictor goes without its encoded examples.

    Args:
        thing: a learner or a predictor.
        repository: "OWNER/NAME"; it is made if it is not there.
        reports: for the card.
        private: whether it is made so that its owner alone sees it.
        token: of the hub; by default the one that ``huggingface-cli login`` keeps.
        card: licence, data, intended, limits, as of `model_card`.

    Raises:
        MissingExtra: the package of the hub is not installed.
    """
    hub = _hub()
    with tempfile.TemporaryDirectory() as folder:
        place = write_folder(thing, folder, reports, **card)
        api = hub.HfApi(token=token)
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=str(place), commit_message="quickstudy: a learner and its card")
    return f"{api.endpoint}/{repository}"


def from_hub(repository: str, *, revision: str | None = None, token: str | None = None) -> Any:
    """The learner or the predictor of a repository, or of a folder that `write_folder` wrote. Nothing in it is executed.

    Args:
        repository: "OWNER/NAME", or the path of a folder.
        revision: a commit or a tag; the newest by default. Name one where answers must not change.
        token: of the hub.

    Raises:
        ArtefactError: there is no such file, or it is no file of quickstudy.
        MissingExtra: the package of the hub is not installed.
    """
    if Path(repository).is_dir():
        return load(Path(repository) / FILE)
    hub = _hub()
    try:
        path = hub.hf_hub_download(repository, FILE, revision=revision, token=token)
    except Exception as error:  # of the hub's own kinds, and of the network's
        raise ArtefactError(f"{repository} holds no {FILE} that can be read ({type(error).__name__}). Check its name.") from error
    return load(path)


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtra('a model hub needs huggingface_hub. Install it: pip install "quickstudy[hub]"') from error
    return huggingface_hub
