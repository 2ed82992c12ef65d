"""Ranks of the right candidate against scikit-learn, and what counts where scores are equal or nothing is right."""

import math

import pytest
import torch
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, top_k_accuracy_score

from quickstudy.errors import LearnerError
from quickstudy.functional import OneOf, Spelled, candidates
from quickstudy.functional.spelling import codes_of
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.metrics import accuracy, hits_5, hits_10, hits_at, mrr, pool, rank_ndcg
from quickstudy.metrics.predicted import Predicted

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(40, 12, generator=GENERATOR)
TRUE = torch.randint(12, (40,), generator=GENERATOR)
Y = torch.eye(12)[TRUE]


def test_scores_are_those_of_scikit_learn() -> None:
    said = Predicted.of(SCORES, OneOf())
    for k, found in ((5, hits_5), (10, hits_10), (3, hits_at(3))):
        assert found(said, Y) == pytest.approx(top_k_accuracy_score(TRUE, SCORES, k=k, labels=range(12)))
    assert mrr(said, Y) == pytest.approx(label_ranking_average_precision_score(Y.numpy(), SCORES.numpy()))
    assert rank_ndcg(said, Y) == pytest.approx(ndcg_score(Y.numpy(), SCORES.numpy()))
    assert hits_at(1)(said, Y) == pytest.approx(accuracy(said, Y)) and repr(hits_5) == "hits_5"


def test_equal_scores_count_as_all_orders_do() -> None:
    said = Predicted.of(torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]]), OneOf())
    y = torch.eye(5)[2:3]  # of rank 2, 3 or 4
    assert [hits_at(k)(said, y) for k in (1, 2, 3, 4)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert mrr(said, y) == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    assert rank_ndcg(said, y) == pytest.approx(sum(1 / math.log2(1 + rank) for rank in (2, 3, 4)) / 3)
    nothing = Predicted.of(torch.zeros(40, 12), Categorical())
    assert hits_5(nothing, Y) == pytest.approx(5 / 12), "whoever says nothing is as good as guessing"


def test_texts_are_found_by_what_they_say() -> None:
    codes = codes_of(["yes", "no", "yes", "perhaps", ""], 8)
    said = Predicted.of(candidates(torch.tensor([[0.5, 2.0, 3.0, 1.0, -1e4]]), codes[None]), Spelled())
    wanted = {"yes": 1, "no": 1 / 2, "perhaps": 1 / 3, "never": 0}
    for text, reciprocal in wanted.items():
        y = codes_of([text], 8).float()
        assert mrr(said, y) == pytest.approx(reciprocal), text
        assert hits_at(2)(said, y) == float(reciprocal >= 1 / 2)
    assert rank_ndcg(said, codes_of(["never"], 8).float()) == 0


def test_tasks_are_pooled_and_queries_of_no_class_left_out() -> None:
    wide, narrow = Predicted.of(SCORES[:2], Categorical()), Predicted.of(SCORES[2:5, :4], Categorical())
    y = torch.eye(4)[[0, 3, 1]]
    both, targets = pool([(wide, Y[:2]), (narrow, y)])
    parts = [mrr(wide, Y[:2]) * 2, mrr(narrow, y) * 3]
    assert mrr(both, targets) == pytest.approx(sum(parts) / 5)
    none = torch.cat([Y[:2], torch.zeros(1, 12)])
    assert mrr(Predicted.of(SCORES[:3], OneOf()), none) == pytest.approx(mrr(wide, Y[:2]))
    assert math.isnan(hits_5(Predicted.of(SCORES[:1], OneOf()), torch.zeros(1, 12)))


def test_values_are_no_candidates() -> None:
    with pytest.raises(LearnerError, match="needs probabilities or scores"):
        mrr(Predicted.of(torch.zeros(3, 2), Gaussian()), torch.zeros(3, 1))
