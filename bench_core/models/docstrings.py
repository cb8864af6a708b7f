"""A retrieval corpus that every Python carries: its standard library's docstrings.

A pair is a docstring's summary and what follows the blank line after it: the query, and the
body that it should find. A summary that wraps has its lines joined (PEP 257 wants one line;
one in six of the 2,238 of Python 3.11 has more). Taken are public functions, methods and
classes; left out are

- private names: a leading underscore in any part of the path, dunders too;
- tests, and packages that were installed into the library's folder;
- docstrings without a blank line, so without a body;
- pairs whose summary came before, in the order of the paths (the first one is kept).

The pairs of private names in public modules are the same kind of text, and are nobody's task.
"""

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench_core.errors import Unavailable

INSTALLED = {"site-packages", "dist-packages"}


@dataclass(frozen=True, slots=True)
class Pair:
    """name: where it was found, as in "json.decoder.JSONDecoder.raw_decode"."""

    name: str
    summary: str
    body: str


@cache
def standard_library() -> tuple[Pair, ...]:
    """The corpus of the running Python; read once per process, in about five seconds.

    Raises: Unavailable where this Python ships no library source.
    """
    return corpus(_library())


@cache
def left_out() -> tuple[Pair, ...]:
    """The pairs of the running Python's private names. Raises: as `standard_library` does."""
    return corpus(_library(), private=True)


def corpus(folder: Path, *, private: bool = False) -> tuple[Pair, ...]:
    """Every pair of the .py files under `folder`, sorted by path, then as in the file.

    private: of the private names, in place of the public ones.
    Raises: SyntaxError, naming the file, where one is not Python.
    """
    paths = {path.relative_to(folder).with_suffix("").parts: path for path in _sources(folder)}
    pairs: dict[str, Pair] = {}
    for parts in sorted(paths):
        tree = ast.parse(paths[parts].read_bytes(), str(paths[parts]))
        module = parts[:-1] if parts[-1] == "__init__" else parts
        for pair in _pairs(tree, ".".join(module)):
            if any(map(_private, pair.name.split("."))) == private:
                pairs.setdefault(pair.summary, pair)
    return tuple(pairs.values())


def sha256(pairs: Iterable[Pair]) -> str:
    """Names the texts and their order."""
    digest = hashlib.sha256()
    for pair in pairs:
        for text in (pair.summary, pair.body):
            # The NUL keeps ("ab", "c") and ("a", "bc") apart.
            digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _library() -> Path:
    folder = Path(sysconfig.get_path("stdlib"))
    if not (folder / "ast.py").is_file():
        raise Unavailable(
            f"expected the standard library's source in {folder}, found no ast.py there; "
            "use a Python that is installed with its .py files"
        )
    return folder


def _sources(folder: Path) -> Iterator[Path]:
    """Public modules. Folders that are left out are not walked at all."""
    for path in folder.iterdir():
        if path.name != "__init__.py" and (_private(path.name) or _test(path.stem)):
            continue
        if path.is_dir() and path.name not in INSTALLED:
            yield from _sources(path)
        elif path.suffix == ".py" and path.is_file():
            yield path


def _private(name: str) -> bool:
    return name.startswith("_")


def _test(name: str) -> bool:
    """Whether a folder or module holds tests; doctest and unittest do not."""
    return name in {"test", "tests"} or name.startswith("test_") or name.endswith("_test")


def _pairs(node: ast.AST, path: str) -> Iterator[Pair]:
    """Pairs of what is defined in `node`, also under an `if` or `try`, not in functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{path}.{child.name}"
            summary, *body = re.split(r"\n\s*\n", ast.get_docstring(child) or "", maxsplit=1)
            if body and body[0].strip():
                yield Pair(name, " ".join(summary.split()), body[0].strip())
            if isinstance(child, ast.ClassDef):
                yield from _pairs(child, name)
        elif not isinstance(child, ast.expr):
            yield from _pairs(child, path)
