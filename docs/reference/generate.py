#!/usr/bin/env python3
"""
Write the table of options into options.md beside this file: ``python docs/reference/generate.py``.

Each column comes from where it is decided: names and order from `src/config/options.rs`, what is allowed from the
message that refuses a wrong value, defaults from `src/config/mod.rs`, meanings from the docstring in `_native.pyi`.
"""

from __future__ import annotations

import re
from pathlib import Path

import hitrate

PAGE = Path(__file__).with_name("options.md")
ROOT = PAGE.parents[2]
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", re.DOTALL)


def table() -> str:
    """The table, as Markdown."""
    known, meant = defaults(), meanings()
    lines = ["| option | takes | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{name}` | {allowed(name)} | {known.get(name, 'none')} | {meant[name]} |" for name in names()]
    return "\n".join(lines) + "\n"


def names() -> list[str]:
    """The options, in the order of the one table that knows them."""
    source = (ROOT / "src/config/options.rs").read_text("utf-8")
    rows = source.partition("const TABLE")[2].partition("\n];")[0]
    return re.findall(r'^ {4}row\w*\("(\w+)"', rows, re.MULTILINE)


def allowed(name: str) -> str:
    """What the client itself says is allowed, when it is given something else."""
    wrong = 1 if name in {"critical", "local_exclude", "signing_keys", "unpickle_globals"} else ["not", "allowed"]
    url = "memory://" if name == "max_bytes" else "rediss://localhost"
    try:
        hitrate.Cache(url, **{name: wrong})  # type: ignore[arg-type]
    except hitrate.ConfigError as refusal:
        return re.sub(r"'(\w+)'", r'`"\1"`', str(refusal).partition("; use ")[2])
    raise AssertionError(f"option '{name}' takes {wrong!r}")


def defaults() -> dict[str, str]:
    """The defaults by option, as Python writes them."""
    source = (ROOT / "src/config/mod.rs").read_text("utf-8")
    module = source.partition("pub mod defaults {")[2].partition("\n}\n")[0]
    constants = re.findall(r"pub const (\w+): [\w&]+ = (.+);", module)
    found = {name.lower(): f"`{python(value)}`" for name, value in constants}
    found["staged_wait"] = {"`True`": '`"auto"`', "`False`": '`"off"`'}[found["staged_wait"]]
    return found


def python(value: str) -> str:
    """A constant of Rust in Python's words."""
    if seconds := re.fullmatch(r"(?:Ttl::For\()?Duration::from_(secs|millis)\(([\d_]+)\)\)?", value):
        return f"{int(seconds[2]) / (1000 if seconds[1] == 'millis' else 1):g}"
    if shifted := re.fullmatch(r"(\d+) << (\d+)", value):
        return str(int(shifted[1]) << int(shifted[2]))
    if protocol := re.fullmatch(r"Protocol::Resp(\d)", value):
        return protocol[1]
    if variant := re.fullmatch(r"\w+::(\w+)", value):
        return f'"{variant[1].lower()}"'
    return value.capitalize() if value in {"true", "false"} else value


def meanings() -> dict[str, str]:
    """What the docstring of the class says of each option."""
    stub = (ROOT / "python/hitrate/_native.pyi").read_text("utf-8")
    arguments = stub.partition("class Client:")[2].partition("    Args:\n")[2].partition("    Raises:\n")[0]
    found = {}
    for entry in re.split(r"\n(?= {8}\w)", arguments.rstrip()):
        options, _, meaning = entry.partition(":")
        text = " ".join(meaning.split()).replace("``", "`")
        found.update({name.strip(): text[:1].upper() + text[1:] for name in options.split(",")})
    return found


def main() -> None:
    """Replace the table in the page."""
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
