"""
Get Odoo and make the environment it runs in, saying what is being done: ``python -m tests.with_odoo.prepare``.

With the word ``download`` it does only what needs no hitrate, which may be built meanwhile.
"""

from __future__ import annotations

import sys
import time

from tests.with_odoo.debian import NoOdooError, folder, unpacked
from tests.with_odoo.environment import install_hitrate, make


def main() -> int:
    """Return 0, or 1 after saying what could not be had."""
    began = time.monotonic()

    def say(what: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - began:4.0f} s] {what}\n")
        sys.stdout.flush()

    try:
        say(f"odoo-19 of Debian sid, in {folder()}")
        root = unpacked()
        say("the environment of Odoo: its requirements")
        make(root)
        if sys.argv[1:] == ["download"]:
            return 0
        say("the wheel of hitrate")
        install_hitrate()
    except NoOdooError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    say("ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
