"""Odoo 19 as Debian packs it: downloaded from sid over HTTPS, checked against the index, and unpacked without root."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

MIRROR = os.environ.get("HITRATE_DEBIAN_MIRROR", "https://deb.debian.org/debian")
INDEX = "dists/sid/main/binary-all/Packages.xz"
# The pages of Odoo need the scripts: its package links to them, within one root.
PACKAGES = ("odoo-19", "libjs-jquery", "libjs-jquery-form", "libjs-underscore")
SECONDS = 120.0


class NoOdooError(Exception):
    """Odoo could not be had; the message says why and what to do."""


def folder() -> Path:
    """Where what was downloaded is kept: ``$HITRATE_ODOO``, else the cache folder of the user."""
    if chosen := os.environ.get("HITRATE_ODOO"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hitrate" / "odoo-19"


def packages_of(root: Path) -> Path:
    """The folder of an unpacked root that Python imports Odoo from."""
    return root / "usr/lib/python3/dist-packages"


def unpacked() -> Path:
    """
    Find Odoo's files, after downloading and unpacking them if they are not there yet.

    Raises:
        NoOdooError: there is no network, no such package, or no program to unpack it with.
    """
    root = folder() / "root"
    if (packages_of(root) / "odoo/release.py").exists():
        return root
    if shutil.which("dpkg-deb") is None:
        raise NoOdooError("odoo-19 cannot be unpacked: there is no dpkg-deb; run this on Debian or Ubuntu")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as made:
        files = _wanted(_fetch(INDEX))
        for name, (path, digest) in files.items():
            package = Path(made) / f"{name}.deb"
            package.write_bytes(_checked(name, _fetch(path), digest))
            subprocess.run(["dpkg-deb", "-x", package, Path(made) / "root"], check=True)
        # What was interrupted leaves no half of a root behind.
        (Path(made) / "root").rename(root)
    return root


def _fetch(path: str) -> bytes:
    url = f"{MIRROR}/{path}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            content: bytes = answer.read()
            return content
    except (urllib.error.URLError, OSError) as error:
        raise NoOdooError(
            f"odoo-19 of Debian sid cannot be had: {url} gave {error}; connect to the network, name another mirror in "
            f"HITRATE_DEBIAN_MIRROR, or unpack the package into {folder() / 'root'}"
        ) from error


def _wanted(index: bytes) -> dict[str, tuple[str, str]]:
    """Path and digest of each package, by name."""
    found: dict[str, tuple[str, str]] = {}
    for stanza in lzma.decompress(index).decode().split("\n\n"):
        name = stanza.partition("\n")[0].removeprefix("Package: ")
        if name in PACKAGES:
            fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
            found[name] = fields["Filename"], fields["SHA256"]
    if missing := [name for name in PACKAGES if name not in found]:
        raise NoOdooError(f"Debian sid has no package {missing[0]} (any more); {MIRROR}/{INDEX} does not list it")
    return found


def _checked(name: str, content: bytes, digest: str) -> bytes:
    if hashlib.sha256(content).hexdigest() != digest:
        raise NoOdooError(f"the downloaded {name} is not what Debian's index says; try again, or use another mirror")
    return content
