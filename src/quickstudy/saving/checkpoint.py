"""Learners and adapted predictors, to disk and back."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor

from quickstudy import functional, learners, likelihood, nn
from quickstudy.errors import ArtefactError, LearnerError, UserError
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.statistics import ImageStatistics
from quickstudy.learner import Learner, Predictor
from quickstudy.nn.value import own
from quickstudy.saving.kept import kept_description, kept_support, kept_temperature, kept_threshold, kept_tree
from quickstudy.saving.left_out import left_out, made_whole, refuse_other_weights, whole_weights
from quickstudy.saving.older import completed, modern
from quickstudy.saving.self_test import given, refuse_other
from quickstudy.storage.artefact import FORMAT, Artefact, dumped, read, unpack
from quickstudy.storage.blueprint import Recorded, blueprint, build
from quickstudy.storage.budget import Budget
from quickstudy.storage.files import write_whole

__all__ = ["altered", "load", "records_of", "save", "saved_bytes"]


def save(
    thing: Learner[Any] | Predictor, path: str | Path, *, recipe: Mapping[str, Any] | None = None, whole: bool = False
) -> None:
    """Writes a learner or an adapted predictor to one file (safetensors with JSON inside), whole or not at all.

    Args:
        thing: a learner, or a predictor with its state, class names, preprocessing, encoded support set and threshold. For a
            file that others may have but your examples not, leave them out: ``dataclasses.replace(predictor, support=None)``.
        path: of the file.
        recipe: the call that made the learner, kept as a note.
        whole: copy the weights of frozen pretrained backbones too, which are otherwise named by their hash: the file is large,
            and needs no package with weights where it is loaded.

    Raises:
        ArtefactError: the file cannot be written; an old one survives. Or a frozen pretrained backbone has other weights by now.

    >>> import tempfile, torch
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.nn.mlp import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(ProtoNet(MLP(4, (8,))), f"{folder}/learner.safetensors")
    ...     type(load(f"{folder}/learner.safetensors")).__name__
    'ProtoNet'
    """
    write_whole(Path(path), saved_bytes(thing, recipe=recipe, whole=whole))


def saved_bytes(thing: Learner[Any] | Predictor, *, recipe: Mapping[str, Any] | None = None, whole: bool = False) -> bytes:
    """What `save` writes, as bytes; arguments and errors are the same."""
    learner = thing.learner if isinstance(thing, Predictor) else thing
    reads = thing.reads
    description: dict[str, Any] = {
        "learner": made_whole(blueprint(learner)) if whole else blueprint(learner),
        "recipe": dict(recipe or {}),
        "reads": reads.to_json() if reads is not None else None,
        "expects": asdict(learner.expects) if learner.expects is not None else None,
    }
    if learner.calibration is not None:
        description["temperature"] = asdict(learner.calibration)
    if not whole and (parts := left_out(learner)):
        for part in set(parts.values()):
            part.check_unchanged()
        description["backbones"] = {place: [part.name, part.sha256] for place, part in parts.items()}
    tree: dict[str, Any] = {"weights": whole_weights(learner) if whole else dict(learner.state_dict())}
    if isinstance(thing, Predictor):
        tree["state"] = thing.state
        description |= kept_description(thing.support, thing.threshold)
        tree |= kept_tree(thing.support)
        description["classes"] = list(thing.classes) if thing.classes is not None else None
        description["rows"] = thing.rows.tensors if thing.rows is not None else None
    tree["self_test"] = given(thing)
    return dumped("predictor" if isinstance(thing, Predictor) else "learner", description, tree)


def load(path: str | Path, like: Learner[Any] | None = None, *, check: bool = True) -> Any:
    """Reads what `save` wrote: a learner or a predictor, in eval mode, that answers as it did where it was saved.

    Args:
        path: of the file.
        like: a learner built from your own code, to be filled; needed when the file was made from a network of your own.
        check: run the file's self-test: the outputs of a predictor, or the features of a learner's encoder, for made-up inputs
            are compared with those found when it was saved.

    Raises:
        ArtefactError: the file is missing, damaged, foreign or newer, or does not fit ``like``; or its frozen backbone has other
            weights here; or its self-test fails.
        MissingExtra: the package with the weights of its frozen backbone is not installed.
    """
    found = modern(read(path, ("learner", "predictor")))
    content = _content(found, path)
    weights = content["weights"]
    try:
        learner = _filled(like, weights, found, path)
    except ArtefactError as error:
        if found.form == FORMAT or "like=" in str(error):
            raise
        made = found.versions.get("quickstudy")
        raise ArtefactError(
            f"{path} was made by quickstudy {made}, which built this learner otherwise ({error}). Load it there, or train anew."
        ) from error
    learner.reads = _reads(found.description.get("reads"), path) or learner.reads
    learner.expects = _expects(found.description.get("expects"), path) or learner.expects
    learner.calibration = kept_temperature(found.description, learner.likelihood, path) or learner.calibration
    made_by, wanted = f"quickstudy {found.versions.get('quickstudy')}", unpack(content.get("self_test"), found.tensors)
    if found.kind == "learner":
        if check:
            refuse_other(learner, wanted, made_by, path)
        return learner
    classes = found.description.get("classes")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise ArtefactError(f"{path} holds invalid class names. It was altered: use a copy.")
    state = unpack(content["state"], found.tensors, records_of(learner))
    if like is None:
        own(learner)  # nobody else has it: no copy is needed
    named = tuple(classes) if classes is not None else None
    rows, support = (
        _rows(found.description.get("rows"), path),
        kept_support(unpack(content.get("support"), found.tensors, records_of(learner)), path),
    )
    predictor = Predictor(learner, state, named, learner.reads, rows, support, kept_threshold(found.description, path))
    if check:
        refuse_other(predictor, wanted, made_by, path)
    return predictor


def _content(found: Artefact, path: str | Path) -> dict[str, Any]:
    """The weights, and the skeletons of a predictor's state, of its support set and of the self-test."""
    try:
        parts = {str(key): item for key, item in found.skeleton["dict"]}
    except (ArithmeticError, LookupError, TypeError, ValueError):
        parts = {}
    weights = unpack(parts.get("weights"), found.tensors)
    if not isinstance(weights, dict) or (found.kind == "predictor") != ("state" in parts):
        raise ArtefactError(f"{path} does not hold what a {found.kind} needs. It was altered: use a copy.")
    return parts | {"weights": weights}


def _rebuilt(found: Artefact, path: str | Path) -> Learner[Any]:
    plan = found.description.get("learner")
    with Budget(sum(tensor.numel() for tensor in found.tensors), len(found.tensors)) as budget:
        budget.allows(plan)
        learner = build(plan, _known())
    if not isinstance(learner, Learner):
        raise ArtefactError(f"{path} describes no learner. It was altered: use a copy.")
    return learner


def _filled(like: Learner[Any] | None, weights: Mapping[str, Tensor], found: Artefact, path: str | Path) -> Learner[Any]:
    """The learner with the file's weights, in their own precision."""
    learner = like if like is not None else _rebuilt(found, path)
    weights = completed(weights, learner, found)
    refuse_other_weights(learner, found.description.get("backbones", {}), weights, path)
    for name, tensor in learner.state_dict(keep_vars=True).items():
        saved = weights.get(name)
        if not isinstance(tensor, Tensor) or not isinstance(saved, Tensor):
            continue
        if saved.shape != tensor.shape:  # torch takes (1,) for ()
            there, here = tuple(saved.shape), tuple(tensor.shape)
            kind = type(learner).__name__
            raise ArtefactError(f"the weights in {path} do not fit this {kind}: {name} is {there} there and {here} here.")
        if saved.dtype == tensor.dtype:
            continue
        if like is not None or saved.is_floating_point() != tensor.is_floating_point():
            raise ArtefactError(
                f"{path} holds {name} in {saved.dtype}, but this {type(learner).__name__} has it in {tensor.dtype}. "
                f"Pass a learner of that precision: like.to({saved.dtype})."
            )
        tensor.data = tensor.data.to(saved.dtype)
    try:
        learner.load_state_dict(weights)
    except Exception as error:  # torch raises RuntimeError of a misfit, and other kinds of an altered file
        raise ArtefactError(f"the weights in {path} do not fit this {type(learner).__name__}: {error}") from error
    return learner.eval()


def _reads(found: Any, path: str | Path) -> InputKind | None:
    try:
        return input_kind(found)
    except UserError as error:
        raise ArtefactError(f"{path} describes its inputs in a way that this version cannot read: {error}") from error


def _expects(found: Any, path: str | Path) -> ImageStatistics | None:
    try:
        return None if found is None else ImageStatistics(**found)
    except Exception as error:
        raise ArtefactError(f"{path} describes its images wrongly: {error}. It was altered: use a copy.") from error


def _rows(found: Any, path: str | Path) -> RowShape | None:
    try:
        return None if found is None else RowShape.from_json(found)
    except Exception as error:
        raise ArtefactError(f"{path} describes its inputs wrongly: {error}. It was altered: use a copy.") from error


def _known() -> dict[str, Any]:
    """What a blueprint may build: our own learners, networks, likelihoods, rules and functions, by name."""
    modules: tuple[ModuleType, ...] = (learners, nn, likelihood, functional)
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def records_of(learner: Learner[Any]) -> Callable[[str], type | None]:
    """Record classes that a state may use, by name: those in the files of the learner's class, its bases and recorded parts."""
    scope: dict[str, Any] = {}
    for part in reversed(list(learner.modules())):
        for base in reversed(type(part).__mro__):
            scope |= vars(sys.modules[base.__module__]) if issubclass(base, Recorded) and base is not Recorded else {}

    def find(name: str) -> type | None:
        found = scope.get(name)
        is_record = isinstance(found, type) and (hasattr(found, "_fields") or is_dataclass(found))
        return found if is_record else None

    return find


def altered(learner: Learner[Any], **changes: Any) -> Learner[Any]:
    """A learner of the same class and call but for ``changes`` of its constructor's arguments; its weights are fresh.

    Raises:
        LearnerError: no such argument.
    """
    call = blueprint(learner)
    unknown = sorted(set(changes) - set(call.get("arguments", {})))
    if unknown:
        raise LearnerError(
            f"{type(learner).__name__} has no argument {', '.join(unknown)}. It has: {', '.join(call.get('arguments', {}))}."
        )
    fresh: Learner[Any] = build(
        call | {"arguments": call["arguments"] | {name: blueprint(value) for name, value in changes.items()}}, _known()
    )
    return fresh
