"""
Every code block of README.md, CONTRIBUTING.md and docs/ runs, or says why not.

The Python blocks of a page run in order, as one program, in a fresh interpreter where warnings are errors. An address
``redis://localhost:6379`` stands for the test's server. A block that assigns ``CACHES`` configures Django. Shell
blocks must parse, and name only targets that the Makefile has. ``<!-- not run: reason -->`` before a block excuses it.

Links between pages lead to files that exist, and the table of options is the one that the source makes.
"""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hitrate.testing import Server

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
EXCUSE = re.compile(r"<!-- not run: \S.*-->\s*$")
LOCAL_SERVER = re.compile(r"\b(redis|valkey)://localhost:6379")
PYTHON = {"python", "pycon"}
SHELL = {"sh", "bash"}
# Shown to be read: output, layouts, other languages (Rust is compiled and tested where it lives).
SHOWN = {"text", "console", "rust", "lua", "html", "nginx", "ini", "toml", "yaml", "diff"}

RUN_PAGE = """
import doctest, json, sys
blocks = json.load(sys.stdin)
page = {"__name__": "__main__"}
for path, line, language, code in blocks:
    if language == "pycon":
        test = doctest.DocTestParser().get_doctest(code, page, path, path, line)
        if doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False).failed:
            sys.exit(1)
        page.update(test.globs)
    else:
        exec(compile("\\n" * line + code, path, "exec"), page)
    if "CACHES" in page:
        from django.conf import settings
        if not settings.configured:
            import django
            settings.configure(CACHES=page["CACHES"], USE_TZ=True)
            django.setup()
"""


@dataclass(frozen=True)
class Block:
    """A fenced code block: `line` counts the lines above its first one."""

    line: int
    language: str
    code: str
    is_excused: bool


def blocks_of(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        code = re.sub(f"^{match['indent']}", "", match["code"], flags=re.MULTILINE)
        line = text[: match.start("code")].count("\n")
        found.append(Block(line, match["language"], code, EXCUSE.search(before) is not None))
    return found


def run_python(page: str, blocks: list[Block], url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    program = [(page, block.line, block.language, LOCAL_SERVER.sub(url, block.code)) for block in blocks]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN_PAGE],
        input=json.dumps(program),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def make_targets(code: str) -> list[str]:
    """The targets of the ``make`` lines of a shell block, without variables, options and comments."""
    lines = [line.partition("#")[0].split() for line in code.splitlines()]
    words = [word for line in lines if line[:1] == ["make"] for word in line[1:]]
    return [word for word in words if "=" not in word and not word.startswith("-")]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page: Path) -> None:
    unknown = [b for b in blocks_of(page.read_text("utf-8")) if b.language not in PYTHON | SHELL | SHOWN | {"json"}]
    assert [f"{name(page)}:{block.line}: {block.language or 'no language'!r}" for block in unknown] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_python_of_a_page_runs(page: Path, own_server: Server, tmp_path: Path) -> None:
    blocks = [b for b in blocks_of(page.read_text("utf-8")) if b.language in PYTHON and not b.is_excused]
    done = run_python(name(page), blocks, own_server.url.rstrip("/"), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_and_data_of_a_page_parse(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for block in blocks_of(page.read_text("utf-8")):
        if block.language in SHELL:
            subprocess.run(["bash", "-n"], input=block.code, text=True, check=True)
            assert set(make_targets(block.code)) <= targets
        elif block.language == "json":
            json.loads(block.code)


def test_the_table_of_options_is_that_of_the_source() -> None:
    generate = runpy.run_path(str(ROOT / "docs/reference/generate.py"))
    page = (ROOT / "docs/reference/options.md").read_text("utf-8")
    assert len(generate["names"]()) > 20
    assert generate["TABLE"].findall(page) == [generate["table"]()], "run: python docs/reference/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert broken == []


def test_a_block_that_fails_is_found_with_its_line(own_server: Server, tmp_path: Path) -> None:
    text = "# Page\n\n```python\nvalue = 1\n```\ntext\n\n```python\nassert value == 2\n```\n"
    done = run_python("page.md", blocks_of(text), own_server.url, tmp_path)
    assert done.returncode == 1
    assert 'File "page.md", line 9' in done.stderr


def test_a_console_session_that_differs_is_found(own_server: Server, tmp_path: Path) -> None:
    done = run_python("page.md", blocks_of("```pycon\n>>> 1 + 1\n3\n```\n"), own_server.url, tmp_path)
    assert done.returncode == 1
    assert "Expected:" in done.stdout


def test_only_the_block_after_an_excuse_is_excused() -> None:
    text = "<!-- not run: needs a cluster -->\n```python\na\n```\n\n```python\nb\n```\n"
    assert [block.is_excused for block in blocks_of(text)] == [True, False]
