"""The Python that Odoo runs on: an environment of its own, with Odoo's requirements and the wheel of this hitrate."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.with_odoo.debian import NoOdooError, folder, packages_of

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
START = Path(__file__).parent / "start.py"
# What Odoo 19 says of itself.
OLDEST, NEWEST = (3, 10), (3, 13)


def python() -> Path:
    """The interpreter of the environment."""
    return folder() / f"venv{sys.version_info[0]}{sys.version_info[1]}" / "bin/python"


def make(root: Path) -> None:
    """
    Make the environment, if its requirements changed; without hitrate.

    Args:
        root: where Odoo was unpacked.

    Raises:
        NoOdooError: this is no Python for Odoo 19, or a package cannot be installed.
    """
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise NoOdooError(
            f"Odoo 19 runs on Python 3.10 to 3.13, and this is {sys.version.split()[0]}; "
            "use another: make test-odoo VENV=.venv312 PYTHON=python3.12"
        )
    venv = python().parent.parent
    mark, wanted = venv / ".installed", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        _run(sys.executable, "-m", "venv", "--clear", venv)
        _run(python(), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS)
        mark.write_text(wanted)
    site = next(venv.glob("lib/python3.*/site-packages"))
    (site / "odoo-of-debian.pth").write_text(f"{packages_of(root)}\n")


def install_hitrate() -> None:
    """
    Build the hitrate that is here, and install it.

    Raises:
        NoOdooError: it cannot be built or installed.
    """
    wheels = folder() / "wheels"
    for old in wheels.glob("*.whl"):
        old.unlink()
    maturin = Path(sys.executable).parent / "maturin"
    _run(maturin, "build", "-q", "--release", "--locked", "-i", sys.executable, "-o", wheels, "-m", ROOT / "Cargo.toml")
    wheel = next(wheels.glob("*.whl"))
    command = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--force-reinstall", wheel)
    _run(python(), *command)


def _run(*command: str | Path) -> None:
    environ = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    done = subprocess.run(list(map(str, command)), env=environ, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise NoOdooError(f"'{command[0]} {command[1]} ...' failed: {(done.stdout + done.stderr).strip()[-800:]}")
