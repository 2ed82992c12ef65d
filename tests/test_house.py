"""The house rules, read from the source with `ast`; no exceptions."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
LIBRARY = "quickstudy"
DOOR = "quickstudy_cli"
"""The command line's front door, beside the package, so that it can answer before anything heavy is loaded."""

FLOORS = [
    {"borders", "errors", "functional", "likelihood", "storage"},
    {"reports", "task"},
    {"datasets", "inputs", "metrics", "nn"},
    {"learner", "tasks", "wrapper"},
    {"execution"},
    {"learners"},
    {"evaluation", "saving", "train", "use"},
    {"apps", "monitoring", "recipes"},
    {"checks", "estimators", "runs", "tuning"},
    {"export", "plots"},
    {"demo", "serve"},
    {"cli", "__main__"},
]
"""From the ground up: a room imports from floors below, or from its own floor if that closes no circle."""

BELOW_LEARNERS = {"borders", "errors", "functional", "storage", "task", "likelihood", "nn", "execution", "learner", "wrapper"}
"""What a file of a learner may import from."""

LONGEST_FILE = 300
MOST_LOOSE_FILES = 10
MOST_ARGUMENTS = 7


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in sorted(SRC.rglob("*.py"))}
PACKAGES = {name for name, path in FILES.items() if path.name == "__init__.py"}
MODULES = sorted(set(FILES) - PACKAGES)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"), FILES[name].name)


def imports(name: str) -> Iterator[tuple[int, str, str | None]]:
    """Line, imported module and the name taken from it (none if the module itself) of each import from the library."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names if alias.name.split(".")[0] == LIBRARY)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} write the import in full, from {LIBRARY}. on"
            module = node.module or ""
            if module.split(".")[0] == LIBRARY:
                for alias in node.names:
                    whole = f"{module}.{alias.name}"
                    yield (node.lineno, whole, None) if whole in FILES else (node.lineno, module, alias.name)


def floor(name: str) -> int:
    if name in (LIBRARY, DOOR):
        return len(FLOORS)
    room = name.split(".")[1]
    found = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    assert found, f"{name} stands on no floor. Name it in FLOORS, and in the design log."
    return found[0]


def top_level(name: str) -> dict[str, ast.stmt]:
    """Names that a module itself defines, without what it imports."""
    found: dict[str, ast.stmt] = {}
    for node in tree(name).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            parts = [part for target in node.targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
            found |= {part.id: node for part in parts if isinstance(part, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def is_type_variable(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "TypeVar"


def exported(name: str) -> list[str]:
    node = top_level(name).get("__all__")
    assert isinstance(node, ast.Assign), f"{name} has no __all__"
    names = ast.literal_eval(node.value)
    assert isinstance(names, list)
    return names


def learner_classes() -> dict[str, str]:
    """Each public class in a wing of `learners`, and its module."""
    found = {}
    for name in MODULES:
        if name.startswith(f"{LIBRARY}.learners."):
            for key, node in top_level(name).items():
                if isinstance(node, ast.ClassDef) and any("Learner" in ast.unparse(base) for base in node.bases):
                    found[key] = name
    return found


def test_imports_go_down_only() -> None:
    wrong = [
        f"{FILES[name]}:{line} {name} (floor {floor(name) + 1}) imports {target} (floor {floor(target) + 1})"
        for name in FILES
        if name != LIBRARY
        for line, target, _ in imports(name)
        if floor(target) > floor(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_close_no_circle() -> None:
    graph: dict[str, set[str]] = {name: {target for _, target, _ in imports(name)} for name in FILES}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail("imports go in a circle: " + " -> ".join(reversed(error.args[1])))


def test_imports_name_the_file_that_defines_the_thing() -> None:
    wrong = []
    for name in FILES:
        for line, target, taken in imports(name):
            where = f"{FILES[name]}:{line}"
            if target == LIBRARY:
                wrong.append(f"{where} imports from the face; name the file that defines {taken or 'what you need'}")
            elif target in PACKAGES and taken is not None:
                wrong.append(f"{where} takes {taken} from the package {target}; name the file that defines it")
            elif target not in FILES:
                wrong.append(f"{where} imports {target}, which is not there")
            elif taken is not None and taken not in top_level(target):
                wrong.append(f"{where} takes {taken} from {target}, which does not define it")
    assert not wrong, "\n".join(wrong)


def test_learners_and_tasks_know_nothing_of_each_other() -> None:
    wings = {"learners": "tasks", "tasks": "learners"}
    wrong = [
        f"{FILES[name]}:{line} imports {target}"
        for name in FILES
        for line, target, _ in imports(name)
        for mine, other in wings.items()
        if f"{name}.".startswith(f"{LIBRARY}.{mine}.") and f"{target}.".startswith(f"{LIBRARY}.{other}.")
    ]
    assert not wrong, "\n".join(wrong)


def test_no_learner_imports_another() -> None:
    wrong = [
        f"{FILES[name]}:{line} imports {target}; what two learners share moves down, into {', '.join(sorted(BELOW_LEARNERS))}"
        for name in MODULES
        if name.startswith(f"{LIBRARY}.learners.")
        for line, target, _ in imports(name)
        if target.split(".")[1] not in BELOW_LEARNERS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_package_holds_only_re_exports(name: str) -> None:
    _, *body = tree(name).body
    assert ast.get_docstring(tree(name)), "a package says in one sentence what it holds"
    strangers = [node for node in body if not isinstance(node, ast.ImportFrom) and node is not top_level(name)["__all__"]]
    assert not strangers, [ast.unparse(node) for node in strangers]
    taken = [alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(taken) == sorted(exported(name))
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize("name", MODULES)
def test_exported_names_equal_all(name: str) -> None:
    """A type variable is a tool of writing types, no thing to hand out."""
    public = {key for key, node in top_level(name).items() if not key.startswith("_") and not is_type_variable(node)}
    assert public == set(exported(name)), "public names and __all__ differ"


def test_files_are_short_and_say_what_they_are() -> None:
    wrong = []
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        length = len(text.splitlines())
        if length > LONGEST_FILE:
            wrong.append(f"{path} has {length} lines, more than {LONGEST_FILE}: split it")
        if not ast.get_docstring(tree(name)):
            wrong.append(f"{path} has no docstring")
        if path.stem in {"utils", "util", "common", "helpers", "misc"}:
            wrong.append(f"{path}: name a file for what it holds")
    assert not wrong, "\n".join(wrong)


def test_few_files_lie_loose_at_the_root() -> None:
    loose = [name for name in MODULES if name.count(".") == 1]
    assert len(loose) <= MOST_LOOSE_FILES, f"move some of {', '.join(loose)} into subpackages"


def test_public_things_are_documented() -> None:
    wrong = [
        f"{FILES[name]}:{node.lineno} {key} has no docstring"
        for name in MODULES
        for key, node in top_level(name).items()
        if not key.startswith("_") and isinstance(node, ast.FunctionDef | ast.ClassDef) and not ast.get_docstring(node)
    ]
    assert not wrong, "\n".join(wrong)


def test_constructors_take_few_arguments() -> None:
    wrong = []
    for name in FILES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                count = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs) - 1
                if count > MOST_ARGUMENTS:
                    wrong.append(f"{FILES[name]}:{node.lineno} takes {count} arguments, more than {MOST_ARGUMENTS}")
                if node.args.kwarg:
                    wrong.append(f"{FILES[name]}:{node.lineno} takes **{node.args.kwarg.arg}: name the arguments")
    assert not wrong, "\n".join(wrong)


def test_only_the_command_line_prints() -> None:
    wrong = [
        f"{FILES[name]}:{node.lineno}"
        for name in MODULES
        if floor(name) < len(FLOORS) - 1
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not wrong, "\n".join(wrong)


SIZED = {"codes", "examples", "features", "h", "more", "queries", "query", "mask", "support", "task", "x", "y", "z"}
"""What tensors and records of tensors are called in learners, networks and functions of tensors."""


def test_sizes_are_read_from_shapes() -> None:
    """``len(x)`` is a number: an exported program would hold for that number of rows alone."""
    wrong = []
    for name in MODULES:
        if name.split(".")[1:2] not in (["functional"], ["learners"], ["nn"]):
            continue
        annotated = {
            (node.arg, ast.unparse(node.annotation))
            for node in ast.walk(tree(name))
            if isinstance(node, ast.arg) and node.annotation
        }
        tensors = SIZED | {arg for arg, kind in annotated if kind in ("Tensor", "Inputs", "Examples", "Task")}
        for call in ast.walk(tree(name)):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "len":
                last = call.args[0].attr if isinstance(call.args[0], ast.Attribute) else ast.unparse(call.args[0])
                if last in tensors:
                    wrong.append(f"{FILES[name]}:{call.lineno} {ast.unparse(call)}: take {last}.shape[0]")
    assert not wrong, "\n".join(wrong)


def project_texts() -> Iterator[Path]:
    """Every text file of the project, this one too."""
    folders = ("src", "tests", "docs", "examples", "benchmarks", "changelog.d", ".ci")
    below = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    for path in sorted([*ROOT.iterdir(), *below]):
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".cff", ".tsv", ".json", ""}:
            yield path


def test_nothing_is_left_to_do_and_nothing_names_a_machine() -> None:
    marks = ["TO" + "DO", "FIX" + "ME", "X" * 3]
    paths = ["/" + folder for folder in ("work", "tmp", "root", "home", "Users", "opt", "mnt")]
    hosts = ["py" + "pi.org", "python" + "hosted.org", "download." + "pytorch.org", "conda." + "anaconda.org", "npm" + "js"]
    pattern = re.compile(
        "|".join(
            [rf"\b{mark}\b" for mark in marks]
            + [rf"(?<![\w.}})\]*/]){path}(?![\w-])" for path in paths]
            + [re.escape(host) for host in hosts]
        )
    )
    wrong = []
    for path in project_texts():
        if path.name != "LICENSE":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if found := pattern.search(line):
                    wrong.append(f"{path}:{number} {found[0]}")
    assert not wrong, "\n".join(wrong)


def test_every_learner_is_exported_flat_and_from_its_wing() -> None:
    for key, name in learner_classes().items():
        wing = name.rpartition(".")[0]
        assert key in exported(name)
        assert key in exported(wing), f"{key} is missing in {wing}"
        assert key in exported(f"{LIBRARY}.learners"), f"{key} is missing in {LIBRARY}.learners"


def test_every_learner_stands_in_the_contract_list() -> None:
    """Under its own name; what follows a comma names a variant."""
    cases = import_module("contract.cases").CASES
    assert {name.split(",")[0] for name in cases} == set(learner_classes())


def test_every_learner_has_a_row_in_the_readme() -> None:
    rows = re.findall(r"^\| *\[?`?(\w+)`?", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    missing = sorted(set(learner_classes()) - set(rows))
    assert not missing, f"no row in README.md for {', '.join(missing)}"


ALONE = """
import gc, importlib, json, os, sys, types, warnings

root, strangers, floors = sys.argv[1], *map(json.loads, sys.argv[2:])
for name in strangers:
    importlib.import_module(name)
warnings.simplefilter("error")
sys.path.insert(0, root)
failed = []


gc.disable()  # a collection would write to each object, and so copy the memory that a child shares


def alone(name):
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            sys.stderr.write(f"{name}: {type(error).__name__}: {error}\\n")
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        failed.append(name)


alone("quickstudy")
face = types.ModuleType("quickstudy")  # the face imports everything: stand in for it, so that a module is alone
face.__path__ = [os.path.join(root, "quickstudy")]
sys.modules["quickstudy"] = face
for names in floors:
    for name in names:
        alone(name)
    if failed:
        break
    for name in names:
        importlib.import_module(name)
sys.exit("cannot be imported alone: " + ", ".join(failed) if failed else 0)
"""


def strangers() -> set[str]:
    """What our modules import from elsewhere when they are imported themselves."""
    nodes = [node for name in FILES for node in tree(name).body]
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name for name in found if name.split(".")[0] != LIBRARY}


@pytest.mark.slow
def test_each_module_imports_alone() -> None:
    """In a process of its own each, forked from one that has imported torch and the like, and the floors below, which never
    import from above and were tested before."""
    floors: dict[int, list[str]] = {}
    for name in sorted(set(FILES) - {LIBRARY}):
        floors.setdefault(floor(name), []).append(name)
    given = [sorted(strangers()), [floors[number] for number in sorted(floors)]]
    call = [sys.executable, "-c", ALONE, str(SRC), *map(json.dumps, given)]
    found = subprocess.run(call, capture_output=True, text=True, timeout=1800)
    assert found.returncode == 0, found.stderr
