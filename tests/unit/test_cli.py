"""What needs no server: reading stored bytes safely, escaping, arguments, exit codes."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import zlib
from typing import Any

import pytest

import hitrate
from hitrate.cli import exits, main
from hitrate.cli.output import Output, printable
from hitrate.cli.values import describe


class Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was read",))


@pytest.mark.parametrize(
    ("stored", "form", "value"),
    [
        (b"42", "integer", 42),
        (b"-7", "integer", -7),
        (b'{"a": [1, null]}', "json", {"a": [1, None]}),
        (b"null", "json", None),
        (b"plain text", "text", "plain text"),
        (b"9" * 5000, "text", "9" * 5000),
        (b"[" * 100_000, "text", "[" * 100_000),
        (b"", "text", ""),
        (b"x^2", "text", "x^2"),
        (b"\xff\x00", "bytes", b"\xff\x00"),
        ("٣".encode(), "text", "٣"),
    ],
)
def test_a_plain_value_is_told_from_its_bytes(stored: bytes, form: str, value: Any) -> None:
    found = describe(stored)
    assert (found.form, found.value, found.is_read, found.size_bytes) == (form, value, True, len(stored))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_named_and_not_read(protocol: int) -> None:
    found = describe(pickle.dumps(Bomb(), protocol))
    assert (found.form, found.value, found.is_read) == ("pickle", None, False)


@pytest.mark.parametrize(
    ("stored", "form"),
    [
        (zlib.compress(b"x" * 100), "zlib"),
        (zlib.compress(b"x" * 100, 5), "zlib"),
        (zlib.compress(b"x" * 100, 9), "zlib"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (lzma.compress(b"x"), "lzma"),
        (b"\x28\xb5\x2f\xfd rest", "zstd"),
        (b"\x04\x22\x4d\x18 rest", "lz4"),
    ],
)
def test_a_compressed_value_is_named_and_not_unpacked(stored: bytes, form: str) -> None:
    found = describe(stored)
    assert (found.form, found.value, found.is_read) == (form, None, False)


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("bücher\tä") == "bücher\\tä"
    assert printable("\x1b[31m\r\n\x9b\u202e\udcff") == "\\x1b[31m\\r\\n\\x9b\\u202e\\udcff"


def test_without_a_terminal_styles_are_left_out() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err)
    output.line(("red", "bold red"), " plain")
    with output.progress("counting", 3) as advance:
        advance(3)
    assert (out.getvalue(), err.getvalue()) == ("red plain\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (hitrate.ServerConnectionError("x"), exits.UNREACHABLE),
        (hitrate.ServerTimeoutError("x"), exits.UNREACHABLE),
        (hitrate.ServerUnavailableError("x"), exits.UNREACHABLE),
        (hitrate.AuthenticationError("x"), exits.PROBLEM),
        (hitrate.ServerPermissionError("x"), exits.PROBLEM),
        (hitrate.ServerStateError("x"), exits.PROBLEM),
        (hitrate.ConfigError("x"), exits.USAGE),
    ],
)
def test_each_failure_has_its_exit_code(error: hitrate.HitrateError, code: int) -> None:
    assert exits.of_error(error) == code


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["doctor", "--samples", "0"],
        ["doctor", "--samples", "x"],
        ["ping", "--timeout", "-1"],
        ["ping", "--timeout", "nan"],
        ["bench", "--seconds", "inf"],
        ["doctor", "--layout", "round"],
    ],
)
def test_wrong_usage_has_a_code_of_its_own(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == exits.USAGE
    assert "hitrate" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://S3CRET@h", "redis://:S3CRET/x@h", "redis://h?passwrd=S3CRET", "nonsense"])
def test_a_wrong_url_is_refused_without_showing_it(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--url", url]) == exits.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert "S3CRET" not in said.err
    assert said.err.startswith("hitrate doctor: ")


def test_without_a_url_it_says_where_to_put_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HITRATE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert main(["ping"]) == exits.USAGE
    assert "set HITRATE_URL or REDIS_URL" in capsys.readouterr().err
