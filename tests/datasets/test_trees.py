"""Rows that are trees of tensors: token numbers stay whole from the index to the predictor, through stores, caches and files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from quickstudy import Examples, datasets, evaluate, learners, load, save, tasks, train
from quickstudy.datasets import arrays as arrays_module
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.row_hashes import content_of, equal_rows, row_hashes
from quickstudy.datasets.store import open_store, write_store
from quickstudy.datasets.task_table import Table
from quickstudy.errors import DataError, ShapeError
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.tasks.source import generator_of

ROWS, LENGTH, CLASSES = 60, 7, 6
LABELS = torch.arange(ROWS) % CLASSES
NAMES = tuple("abcdef")
EVERY = torch.arange(ROWS)


def tree() -> dict[str, Tensor]:
    """Texts of 1 to 7 tokens; those of a class use tokens of their own."""
    generator = torch.Generator().manual_seed(0)
    tokens = 1 + LABELS[:, None] * 4 + torch.randint(4, (ROWS, LENGTH), generator=generator)
    mask = (torch.arange(LENGTH) <= torch.randint(LENGTH, (ROWS, 1), generator=generator)).float()
    return {"tokens": tokens, "mask": mask}


def index() -> ClassIndex:
    return ClassIndex(tree(), LABELS, NAMES, "texts")


def encoder() -> TokenTransformer:
    torch.manual_seed(0)
    return TokenTransformer(30, 8, depth=1)


class Items(Dataset[Any]):
    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, row: int) -> Any:
        return {key: leaf[row] for key, leaf in tree().items()}, NAMES[int(LABELS[row])]


def same(found: Any, wanted: dict[str, Tensor]) -> None:
    assert set(found) == set(wanted)
    for key, leaf in wanted.items():
        assert found[key].dtype == leaf.dtype and torch.equal(found[key], leaf), key


def named() -> list[str]:
    return [NAMES[number] for number in LABELS]


def pieces() -> list[tuple[dict[str, Tensor], Tensor]]:
    parts = EVERY.split(25)  # type: ignore[no-untyped-call]
    return [({key: leaf[part] for key, leaf in tree().items()}, LABELS[part]) for part in parts]


def on_demand(folder: Path) -> ClassIndex:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays_module, "_IN_MEMORY", 0)
        return datasets.from_dataset(Items())


WAYS = {
    "an index": lambda folder: index(),
    "arrays": lambda folder: datasets.from_arrays({key: leaf.numpy() for key, leaf in tree().items()}, named()),
    "tensors": lambda folder: datasets.from_arrays(tree(), named()),
    "a list": lambda folder: datasets.from_arrays([Items()[row][0] for row in range(ROWS)], named()),
    "a data set": lambda folder: datasets.from_dataset(Items()),
    "a data set read on demand": on_demand,
    "a part": lambda folder: datasets.from_dataset(Items()).rows(EVERY.flip(0)).rows(EVERY.flip(0)),
    "a store": lambda folder: write_store(folder / "store", index()),
    "a store of pieces": lambda folder: write_store(folder / "store", pieces(), NAMES),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_index_holds_trees_and_whole_numbers_stay_whole(way: str, tmp_path: Path) -> None:
    made = WAYS[way](tmp_path)
    same(made.gather(EVERY), tree())
    picked = torch.tensor([[59, 0], [3, 3]])
    same(made.gather(picked), {key: leaf[picked] for key, leaf in tree().items()})
    same(made.select(["c", "a"]).gather(torch.arange(20)), map_leaves(lambda leaf: leaf[(LABELS == 2) | (LABELS == 0)], tree()))
    assert np.array_equal(row_hashes(made), row_hashes(index())), "content is one, wherever it lies"
    assert made.examples().x["tokens"].dtype == torch.int64
    source = tasks.FewShot(made, ways=3, shots=2, queries=3)
    task = source.sample(2, generator_of(0))
    assert task.support.x["tokens"].shape == (2, 6, LENGTH) and task.support.x["tokens"].dtype == torch.int64
    assert task.support.y.dtype == torch.float32


def test_hashes_see_each_tensor() -> None:
    changed = tree()
    changed["mask"] = changed["mask"].clone()
    changed["mask"][5, 0] = 1 - changed["mask"][5, 0]
    other = ClassIndex(changed, LABELS, NAMES, "texts")
    assert (row_hashes(other) != row_hashes(index())).nonzero()[0].tolist() == [5]
    assert content_of(other, EVERY) != content_of(index(), EVERY)
    renamed = ClassIndex({"ids": tree()["tokens"], "mask": tree()["mask"]}, LABELS, NAMES)
    assert content_of(renamed, EVERY) != content_of(index(), EVERY)
    twice = ClassIndex(map_leaves(lambda leaf: torch.cat([leaf, leaf[:1]]), tree()), torch.cat([LABELS, LABELS[:1]]), NAMES)
    assert equal_rows(twice)[-1] == equal_rows(twice)[0] and len(equal_rows(twice).unique()) == ROWS


LEARNERS = {
    "ProtoNet": lambda: learners.ProtoNet(encoder()),
    "MAML": lambda: learners.MAML(nn.Sequential(encoder(), nn.Linear(8, 3)), inner_lr=0.1),
    "LogisticRegression": lambda: learners.LogisticRegression(encoder=encoder()),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_predictor_of_an_index_answers_as_one_of_the_raw_tree(name: str, tmp_path: Path) -> None:
    learner = LEARNERS[name]().eval()
    made = index().select(["a", "b", "c"])
    here = (LABELS < 3).nonzero()[:, 0]
    raw = {key: leaf[here] for key, leaf in tree().items()}
    a = learner(made.examples(), made.classes)
    b = learner(Examples.of(raw, LABELS[here]), NAMES[:3])
    queries = {key: leaf[:5] for key, leaf in raw.items()}
    assert torch.equal(a(queries), b(queries))
    assert torch.equal(a({key: leaf.numpy() for key, leaf in queries.items()}), b(queries)), "arrays too"
    assert torch.allclose(a({key: leaf[0] for key, leaf in queries.items()}), b(queries)[:1], atol=1e-5)
    save(a, tmp_path / "predictor")
    again = load(tmp_path / "predictor", like=None if name == "ProtoNet" else LEARNERS[name]())
    assert torch.equal(again(queries), a(queries)) and again.names(queries) == a.names(queries)
    for wrong, words in (
        (queries["tokens"], "are .*'tokens'.*these are"),
        (queries | {"tokens": queries["tokens"].float()}, "at .'tokens'. are int64, these float32"),
        (queries | {"mask": queries["mask"][:2]}, "rows belong together"),
    ):
        with pytest.raises(ShapeError, match=words):
            again(wrong)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
@pytest.mark.parametrize("name", LEARNERS)
def test_trees_are_trained_on_and_evaluated(name: str, strategy: Any) -> None:
    if name == "LogisticRegression" and strategy == "vmap":
        strategy = "auto"
    learner, source = LEARNERS[name](), tasks.FewShot(index(), ways=3, shots=2, queries=3)
    if name != "LogisticRegression":
        optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
        losses = [r.loss for r in train(learner, source, steps=3, batch=2, optimizer=optimizer, strategy=strategy)]
        assert all(map(np.isfinite, losses))
    report = evaluate(learner, source, tasks=6, strategy=strategy)
    other = evaluate(learner, source, tasks=6, strategy="loop", batch=1)
    assert report.scores == pytest.approx(other.scores)


def test_features_of_trees_are_cached_once(tmp_path: Path) -> None:
    network = encoder().eval()
    found = encoded(index(), network, folder=tmp_path)
    with torch.no_grad():
        assert torch.allclose(found.gather(EVERY), network(tree()), atol=1e-5)
    before = len(list(tmp_path.iterdir()))
    encoded(index(), network, folder=tmp_path)
    changed = tree() | {"mask": torch.ones(ROWS, LENGTH)}
    encoded(ClassIndex(changed, LABELS, NAMES, "texts"), network, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2 * before, "another mask, another cache"


def test_a_store_of_trees_is_checked_row_by_row(tmp_path: Path) -> None:
    write_store(tmp_path / "store", index())
    again = open_store(tmp_path / "store")
    same(again.gather(EVERY), tree())
    path = tmp_path / "store" / "rows.bin"
    assert path.stat().st_size == ROWS * LENGTH * (8 + 4)
    content = bytearray(path.read_bytes())
    content[3 * LENGTH * 12 + 60] ^= 1
    path.write_bytes(bytes(content))
    damaged = open_store(tmp_path / "store")
    assert len(leaves(damaged.gather(torch.tensor([0, 4])))) == 2
    with pytest.raises(DataError, match="row 3 of .*has changed since it was written"):
        damaged.gather(torch.tensor([3]))


def test_a_table_of_trees_is_a_source_of_tasks() -> None:
    table = Table(tree(), LABELS % 2, torch.arange(ROWS) // 20, ("x", "y", "z"), ("no", "yes"))
    same(table.select(["y"]).gather(torch.arange(20)), map_leaves(lambda leaf: leaf[20:40], tree()))
    source = tasks.ByTask(table, shots=2)
    assert source.sample(1).query.x["tokens"].dtype == torch.int64
    report = evaluate(learners.ProtoNet(encoder()), source, tasks=5)
    assert len(report.scores) == 5 and len(source.digest(source.plan(2))) == 16
    with pytest.raises(DataError, match="1 rows hold NaN.*row 4"):
        Table(OnDemand(), LABELS % 2, torch.arange(ROWS) // 20, ("x", "y", "z"), ("no", "yes")).gather(torch.tensor([[4, 4, 1]]))


class OnDemand:
    """Rows read on demand, of which the fifth holds NaN."""

    def __len__(self) -> int:
        return ROWS

    def gather(self, rows: Tensor) -> Any:
        mask = tree()["mask"][rows]
        mask[rows == 4] = torch.nan
        return {"tokens": tree()["tokens"][rows], "mask": mask}


def test_whole_numbers_of_tensors_stay_whole_and_those_of_arrays_become_decimal() -> None:
    tokens = tree()["tokens"]
    for made in (datasets.from_arrays(tokens, LABELS), datasets.from_dataset(TensorDataset(tokens, LABELS))):
        assert made.gather(EVERY).dtype == torch.int64 and torch.equal(made.gather(EVERY), tokens)
    assert datasets.from_arrays(tokens.numpy(), LABELS).gather(EVERY).dtype == torch.float32
    doubles = datasets.from_arrays({"a": np.ones((ROWS, 2)), "b": np.ones((ROWS, 2), dtype=np.int32)}, LABELS).gather(EVERY)
    assert (doubles["a"].dtype, doubles["b"].dtype) == (torch.float32, torch.int32)


def test_what_is_no_tree_of_rows_is_refused() -> None:
    bad = tree()["mask"].clone()
    bad[7, 2] = torch.nan
    for x, words in (
        ({}, "texts: rows must be a tensor, or a tree of tensors, not dict"),
        ({"tokens": [1, 2]}, "texts: rows must be a tensor, or a tree of tensors, not int"),
        (tree() | {"mask": tree()["mask"][:9]}, r"texts: tensors of \[60, 9\] rows belong together"),
        (tree() | {"mask": bad}, 'texts: 1 rows hold NaN or infinite values, the first is row 7 of class "b"'),
        (map_leaves(lambda leaf: leaf[:9], tree()), "texts: 9 rows came with 60 labels"),
    ):
        with pytest.raises(DataError, match=words):
            ClassIndex(x, LABELS, NAMES, "texts")
    with pytest.raises(DataError, match="item 1 is mask float32 of shape .* and tokens int64 of shape"):
        datasets.from_arrays([{"tokens": torch.zeros(2)}, Items()[0][0]], ["a", "b"])
    with pytest.raises(DataError, match="rows of several tensors are no images"):
        datasets.rotated_classes(index())
    with pytest.raises(DataError, match="inputs of 2 tensors are no single array"):
        from sklearn.neighbors import KNeighborsClassifier

        evaluate(KNeighborsClassifier(1), tasks.FewShot(index(), ways=3, queries=3), tasks=2)


def test_checks_look_at_all_tensors_of_a_row() -> None:
    from quickstudy.checks.splits import copies_inside_classes, repeated_examples

    wide = {"a": torch.randn(ROWS, 40), "b": torch.arange(40).repeat(ROWS, 1)}
    wide["a"][6] = wide["a"][0]
    whole = ClassIndex(wide, LABELS, NAMES)
    assert "2 of 60 examples" in copies_inside_classes({"train": whole}).findings[0].what
    split = {"train": whole.select(["a", "b"]), "test": whole.select(["c", "d"])}
    assert not repeated_examples(split).findings
