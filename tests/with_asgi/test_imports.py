"""What the adapters import, and what they say where a package is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], check=False, capture_output=True, text=True)


def test_the_middlewares_need_no_framework() -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['starlette', 'fastapi', 'django', 'pydantic', 'anyio']))"
    done = run(f"{blocked}; import hitrate.asgi")
    assert done.returncode == 0, done.stderr


def test_a_missing_fastapi_says_what_to_install() -> None:
    done = run("import sys; sys.modules['fastapi'] = None; import hitrate.fastapi")
    assert "pip install 'hitrate[fastapi]'" in done.stderr


@pytest.mark.parametrize("module", ["hitrate.asgi", "hitrate.fastapi"])
def test_an_import_opens_nothing_and_starts_no_thread(module: str) -> None:
    code = f"""
import sys, threading
import fastapi
events = []
sys.addaudithook(lambda event, args: events.append(event))
import {module}
print([event for event in events if event.startswith(("socket.connect", "_thread.", "subprocess."))])
print(threading.active_count())
"""
    done = run(code)
    assert done.stdout.split() == ["[]", "1"], done.stderr
