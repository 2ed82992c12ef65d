"""A sentence becomes a row for each word, which is complete in itself."""

import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.inputs import Sentences, WordPieces, input_kind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.learners import MatchingNet, OnWords
from quickstudy.nn import Frozen, WordStates
from quickstudy.task import Examples


def test_pieces_are_those_of_the_text_and_each_word_knows_its_own() -> None:
    rows = Sentences(16).batch(["play Björk!", ["some", "jazz"]])
    assert torch.equal(rows["pieces"][0], WordPieces(16)("play Björk!"))
    assert rows["unit"].tolist() == [0, 0, 0, 1, 1]
    words = [rows["pieces"][row, rows["start"][row] : rows["end"][row]].tolist() for row in range(5)]
    whole = [piece for word in words[:3] for piece in word]
    assert [101, *whole, 102] == rows["pieces"][0][: len(whole) + 2].tolist()
    assert Sentences(16).gives(RowShape.of(rows)) and not Sentences(17).gives(RowShape.of(rows))
    assert input_kind(Sentences(16).to_json()) == Sentences(16)
    assert Sentences(16).batch(rows) == rows


@pytest.mark.parametrize(
    ("things", "said"),
    [
        ([], "no sentences"),
        (3, "is no sentence"),
        (["good", "  "], r"sentence 1 .* has no words"),
        ([["a", " "]], "an empty word"),
        ([4], "is 4, no sentence"),
        (["a b c d e f g h i j k l m n o"], "15 pieces of words; at most 14"),
        ({"pieces": torch.zeros(2, 16)}, "is no sentence"),
    ],
)
def test_what_is_no_sentence_is_refused(things: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Sentences(16).batch(things)


def test_states_of_raw_sentences_are_those_of_the_backbone_whatever_stands_beside_them() -> None:
    torch.manual_seed(0)
    backbone = Frozen(WordStates(30522, 8, depth=2, layers=(2, 1)))
    learner = OnWords(backbone, MatchingNet(torch.nn.Identity()))
    reads = Sentences(16)
    rows = reads.batch(["play some Björk", "go", "play some jazz"])
    order = torch.randperm(7)
    shuffled = {name: leaf[order] for name, leaf in rows.items()}
    torch.testing.assert_close(learner.encode(shuffled), learner.encode(rows)[order])
    alone = learner.encode(reads.batch(["go"]))
    torch.testing.assert_close(alone[0], learner.encode(rows)[3], rtol=1e-5, atol=1e-6)
    pieces, starts, ends = reads.read(["play", "some", "Björk"])
    states, _ = backbone.encoder.states(pieces[None])
    wanted = torch.cat([states[layer][0, starts[2] : ends[2]].mean(0) for layer in (2, 1)])
    torch.testing.assert_close(learner.encode(rows)[2], wanted, rtol=1e-4, atol=1e-5)
    cached = {"states": learner.encode(rows), "unit": rows["unit"]}
    assert torch.equal(learner.encode(cached), cached["states"])


def test_a_predictor_of_sentences_answers_each_word() -> None:
    torch.manual_seed(0)
    learner = OnWords(Frozen(WordStates(30522, 8)), MatchingNet(torch.nn.Identity(), scale=50.0))
    learner.reads = Sentences(16)
    support = Examples.of(learner.reads.batch(["play Miles Davis"]), [0, 1, 1])
    predictor = learner(support, ["outside", "artist"])
    assert predictor.names(["play Miles Davis"]) == ["outside", "artist", "artist"]
    assert predictor(["play Miles Davis", "go"]).shape == (4, 2)


def test_a_program_of_raw_sentences_takes_any_number_of_words() -> None:
    torch.manual_seed(0)
    learner = OnWords(Frozen(WordStates(30522, 8, depth=2, layers=(1, 2))), MatchingNet(torch.nn.Identity())).eval()
    given, other = (
        {k: v for k, v in Sentences(16).batch(each).items() if k != "unit"} for each in (["play jazz", "go"], ["a b", "c d e"])
    )

    class Encoding(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.learner = learner

        def forward(self, x: dict[str, torch.Tensor]) -> object:
            return self.learner.encode(x)

    free = torch.export.Dim("words", min=2)
    with torch.no_grad():
        program = torch.export.export(Encoding(), (given,), dynamic_shapes=({name: {0: free} for name in given},), strict=False)
        torch.testing.assert_close(program.module()(other), learner.encode(other), rtol=1e-5, atol=1e-6)
