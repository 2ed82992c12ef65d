"""A repository of a learner: its file and its card, whose whole text follows a pattern; tested on a folder, nothing is sent."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from quickstudy import Examples, evaluate, learners
from quickstudy.errors import ArtefactError
from quickstudy.export import hub
from quickstudy.inputs.texts import Texts
from quickstudy.tasks.sinusoid import Sinusoid

CARD = r"""---
library_name: quickstudy
license: [a-z0-9.-]+
tags:
- meta-learning
- few-shot
- \w+
---

# A (learner|predictor): \w+

It reads [^\n]+\.

## Use

```python
from quickstudy\.export import from_hub

(?:[^\n`]+\n)+```

Or on the command line: `quickstudy (?:adapt|predict) model\.safetensors …`

## Meant for

[^\n]+\.

## Limits

[^\n]+\.

## Data

[^\n]+\.

## Evaluation

(?:It was not evaluated\.|\| tasks \| metric \| mean \| 95 % interval \| holds for \| number of tasks \| setting \|
\|(?:---\|){7}
(?:\|(?: [^|\n]+ \|){7}
)+
Task lists: [0-9a-f]{16} \(seed \d+\)(?:, [0-9a-f]{16} \(seed \d+\))*\.)

## Made with

quickstudy \S+, torch \S+, python \S+
"""

GIVEN = {
    "licence": "cc-by-4.0",
    "data": "Tickets of ours, CC BY 4.0.",
    "intended": "Routing tickets.",
    "limits": "English alone.",
}


def texts() -> Any:
    learner = learners.NearestCentroid()
    learner.reads = Texts(width=64)
    return learner


def test_the_card_follows_a_pattern_and_says_the_numbers() -> None:
    learner = learners.ALPaCA(nn.Identity(), 1)
    report = evaluate(learner, Sinusoid(), tasks=20, seed=3)
    card = hub.model_card(learner, [report], **GIVEN)
    assert re.fullmatch(CARD, card), card
    assert f"{report.mean:.4g}" in card and report.digest in card and "for other" not in card.split("## Evaluation")[0]
    assert re.fullmatch(CARD, hub.model_card(texts(), licence="apache-2.0"))
    assert "predictor(query)" in card and "predictor.names(query)" in hub.model_card(texts(), licence="mit")


def test_a_folder_holds_the_file_without_examples_and_is_read_again(tmp_path: Path) -> None:
    learner = texts()
    predictor = learner(Examples.of(learner.reads.batch(["lost card", "rain today"]), [0, 1]), ["cards", "weather"])
    place = hub.write_folder(predictor, tmp_path / "repository", **GIVEN)
    assert sorted(path.name for path in place.iterdir()) == ["README.md", "model.safetensors"]
    card = (place / "README.md").read_text()
    assert re.fullmatch(CARD, card) and "Classes: cards, weather." in card and "keeps the encoded examples" not in card
    again = hub.from_hub(str(place))
    assert again.support is None and again.names(again.reads.batch(["my card"])) == ["cards"]
    assert torch.equal(again(again.reads.batch(["my card"])), predictor(predictor.reads.batch(["my card"])))  # type: ignore[union-attr]


def test_what_is_sent_is_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    class Api:
        endpoint = "hub"

        def __init__(self, token: str | None) -> None:
            sent["token"] = token

        def create_repo(self, name: str, private: bool, exist_ok: bool) -> None:
            sent["made"] = (name, private, exist_ok)

        def upload_folder(self, repo_id: str, folder_path: str, commit_message: str) -> None:
            sent["files"] = {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}

    def download(name: str, file: str, revision: str | None, token: str | None) -> str:
        assert (name, revision) == ("ann/tickets", "v1")
        (tmp_path / file).write_bytes(sent["files"][file])
        return str(tmp_path / file)

    monkeypatch.setattr(hub, "_hub", lambda: SimpleNamespace(HfApi=Api, hf_hub_download=download))
    assert hub.push_to_hub(texts(), "ann/tickets", token="t", **GIVEN) == "hub/ann/tickets"
    assert sent["made"] == ("ann/tickets", True, True) and set(sent["files"]) == {"README.md", "model.safetensors"}
    assert type(hub.from_hub("ann/tickets", revision="v1")).__name__ == "NearestCentroid"


def test_what_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArtefactError, match="cannot be read"):
        hub.from_hub(str(tmp_path))

    def away(*given: Any, **more: Any) -> str:
        raise OSError("no network")

    monkeypatch.setattr(hub, "_hub", lambda: SimpleNamespace(hf_hub_download=away))
    with pytest.raises(ArtefactError, match="ann/nothing holds no model"):
        hub.from_hub("ann/nothing")
