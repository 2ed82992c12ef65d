"""``quickstudy predict``: the answers of an adapted predictor to images, texts and rows."""

import csv
import io
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from quickstudy.cli.command import command, spelled
from quickstudy.cli.console import err, out, print_json, say
from quickstudy.errors import Argument, ArgumentError, DataError, LearnerError, UserError
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.sentences import Sentences
from quickstudy.learner import Predictor
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import ANSWERS, FIGURE, check_folder, check_output
from quickstudy.use.answers import Answer, answers
from quickstudy.use.marking import Marked, marked, told
from quickstudy.use.masking import Drawn, drawn, mask_path, write_mask
from quickstudy.use.queries import Query, queries_of_files, queries_of_lines, queries_of_rows, queries_of_texts
from quickstudy.use.support_set import Roles

__all__ = ["adapted", "predict"]

_Several = Parameter(negative=())
_STREAM = "-"
_Answered = TypeVar("_Answered", Answer, Drawn, Marked)


@command
def predict(
    file: Path,
    inputs: Annotated[list[Path] | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    text: Annotated[list[str] | None, _Several] = None,
    row: Annotated[list[str] | None, _Several] = None,
    text_column: str | None = None,
    image_column: str | None = None,
    encoding: str = "utf-8",
    top: int = 3,
    threshold: float | None = None,
    explain: Annotated[int, AtLeast(0)] = 0,
    ask: Annotated[int, AtLeast(0)] = 0,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Name the class of images, texts or rows with an adapted predictor, or predict their numbers.

    The exit status is 1 if an input could not be read; the others are answered all the same.

    Args:
        file: what quickstudy adapt wrote.
        inputs: images, text files, tables (CSV, TSV, JSON lines, Parquet), or folders of images or text files; "-" or nothing
            reads lines of the standard input: a text each, the path of an image, or an object in JSON.
        text: a text; may be repeated.
        row: a row of a table in JSON, for example '{"age": 41}'; may be repeated.
        text_column: the column of texts in tables.
        image_column: the column of image files in tables.
        encoding: of tables that are not UTF-8, for example latin-1.
        top: number of most probable classes to show, with their probabilities.
        threshold: answer "none of these" below this probability, instead of the predictor's own threshold; 0 switches it off.
        explain: name so many support examples that count for most in each answer: by how much it would fall without them.
        ask: name so many of these inputs whose answers are the most unsure: label these next.
        output: write the probabilities of all classes to this file, as a table (CSV); of masks the folder for them.
        json_: print the probabilities of all classes as JSON instead of a table.
        force: overwrite any existing file, but never a file of a run.
    """
    unknown = next((str(word) for word in inputs or [] if str(word).startswith("-") and str(word) != _STREAM), None)
    if unknown is not None:
        raise ArgumentError(f"Unknown option: {unknown}. A file of this name is given as ./{unknown}.")
    if threshold is not None and not 0 <= threshold <= 1:
        raise ArgumentError(Argument("threshold", threshold), " must be a probability from 0 to 1.")
    predictor = adapted(file)
    drawing = isinstance(predictor.reads, Cells)
    if output is not None:
        check_folder(output, argument="output") if drawing else check_output(output, ANSWERS, argument="output", force=force)
    roles = Roles(text_column=text_column, image_column=image_column, encoding=encoding)
    queries = _queries(predictor, inputs or [], text or [], row or [], roles)
    if isinstance(predictor.reads, Sentences):
        _mark(predictor, queries, output, json_)
        return
    if drawing:
        _draw(predictor, queries, output, json_, force)
        return
    good, broken = _parted(answers(predictor, queries, threshold=threshold, explain=explain))
    if output is not None and good:
        write_whole(output, _csv(good).encode(errors="backslashreplace"))
    if json_:
        print_json([each.to_json() for each in good])
    elif good:
        out.print(_table(good, top))
        for line in _told(good, ask):
            say(line)
    if output is not None and good and not json_:
        say(f"all {'values' if good[0].kind == 'values' else 'probabilities'}: {output}")
    _end(broken)


def _mark(predictor: Predictor, queries: Iterator[Query], output: Path | None, json_: bool) -> None:
    """The mentions in sentences: a line of a table each, or an object in JSON."""
    good, broken = _parted(marked(predictor, queries))
    if output is not None and good:
        write_whole(output, "".join(json.dumps(each.to_json(), ensure_ascii=False) + "\n" for each in good).encode())
    if json_:
        print_json([each.to_json() for each in good])
    elif good:
        table = Table()
        for column in ("sentence", "mentions"):
            table.add_column(column, overflow="fold")
        for each in good:
            table.add_row(Text(" ".join(each.words)), Text(told(each.mentions)))
        out.print(table)
    _end(broken)


def _draw(predictor: Predictor, queries: Iterator[Query], output: Path | None, json_: bool, force: bool) -> None:
    """The masks of images: how much each marks, and where it is written."""
    good, broken = _parted(drawn(predictor, queries))
    if output is not None:
        paths = [mask_path(each, output) for each in good]
        twice = next((path for number, path in enumerate(paths) if path in paths[:number]), None)
        if twice is not None:
            raise ArgumentError(f"two images would have their mask in {twice}. Give images of one name in calls of their own.")
        for path in paths:
            check_output(path, FIGURE, argument="output", force=force)
    files = ["" if output is None else str(write_mask(each, output)) for each in good]
    if json_:
        print_json([each.to_json() | ({"mask": file} if file else {}) for each, file in zip(good, files, strict=True)])
    elif good:
        table = Table("image", "marked", *(["mask"] if output is not None else []))
        for each, file in zip(good, files, strict=True):
            table.add_row(Text(each.place), f"{100 * each.share:.1f} % {each.label}", *([Text(file)] if file else []))
        out.print(table)
    _end(broken)


def _parted(answered: Iterator[_Answered]) -> tuple[list[_Answered], list[UserError]]:
    """The answers, and what is wrong with the inputs that have none."""
    found = list(answered)
    if not found:
        raise DataError("there is nothing to predict: the input holds no lines. Name files, or write a line for each input.")
    return [each for each in found if each.fault is None], [each.fault for each in found if each.fault is not None]


def _end(faults: Sequence[UserError]) -> None:
    """Prints what is wrong with inputs; then the exit status is 1."""
    spell = spelled(predict, {})
    for fault in faults:
        err.print(f"quickstudy: {fault.worded(spell)}", soft_wrap=True, highlight=False)
    if faults:
        sys.exit(1)


def adapted(file: Path) -> Predictor:
    """The predictor in a file.

    Raises:
        UserError: there is none, or it reads no raw things.
    """
    from quickstudy.saving.checkpoint import load

    if file.is_dir():
        raise LearnerError(f"{file} is a folder, not an adapted predictor. Make one: {_how(file)}")
    predictor = load(file)
    if not isinstance(predictor, Predictor):
        raise LearnerError(f"{file} is a learner that is not adapted yet. Adapt it first: {_how(file)}")
    if predictor.reads is None:
        raise LearnerError(f"{file} does not know how a file becomes an input: it was made from tensors. Use it in Python.")
    return predictor


def _how(run: Path) -> str:
    return f"quickstudy adapt {shlex.quote(str(run))} SUPPORT -o mine.safetensors"


def _queries(
    predictor: Predictor, inputs: Sequence[Path], texts: Sequence[str], rows: Sequence[str], roles: Roles
) -> Iterator[Query]:
    """All queries of a call, in order: files, texts, rows, then the stream."""
    reads = predictor.reads
    assert reads is not None
    files = [path for path in inputs if str(path) != _STREAM]
    parts: list[Iterator[Query]] = [queries_of_files(files, reads, roles)]
    if texts:
        parts.append(queries_of_texts(texts, reads))
    if rows:
        parts.append(queries_of_rows(rows, reads))
    if len(files) < len(inputs) or not (files or texts or rows):
        if sys.stdin.isatty():
            err.print(f"quickstudy: reading {reads.things} from the terminal, one a line; Ctrl-D ends", highlight=False)
        parts.append(queries_of_lines(sys.stdin, reads, roles))
    return chain.from_iterable(parts)


def _table(found: Sequence[Answer], top: int) -> Table:
    """An input a row; no name is cut, however narrow the terminal."""
    table = Table()
    table.add_column("input", overflow="fold")
    if found[0].kind == "values":
        for name in found[0].scores:
            table.add_column(name, justify="right", no_wrap=True)
            if found[0].deviations:
                table.add_column("95 % interval", justify="right", no_wrap=True)
        for answer in found:
            cells: list[str] = []
            for name, value in answer.scores.items():
                cells.append(f"{value:.6g}")
                cells += [f"{bounds[0]:.6g} to {bounds[1]:.6g}" for each, bounds in answer.intervals.items() if each == name]
            table.add_row(Text(answer.place), *cells)
        return table
    count = min(top, max(len(answer.scores) for answer in found))
    table.add_column("text" if found[0].kind == "texts" else "class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    if count > 1:
        table.add_column("next" if count < len(found[0].scores) else "others", overflow="fold")
    for answer in found:
        ranked = answer.ranked[:count]
        others = ranked[1:] if ranked[0][0] == answer.name else ranked
        rest = [Text(", ".join(f"{name} {value:.3f}" for name, value in others))] if count > 1 else []
        table.add_row(Text(answer.place), Text(answer.name, "bold"), f"{answer.probability:.3f}", *rest)
    return table


def _told(found: Sequence[Answer], ask: int) -> Iterator[str]:
    """What the answers rest on, and which inputs to label next."""
    for answer in found:
        if answer.evidence:
            named = [
                f"example {each.row + 1}{f' ({each.label})' if each.label else ''} {each.weight:+.3f}".replace("-", "−")
                for each in answer.evidence
            ]
            yield f"{answer.place} rests on {', '.join(named)}"
    if ask:
        yield "label next: " + ", ".join(answer.place for answer in sorted(found, key=lambda each: -each.doubt)[:ask])


def _csv(found: Sequence[Answer]) -> str:
    """A row an input: its class, that one's probability, then the probability of each class; or its values, or its text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if found[0].kind == "texts":
        writer.writerow(["input", "text", "probability"])
        writer.writerows([answer.place, answer.name, f"{answer.probability:.6g}"] for answer in found)
        return text.getvalue()
    values = found[0].kind == "values"
    bounds = [f"{name} {end}" for name in found[0].deviations for end in ("from", "to")]
    writer.writerow(["input", *([] if values else ["class", "probability"]), *found[0].scores, *bounds])
    for answer in found:
        head = [] if values else [answer.name, f"{answer.probability:.6g}"]
        spread = [f"{bound:.6g}" for pair in answer.intervals.values() for bound in pair]
        writer.writerow([answer.place, *head, *(f"{score:.6g}" for score in answer.scores.values()), *spread])
    return text.getvalue()
