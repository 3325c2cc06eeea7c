"""
The import direction of both source trees: a module imports only what stands before it in the orders below.

A module that is not in its order fails the test until it is given a place.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RUST_ORDER = (
    "error bounded config stats process clock address keys codec breaker wait op net script store l1 limit invalidate "
    "health lease cache py lib"
).split()
PYTHON_ORDER = (
    "exceptions _native twins greenlets values config urls http keys hooks locks server_info aio invalidation cache "
    "metrics limits gates lease responses decorators __init__ testing pytest_plugin cli asgi fastapi django odoo "
    "layouts"
).split()

# lib.rs names the Python module; everything else that touches Python lives in py/.
RUST_BINDINGS = {"py", "lib"}
# Adapters never import each other; fastapi.py stands on asgi.py.
ADAPTERS = {"asgi": {"asgi"}, "fastapi": {"asgi", "fastapi"}, "django": {"django"}, "odoo": {"odoo"}}
# What a layout's code imported needs its framework; the layout itself, which is data, must be readable without.
ONLY_WHEN_NEEDED = {"layouts": {"django", "fastapi"}}
FRAMEWORKS = {
    "django": {"django"},
    "django_filters": {"django"},
    "django_redis": {"django"},
    "rest_framework": {"django"},
    "odoo": {"odoo"},
    "werkzeug": {"odoo"},
    "fastapi": {"fastapi"},
    "gevent": {"greenlets"},
    "starlette": {"asgi", "fastapi"},
    "prometheus_client": {"metrics"},
    "pytest": {"pytest_plugin"},
}

TOKEN = re.compile(
    r"""
    (?P<skip> //[^\n]* | /\*.*?\*/ | b?r(?P<hashes>\#*)".*?"(?P=hashes)
            | [bc]?"(?:\\.|[^"\\])*" | b?'(?:\\.[^']*|[^'\\])' | '[A-Za-z_]\w* )
    | [A-Za-z_]\w* | :: | [{},;*]
    """,
    re.VERBOSE | re.DOTALL,
)


def rust_tokens(text: str) -> list[str]:
    """The tokens that make paths and blocks, without comments, strings, characters and lifetimes."""
    return [match[0] for match in TOKEN.finditer(text) if match["skip"] is None]


def heads(tokens: list[str], start: int) -> Iterator[str]:
    """First names of the path, or of each path in the group, that begins at `start`."""
    if tokens[start] != "{":
        yield tokens[start]
        return
    depth = 0
    for at in range(start, len(tokens)):
        if tokens[at - 1] in {"{", ","} and depth == 1 and tokens[at] not in {"{", "}"}:
            yield tokens[at]
        depth += {"{": 1, "}": -1}.get(tokens[at], 0)
        if depth == 0:
            return


def crate_names(text: str, module: list[str]) -> Iterator[str]:
    """Every name at the root of the crate that the Rust file of `module` refers to, by ``crate::`` or ``super::``."""
    tokens = rust_tokens(text)
    blocks: list[bool] = []  # for each open brace: does it belong to an inline module?
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1 : at + 2]
        if token == "{":
            blocks.append(at > 1 and tokens[at - 2] == "mod")
        elif token == "}" and blocks:
            blocks.pop()
        elif token in {"crate", "super"} and following == ["::"]:
            depth = 0 if token == "crate" else len(module) + sum(blocks) - 1
            at += 2
            while tokens[at] == "super" and tokens[at + 1] == "::":
                depth -= 1
                at += 2
            if depth == 0:
                yield from heads(tokens, at)
            continue
        at += 1


def rust_module(path: Path) -> list[str]:
    """Path of the module that a file below ``src`` holds: [] for lib.rs, ["net", "pool"] for net/pool.rs."""
    parts = [*path.parts[:-1], path.stem]
    return parts[:-1] if parts[-1] in {"mod", "lib"} else parts


def rust_violations(src: Path) -> Iterator[str]:
    """What is wrong in the Rust tree, one sentence each."""
    for file in sorted(src.rglob("*.rs")):
        path = file.relative_to(src)
        module = rust_module(path)
        room = module[0] if module else "lib"
        if room not in RUST_ORDER:
            yield f"src/{path}: {room!r} has no place in RUST_ORDER"
            continue
        text = file.read_text(encoding="utf-8")
        for name in sorted(set(crate_names(text, module))):
            target = name if name in RUST_ORDER else "lib"
            if RUST_ORDER.index(target) > RUST_ORDER.index(room):
                yield f"src/{path}: {room!r} imports crate::{name} of {target!r}, which stands below it"
        if room not in RUST_BINDINGS and any(token.startswith("pyo3") for token in rust_tokens(text)):
            yield f"src/{path}: only src/py imports pyo3"


class Imports(ast.NodeVisitor):
    """
    Collects what a Python file imports.

    Attributes:
        found: (dotted name, whether it is imported when the module is).
    """

    def __init__(self, package: list[str]) -> None:
        self.found: list[tuple[str, bool]] = []
        self._package = package
        self._lazy = 0

    def visit_Import(self, node: ast.Import) -> None:
        """``import a.b``."""
        self.found += [(alias.name, not self._lazy) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """``from a import b``, where b may be a module too; relative ones are resolved."""
        base = self._package[: len(self._package) - node.level + 1] if node.level else []
        origin = ".".join([*base, *([node.module] if node.module else [])])
        self.found += [(f"{origin}.{alias.name}", not self._lazy) for alias in node.names]

    def _visit_lazily(self, node: ast.AST) -> None:
        self._lazy += 1
        self.generic_visit(node)
        self._lazy -= 1

    visit_FunctionDef = _visit_lazily  # noqa: N815
    visit_AsyncFunctionDef = _visit_lazily  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        """What only a type checker imports is not imported with the module."""
        if ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            self._visit_lazily(node)
        else:
            self.generic_visit(node)


def python_violations(package: Path) -> Iterator[str]:
    """What is wrong in the Python package, one sentence each."""
    for file in sorted([*package.rglob("*.py"), *package.rglob("*.pyi")]):
        path = file.relative_to(package)
        room = Path(path.parts[0]).stem
        if room not in PYTHON_ORDER:
            yield f"{path}: {room!r} has no place in PYTHON_ORDER"
            continue
        imports = Imports(["hitrate", *path.parts[:-1]])
        imports.visit(ast.parse(file.read_text(encoding="utf-8")))
        for name, eager in imports.found:
            top, _, rest = name.partition(".")
            inside = rest.split(".")[0]
            problem = direction(room, inside, eager) if top == "hitrate" else outside(room, top, eager)
            if problem:
                yield f"{path}: {problem}"


def direction(room: str, imported: str, eager: bool) -> str | None:
    """Why `room` may not import this name of hitrate, or None."""
    if eager and imported in ONLY_WHEN_NEEDED.get(room, ()):
        return f"{room!r} can be imported without {imported!r}: import it inside the function that needs it"
    target = imported if imported in PYTHON_ORDER else "__init__"
    if room in ADAPTERS and target in ADAPTERS and target not in ADAPTERS[room]:
        return f"adapter {room!r} imports adapter {target!r}"
    if PYTHON_ORDER.index(target) > PYTHON_ORDER.index(room):
        return f"{room!r} imports {target!r}, which stands below it"
    return None


def outside(room: str, package: str, eager: bool) -> str | None:
    """Why `room` may not import this package of others, or None."""
    if package in FRAMEWORKS:
        is_allowed = room in FRAMEWORKS[package] or (not eager and package in ONLY_WHEN_NEEDED.get(room, ()))
        return None if is_allowed else f"{package!r} is imported outside its adapter"
    # Type checkers know this one by themselves, and nobody else reads stubs.
    if eager and room not in ADAPTERS and package not in sys.stdlib_module_names | {"typing_extensions"}:
        return f"{package!r} is optional: import it inside the function that needs it"
    return None


def test_rust_imports_go_one_way() -> None:
    assert (ROOT / "src" / "lib.rs").is_file()
    assert list(rust_violations(ROOT / "src")) == []


def test_python_imports_go_one_way() -> None:
    assert (ROOT / "python" / "hitrate" / "__init__.py").is_file()
    assert list(python_violations(ROOT / "python" / "hitrate")) == []


RUST_PLANTED = {
    "lower room": ("net/pool.rs", "use crate::cache::Cache;", "'net' imports crate::cache"),
    "group": ("net/pool.rs", "use crate::{error::Error, store::{Store, redis}};", "'net' imports crate::store"),
    "path in code": ("op.rs", "fn f() { crate::net::connect(); }", "'op' imports crate::net"),
    "super at the root": ("error.rs", "use super::config::Config;", "'error' imports crate::config"),
    "super twice": ("net/pool.rs", "use super::super::cache;", "'net' imports crate::cache"),
    "inline module": ("error.rs", "mod tests { use super::super::cache; }", "'error' imports crate::cache"),
    "after a lifetime": ("op.rs", "fn f<'a>(x: &'a str) { crate::net::g('{') }", "'op' imports crate::net"),
    "name of lib.rs": ("error.rs", "use crate::Error;", "crate::Error of 'lib'"),
    "glob of lib.rs": ("cache.rs", "use crate::*;", "crate::* of 'lib'"),
    "pyo3": ("cache.rs", "use pyo3::prelude::*;", "only src/py imports pyo3"),
    "unknown room": ("helpers.rs", "", "'helpers' has no place"),
}
RUST_ALLOWED = {
    "upper room": ("net/pool.rs", "use crate::{error::Error, wait::{Waiter, Until}};"),
    "own room": ("net/pool.rs", "use super::reply::Reader; use crate::net::Address;"),
    "own tests": ("error.rs", "mod tests { use super::*; }"),
    "own tests of a nested file": ("net/pool.rs", "mod tests { use super::super::reply; }"),
    "visibility": ("error.rs", "pub(crate) fn f() {} pub(super) fn g() {}"),
    "comment and string": ("error.rs", '/// crate::cache\nconst A: &str = r#"crate::"cache"#; /* super::cache */'),
    "pyo3 in py": ("py/mod.rs", "use pyo3::prelude::*; use crate::cache::Cache;"),
    "lib.rs": ("lib.rs", "pub mod cache; pub use crate::cache::Cache; #[pyo3::pymodule] mod _native {}"),
}
PYTHON_PLANTED = {
    "lower room": ("keys.py", "from hitrate.cache import Cache", "'keys' imports 'cache'"),
    "module of the package": ("keys.py", "from hitrate import cache", "'keys' imports 'cache'"),
    "public name": ("cache.py", "from hitrate import Cache", "'cache' imports '__init__'"),
    "in a function": ("keys.py", "def f():\n    import hitrate.cache", "'keys' imports 'cache'"),
    "relative": ("http/nalar.py", "from ..django import backend", "'http' imports 'django'"),
    "layout on its adapter": ("layouts/nalar.py", "import hitrate.django", "without 'django'"),
    "layout on its framework": ("layouts/nalar.py", "import django", "'django' is imported outside"),
    "layout on FastAPI": ("layouts/dashboard.py", "import fastapi", "'fastapi' is imported outside"),
    "layout on another framework": ("layouts/nalar.py", "def f():\n    import odoo", "'odoo' is imported outside"),
    "other adapter": ("odoo/commit.py", "from hitrate.django.backend import RedisCache", "imports adapter 'django'"),
    "asgi on fastapi": ("asgi.py", "import hitrate.fastapi", "imports adapter 'fastapi'"),
    "framework": ("http.py", "def f():\n    from django.http import HttpRequest", "'django' is imported outside"),
    "optional package": ("cli.py", "from rich.table import Table", "'rich' is optional"),
    "unknown room": ("utils.py", "", "'utils' has no place"),
}
PYTHON_ALLOWED = {
    "upper room": ("cache.py", "from hitrate._native import Cache\nfrom hitrate.exceptions import ConfigError"),
    "adapter on core": ("django/backend.py", "from django.core.cache import caches\nimport hitrate"),
    "own room": ("django/backend.py", "from .conf import settings\nfrom hitrate.django.conf import settings"),
    "fastapi on asgi": ("fastapi.py", "from hitrate.asgi import Middleware\nfrom starlette.types import ASGIApp"),
    "optional package when needed": ("cli.py", "def f():\n    from rich.table import Table"),
    "layout on its adapter when needed": ("layouts/nalar.py", "def f():\n    import django, hitrate.django"),
    "layout on FastAPI when needed": ("layouts/dashboard.py", "def f():\n    import fastapi"),
    "optional package for types": ("hooks.py", "if TYPE_CHECKING:\n    from rich.table import Table"),
}


def plant(tree: Path, path: str, text: str) -> Path:
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return tree


@pytest.mark.parametrize("case", RUST_PLANTED)
def test_a_planted_rust_violation_is_found(case: str, tmp_path: Path) -> None:
    path, text, message = RUST_PLANTED[case]
    (found,) = rust_violations(plant(tmp_path, path, text))
    assert message in found


@pytest.mark.parametrize("case", RUST_ALLOWED)
def test_allowed_rust_imports_pass(case: str, tmp_path: Path) -> None:
    assert list(rust_violations(plant(tmp_path, *RUST_ALLOWED[case]))) == []


@pytest.mark.parametrize("case", PYTHON_PLANTED)
def test_a_planted_python_violation_is_found(case: str, tmp_path: Path) -> None:
    path, text, message = PYTHON_PLANTED[case]
    (found,) = python_violations(plant(tmp_path, path, text))
    assert message in found


@pytest.mark.parametrize("case", PYTHON_ALLOWED)
def test_allowed_python_imports_pass(case: str, tmp_path: Path) -> None:
    assert list(python_violations(plant(tmp_path, *PYTHON_ALLOWED[case]))) == []
