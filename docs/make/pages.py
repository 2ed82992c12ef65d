"""What the site has beside the pages of docs/: the API from docstrings, the house's floors, and files that pages link to.

A hook of MkDocs, named in mkdocs.yml: nothing is written into docs/, so a new module, floor or link cannot be forgotten.
"""

import ast
import logging
import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docstrings import linked
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
LIBRARY = "quickstudy"
LOG = logging.getLogger("mkdocs.hooks.pages")
FLOORS_MARK = "<!-- floors -->"
PLACES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Files outside of docs/ that have a page of their own."""


@cache
def modules() -> dict[str, Path]:
    """Every public module of the library by its dotted name, packages too."""
    paths = (SRC / LIBRARY).rglob("*.py")
    found = {".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    return {name: found[name] for name in sorted(found) if "._" not in name}


@cache
def says(path: Path) -> str:
    """A module's docstring up to its first full stop, as one line."""
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=Source:)", text)[0].replace("|", "\\|")


def place(name: str) -> str:
    """Where the site has a module: a page for a package or a file of the top folder, a heading there for any other."""
    if is_package(name):
        return "/".join(["api", *name.split(".")[1:], "index.md"])
    parent, _, last = name.rpartition(".")
    return f"api/{last}.md" if parent == LIBRARY else f"{place(parent)}#{name}"


def is_package(name: str) -> bool:
    """Whether a module is a folder."""
    return modules()[name].name == "__init__.py"


def inside(package: str) -> list[str]:
    """The modules right in a package, its packages first."""
    found = [name for name in modules() if name.rpartition(".")[0] == package]
    return sorted(found, key=lambda name: not is_package(name))


@cache
def floors() -> list[set[str]]:
    """The floors of the house, from the test that holds them."""
    for node in ast.parse((ROOT / "tests/test_house.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLOORS":
            found: list[set[str]] = ast.literal_eval(node.value)
            return found
    raise LookupError("tests/test_house.py has no FLOORS")


def rooms_by_floor() -> list[list[str]]:
    """Modules of the top folder on each floor, from the ground up."""
    there = [[f"{LIBRARY}.{room}" for room in sorted(rooms)] for rooms in floors()]
    return [[name for name in names if name in modules()] for names in there]


def floors_table(page: str) -> str:
    """The floors with their rooms, from the ground up, as a table in ``page``."""
    links = [" · ".join(_room(name, page) for name in names) for names in rooms_by_floor()]
    return "\n".join(["| layer | modules |", "|---|---|", *[f"| {number} | {rooms} |" for number, rooms in enumerate(links, 1)]])


def _room(name: str, page: str) -> str:
    return f"[`{name.rpartition('.')[2]}`]({_relative(place(name), page)})"


def api_pages() -> Iterator[tuple[str, str]]:
    """Path and text of each page of the API."""
    yield place(LIBRARY), _overview(place(LIBRARY))
    for name in modules():
        page = place(name)
        if is_package(name) and name != LIBRARY:
            rows = [f"| {_room(other, page)} | {says(modules()[other])} |" for other in inside(name)]
            table = ["| module | what it is |", "|---|---|", *rows, ""]
            below = [f"::: {other}\n" for other in inside(name) if not is_package(other)]
            yield (
                page,
                "\n".join([_head(name), f"::: {name}", "    options: {heading_level: 1, members: []}", "", *table, *below]),
            )
        elif "#" not in page and name != LIBRARY:
            yield page, f"{_head(name)}\n::: {name}\n    options: {{heading_level: 1}}\n"


def _head(name: str) -> str:
    """A page's title, and its rank in a search: after the pages that people wrote."""
    return f"---\ntitle: {name}\nsearch: {{boost: 0.5}}\n---\n"


def _overview(page: str) -> str:
    rows = [
        f"| {number} | {_room(name, page)} | {says(modules()[name])} |"
        for number, names in enumerate(rooms_by_floor(), 1)
        for name in names
    ]
    return "\n".join(
        [
            "# API by module",
            "",
            "Made from the docstrings; the examples in them are run as tests. A module imports from layers below its own, and "
            "from its own where that closes no circle.",
            "",
            "| layer | module | content |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def api_nav(package: str = LIBRARY) -> list[Any]:
    """The pages below a package; one with packages in it is a section."""
    found: list[Any] = [place(package)]
    for name in sorted(inside(package)):
        if "#" not in place(name):
            below = api_nav(name) if is_package(name) else [place(name)]
            found.append({name.rpartition(".")[2]: below if len(below) > 1 else below[0]})
    return found


def changelog() -> str:
    """The changelog, with what is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    fragments = [path for path in sorted((ROOT / "changelog.d").glob("*.md")) if path.name != "README.md"]
    coming = [sited(path.read_text(encoding="utf-8"), f"changelog.d/{path.name}", "changelog.md").strip() for path in fragments]
    return text.partition("What is not released")[0] + "\n## Not released yet\n\n" + "\n".join(coming) + "\n"


def target(link: str, origin: str) -> str | None:
    """The site's page for a link of the file ``origin`` of the project; None where the link is another site's or is no file."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))
    if re.match(r"[a-z]+:|#|/", link) or not (ROOT / path).is_file():
        return None
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith(f"src/{LIBRARY}/") and path.endswith(".py"):
        return place(path.removeprefix("src/").removesuffix(".py").replace("/", ".").removesuffix(".__init__"))
    return PLACES.get(path) or ("changelog.md" if path.startswith("changelog.d/") else f"files/{path}.md")


def links(text: str) -> Iterator[re.Match[str]]:
    """Links of a page, those in blocks of code left out."""
    fences = [found.span() for found in re.finditer(r"^(```+).*?^\1", text, re.MULTILINE | re.DOTALL)]
    for found in re.finditer(r"(?<=\]\()([^)\s#]+)", text):
        if not any(begin <= found.start() < end for begin, end in fences):
            yield found


def sited(text: str, origin: str, page: str) -> str:
    """The text with links that lead out of docs/ leading to the site's pages instead."""
    pieces, last = [], 0
    for found in links(text):
        new = target(found[0], origin)
        if new is not None:
            pieces += [text[last : found.start()], _relative(new, page)]
            last = found.end()
    return "".join(pieces) + text[last:]


def files_linked(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Path and text of a page for each file of the project that pages link to and that has no page otherwise."""
    wanted = {
        posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[0]))
        for origin, text in texts.items()
        for found in links(text)
        if (target(found[0], origin) or "").startswith("files/")
    }
    for path in sorted(wanted):
        body = (ROOT / path).read_text(encoding="utf-8").rstrip()
        yield f"files/{path}.md", f"# {path}\n\n````{'python' if path.endswith('.py') else 'text'}\n{body}\n````\n"


def _relative(path: str, page: str) -> str:
    """A link from ``page`` to ``path``, both from the site's root."""
    return posixpath.relpath(path, posixpath.dirname(page) or ".")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the API's pages where the navigation has one page for them."""
    nav: list[Any] = config.nav or []
    config.nav = [{"API": api_nav()} if entry == {"API": "api/index.md"} else entry for entry in nav]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    texts |= {path: (ROOT / path).read_text(encoding="utf-8") for path in PLACES if path != "README.md"}
    made: list[tuple[str, str]] = [*api_pages(), *files_linked(texts), ("changelog.md", changelog())]
    made.append(("contributing.md", sited(texts["CONTRIBUTING.md"], "CONTRIBUTING.md", "contributing.md")))
    for path, text in made:
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrites links that leave docs/, fills in the floors, and makes links of the library's names."""
    path = page.file.src_uri
    text = markdown if page.file.generated_by else sited(markdown, f"docs/{path}", path)
    return linked(text.replace(FLOORS_MARK, floors_table(path)) if FLOORS_MARK in text else text)


def on_page_context(context: dict[str, Any], page: Page, **_: Any) -> dict[str, Any]:
    """Gives the place of the table of contents to the page where there is nothing to put into it."""
    if not any(entry.children for entry in page.toc):
        page.meta.setdefault("hide", []).append("toc")
    return context


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Warns, and so fails the build, where a page would fetch something from another site."""
    for address in foreign(output):
        logging.getLogger("mkdocs.hooks.pages").warning(
            "%s fetches %s: keep what pages need in docs/", page.file.src_uri, address
        )
    return output


def foreign(html: str) -> list[str]:
    """Addresses of other sites that a page loads scripts, styles, figures or fonts from; links to read on are none."""
    tags = re.findall(r"<(?:script|img|iframe|link|source|video)\b[^>]*>", html)
    loading = [tag for tag in tags if not re.search(r"""\brel=["']?(?:canonical|prev|next|alternate)\b""", tag)]
    return [found[1] for tag in loading for found in re.finditer(r"""\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""", tag)]
