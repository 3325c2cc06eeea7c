"""
A wall clock that jumps on request, for the processes that are started with it.

A small library, built from `wall_clock.c`, is preloaded into the process and answers for the time of day alone. What it
cannot show: a wait until a moment of the wall clock that is under way in the kernel when the clock jumps.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def compiler() -> str | None:
    """The C compiler, which whoever builds Rust has too."""
    return shutil.which("cc")


def build_library(directory: Path) -> Path:
    """Build the library in a directory that nobody else builds in."""
    library = directory / "wall_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE], check=True)
    return library


class WallClock:
    """The time of day of every process that has `environment`: the real one plus what `jump` was told last."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Set the clock to the real time plus that many seconds."""
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        # All eight bytes at once: the processes have this file mapped, and read while it is written.
        os.write(file, struct.pack("=q", seconds))
        os.close(file)

    def environment(self, library: Path) -> dict[str, str]:
        """What a process must have in its environment when it starts."""
        return {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(self.file)}
