"""Mentions in sentences, with the probabilities that the learner states."""

import pytest
import torch

from quickstudy import Examples
from quickstudy.inputs.sentences import Sentences
from quickstudy.learners import MatchingNet, OnWords
from quickstudy.metrics.temperature import Temperature
from quickstudy.nn import Frozen, UnitLength, WordStates
from quickstudy.use.marking import marked
from quickstudy.use.queries import Query


def test_mentions_have_probabilities_at_the_learners_temperature() -> None:
    torch.manual_seed(0)
    learner = OnWords(Frozen(WordStates(30522, 8, heads=2)), MatchingNet(UnitLength(), scale=20.0)).eval()
    learner.reads = Sentences(32)
    x = learner.reads.batch([["play", "Miles", "Davis"], ["play", "some", "jazz"]])
    support, names = Examples.of(x, [0, 1, 1, 0, 0, 2]), ["outside", "artist", "genre"]
    asked = ["play", "Miles", "Davis"]
    found = {}
    for temperature in (None, Temperature(3.0)):
        learner.calibration = temperature
        predictor = learner(support, names)
        (sentence,) = marked(predictor, [Query("a", asked)])
        (mention,) = sentence.mentions
        assert (mention.first, mention.last, mention.type) == (1, 3, "artist")
        stated = predictor.probabilities(learner.reads.batch([asked]))[1:3, 1].min()
        assert mention.probability == pytest.approx(float(stated), abs=1e-6)
        found[temperature] = mention.probability
    assert found[Temperature(3.0)] < found[None] - 0.01
