"""A wrong setting is refused where it is given, named, and told what is allowed; no password is ever shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hitrate
from hitrate.exceptions import ConfigError, HitrateError
from hitrate.testing import Server

WRONG_URLS = [
    ("", "redis://"),
    ("localhost:6379", "redis://"),
    ("http://localhost:6379", "'http://'.*rediss://"),
    ("redis://localhost:0", "port"),
    ("redis://localhost:99999", "port"),
    ("redis://localhost:abc", "port"),
    ("redis://localhost/one", "database|db"),
    ("redis://localhost/-1", "database|db"),
    ("redis://localhost?db=x", "db"),
    ("redis://localhost?colour=red", "'colour'"),
    ("redis://[::1", None),
    ("unix://", "path"),
    ("redis://localhost\n:6379", None),
    ("redis://:\udcff@localhost", "'url'.*surrogates"),
    (None, "url"),
    (6379, "url"),
]

# Option, value that is refused, and what the message must say beside the option's name and the value.
WRONG_OPTIONS = [
    ("prefix", 1, "string"),
    ("prefix", b"x", "string"),
    ("prefix", "\ud800", "surrogates"),
    ("password", "hunter2\ud800", "surrogates"),
    ("tls_ca_file", Path("\udcff.pem"), "surrogates"),
    ("ttl", "300", "seconds"),
    ("ttl", float("nan"), "seconds"),
    ("ttl", True, "seconds.*None"),
    ("serializer", "yaml", "'json'.*'pickle'"),
    ("serializer", None, "'json'.*'pickle'"),
    ("serializer", object(), "dumps.*loads"),
    ("key_function", "shop.keys.spell", "function"),
    ("validate_key", 1, "function"),
    ("on_error", "explode", "'miss'.*'raise'.*'ignore'"),
    ("json_ascii", "no", "True or False"),
    ("json_envelope", 1, "True or False"),
    ("unpickle", "all", "'any'.*'safe'.*'never' or None"),
    ("unpickle_globals", "shop.Price", "list of strings"),
    ("unpickle_globals", ["Price"], "'Price'.*'module.Class'"),
    ("compressor", "brotli", "'zlib'.*'zstd' or None"),
    ("compress_level", 23, "from 0 to 22"),
    ("compress_min_bytes", -1, "from 0"),
    ("max_value_bytes", 0, "from 1"),
    ("signing_keys", "k" * 32, "list of at least one string"),
    ("signing_keys", [], "list of at least one string"),
    ("signing_keys", ["k" * 15], "less than 16 bytes"),
    ("accept_unsigned", None, "True or False"),
    ("critical", "sessions", "list"),
    ("critical", (1,), "list of"),
    ("username", 1, "string"),
    ("password", 1, "string"),
    ("db", -1, "from 0"),
    ("db", "1", "from 0"),
    ("client_name", "two words", "without spaces"),
    ("client_name", "line\nbreak", "printable"),
    ("protocol", 1, "2.*3"),
    ("protocol", "3", "2.*3"),
    ("timeout", 0, "seconds from 0.001"),
    ("timeout", -1, "seconds from 0.001"),
    ("timeout", None, "seconds from 0.001"),
    ("timeout", "1s", "seconds from 0.001"),
    ("bulk_timeout", 0, "seconds from 0.001"),
    ("max_connections", 0, "integer from 1"),
    ("max_connections", 1.5, "integer from 1"),
    ("max_connections", "8", "integer from 1"),
    ("idle_timeout", -1, "seconds"),
    ("staged_wait", "on", "'auto'.*'off'"),
    ("staged_wait", 2, "'auto'.*'off'"),
    ("tls_ca_file", 1, "path|string"),
    ("tls_verify", "no", "True.*False"),
    ("tls_server_name", "", "name"),
    ("max_reply_bytes", 0, "integer from"),
]


@pytest.mark.parametrize(("url", "says"), WRONG_URLS, ids=repr)
def test_a_wrong_url_is_refused(url: Any, says: str | None) -> None:
    with pytest.raises(ConfigError, match=f"(?is){says or ''}") as caught:
        hitrate.Cache(url)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(("option", "value", "says"), WRONG_OPTIONS, ids=lambda value: repr(value)[:20])
def test_a_wrong_option_is_refused(option: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?is)(?=.*\b{option}\b)(?=.*({says}))"):
        hitrate.Cache("rediss://localhost" if option.startswith("tls") else "redis://localhost", **{option: value})


def test_an_unknown_option_is_named_with_its_nearest() -> None:
    with pytest.raises((ConfigError, TypeError), match="max_conections"):
        hitrate.Cache("redis://localhost", max_conections=5)


@pytest.mark.parametrize("option", ["tls_ca_file", "tls_cert_file", "tls_key_file", "tls_server_name"])
def test_tls_options_need_a_tls_url(option: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s)(?=.*{option})(?=.*rediss)"):
        hitrate.Cache("redis://localhost", **{option: "x.pem"})


def test_a_client_certificate_comes_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    file.write_text("")
    with pytest.raises(ConfigError, match="tls_key_file"):
        hitrate.Cache("rediss://localhost", tls_cert_file=str(file))
    with pytest.raises(ConfigError, match="tls_cert_file"):
        hitrate.Cache("rediss://localhost", tls_key_file=str(file))


@pytest.mark.parametrize(
    "content", [None, b"", b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_a_certificate_file_that_cannot_be_used_is_named(
    own_server: Server, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"authority\.pem"):
        hitrate.Cache(own_server.url.replace("redis", "rediss"), tls_ca_file=str(file), on_error="raise").get("k")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://user:hunter2@localhost:99999", {}),
        ("redis://user:hunter2@localhost/none", {}),
        ("redis://:hunter2@localhost?colour=red", {}),
        ("redis://user:hunter2@[::1", {}),
        ("rdis://user:hunter2@localhost", {}),
        ("user:hunter2@localhost:6379", {}),
        ("redis://user:hunter2%ZZ@localhost", {}),
        ("redis://user:hunter2@loc alhost", {}),
        ("redis://localhost?password=hunter2", {}),
        ("redis://localhost", {"password": b"hunter2"}),
        ("redis://localhost", {"password": ["hunter2"]}),
        ("redis://localhost", {"password": "hunter2", "db": "x"}),
        ("redis://:hunter2@localhost", {"serializer": "yaml"}),
    ],
    ids=repr,
)
def test_no_complaint_shows_a_password(url: str, options: dict[str, Any]) -> None:
    try:
        hitrate.Cache(url, **options)
    except HitrateError as error:
        shown = f"{error!r} {error.__cause__!r} {error.__context__!r} {error.args}"
        assert "hunter2" not in shown
    else:
        # What is understood after all must still not show it.
        assert "hunter2" not in repr(hitrate.Cache(url, **options))


def test_neither_repr_nor_log_nor_error_shows_a_password(
    start_server: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(password="hunter2")
    caplog.set_level(logging.DEBUG)
    urls = [server.url, server.url.replace("hunter2", "hunter2-wrong"), "redis://:hunter2@127.0.0.1:1"]
    for url in urls:
        cache = hitrate.Cache(url, on_error="raise", timeout=0.2)
        for shown in (repr(cache), str(cache), repr(cache.stats())):
            assert "hunter2" not in shown
        if url == server.url:
            assert cache.get("k") is None
        else:
            with pytest.raises(HitrateError) as caught:
                cache.get("k")
            assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        cache.close()
    assert "hunter2" not in caplog.text


def test_an_argument_wins_over_the_url(start_server: Callable[..., Server]) -> None:
    server = start_server(password="hunter2")
    cache = hitrate.Cache(server.url.replace("hunter2", "other") + "/1", password="hunter2", db=3, on_error="raise")
    cache.set("k", 1)
    assert server.info("keyspace").keys() == {"db3"}
    cache.close()


def test_making_a_cache_connects_to_nothing() -> None:
    cache = hitrate.Cache("redis://nowhere.invalid:6379")
    assert "nowhere.invalid:6379" in repr(cache)
    cache.close()
