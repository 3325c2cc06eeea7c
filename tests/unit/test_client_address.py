"""The client's address is what trusted proxies wrote, and nothing that a client sends changes it or raises."""

from __future__ import annotations

import string
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrate.exceptions import ConfigError
from hitrate.http import Headers, client_address

PROXIES = ["10.0.0.0/8", "2001:db8:ffff::/48"]
GARBAGE = st.text(st.sampled_from('for="\\,;:[]%0123456789abcdef. \t\r\n\x00\xa0é') | st.characters(), max_size=200)
ADDRESSES = st.ip_addresses().filter(lambda found: not str(found).startswith(("10.", "2001:db8:ffff:")))


def environ(peer: str = "10.0.0.1", **headers: str) -> dict[str, str]:
    return {"REMOTE_ADDR": peer, **{f"HTTP_{name.upper()}": value for name, value in headers.items()}}


def test_an_environ_headers_and_pairs_say_the_same() -> None:
    said = "6.6.6.6, 198.51.100.1:8080, 10.0.0.4"
    for source, peer in (
        (environ(x_forwarded_for=said), None),
        ({"X-Forwarded-For": said, "Host": "shop"}, "10.0.0.1"),
        ({b"x-forwarded-for": said.encode(), "other": None}, "10.0.0.1"),
        (Headers([(b"x-forwarded-for", b"6.6.6.6"), (b"X-Forwarded-For", b"198.51.100.1, 10.0.0.4")]), "10.0.0.1"),
    ):
        assert client_address(source, PROXIES, peer=peer) == "198.51.100.1"


class Fields:
    """Headers as Werkzeug and others have them: no dict, names without regard to case, several lines of a name."""

    def __init__(self, lines: Mapping[str, str]) -> None:
        self._lines = list(lines.items())

    def __contains__(self, name: str) -> bool:
        return any(known.lower() == name.lower() for known, _ in self._lines)

    def get(self, name: str) -> str | None:
        return next((value for known, value in self._lines if known.lower() == name.lower()), None)

    def items(self) -> list[tuple[str, str]]:
        return self._lines


def of_django(lines: Mapping[str, str]) -> Any:
    from django.http.request import HttpHeaders

    return HttpHeaders({"HTTP_" + name.upper().replace("-", "_"): value for name, value in lines.items()})


def of_starlette(lines: Mapping[str, str]) -> Any:
    from starlette.datastructures import Headers as Found

    return Found(raw=[(name.lower().encode(), value.encode()) for name, value in lines.items()])


ENVIRON_NAMES = ["REMOTE_ADDR", "Remote-Addr", "REQUEST_METHOD", "Request-Method", "wsgi.version"]


@pytest.mark.parametrize(
    "make", [of_django, of_starlette, Fields, dict], ids=["django", "starlette", "werkzeug", "dict"]
)
@pytest.mark.parametrize("name", ENVIRON_NAMES)
def test_a_client_cannot_pass_his_headers_off_as_an_environ(make: Any, name: str) -> None:
    honest = {"X-Forwarded-For": "198.51.100.7"}
    own = {name: "10.0.0.2", "HTTP-X-Forwarded-For": "6.6.6.6", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}
    for lines in ({**own, **honest}, {**honest, **own}):
        assert client_address(make(lines), PROXIES, peer="10.0.0.1") == "198.51.100.7"
        assert client_address(make(lines), PROXIES, peer="203.0.113.9") == "203.0.113.9"
        if make is not dict:
            assert client_address(make(lines), PROXIES) is None
    assert client_address(make(own), PROXIES, peer="10.0.0.1") == "10.0.0.1"


def test_nobody_is_believed_unless_he_is_named() -> None:
    spoofed = environ("203.0.113.9", x_forwarded_for="1.1.1.1", forwarded="for=1.1.1.1", x_real_ip="1.1.1.1")
    assert client_address(spoofed) == client_address(spoofed, PROXIES) == "203.0.113.9"
    assert client_address({}, PROXIES) is None
    assert client_address(environ("")) is None
    assert client_address(environ("", x_forwarded_for="198.51.100.1"), "unix") == "198.51.100.1"


def test_headers_that_disagree_are_not_guessed_at_unless_it_is_said_which_one_counts() -> None:
    both = environ(forwarded="for=6.6.6.6", x_forwarded_for="198.51.100.1")
    assert client_address(both, PROXIES) == "10.0.0.1"
    assert client_address(both, PROXIES, header="x-forwarded-for") == "198.51.100.1"
    assert client_address(both, PROXIES, header="forwarded") == "6.6.6.6"


def test_one_customer_of_ipv6_has_one_address_if_it_is_asked_for() -> None:
    for host in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::", "[2001:db8:1:2:3:4:5:6]:443"):
        assert client_address(environ(x_forwarded_for=host), PROXIES, ipv6_prefix=64) == "2001:db8:1:2::"
    assert client_address(environ("fe80::1%eth0")) == "fe80::1"
    assert client_address(environ("::ffff:192.0.2.1"), ipv6_prefix=64) == "192.0.2.1"


@pytest.mark.parametrize(
    ("layout", "source", "address"),
    [
        ("quelyos_api_views", environ(x_real_ip="a, b", x_forwarded_for="1.1.1.1"), "a, b"),
        ("quelyos_api_views", environ(x_forwarded_for=" 1.1.1.1 , 2.2.2.2"), " 1.1.1.1 "),
        ("quelyos_api_views", environ(x_real_ip="", x_forwarded_for=",2.2.2.2"), "10.0.0.1"),
        ("quelyos_api_views", {"REQUEST_METHOD": "GET"}, None),
        ("quelyos_api", environ(x_real_ip="9.9.9.9", x_forwarded_for=" 1.1.1.1 , 2.2.2.2"), "1.1.1.1"),
        ("quelyos_api", {"REQUEST_METHOD": "GET"}, "unknown"),
        ("quelyos_ecommerce", environ(x_forwarded_for="1.1.1.1"), "10.0.0.1"),
        ("nalar", environ(x_forwarded_for=" 1.1.1.1 , 2.2.2.2"), "1.1.1.1,2.2.2.2"),
        ("nalar", environ(), "10.0.0.1"),
    ],
)
def test_a_layout_reads_as_its_original_did(layout: Any, source: Mapping[str, Any], address: str | None) -> None:
    assert client_address(source, layout=layout) == address


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trusted": ["10.0.0.1/8"]}, "bits set behind its length"),
        ({"trusted": ["proxy"]}, "'proxy' is no network of trusted proxies; write '10.0.0.0/8'"),
        ({"trusted": [8]}, "trusted proxies cannot be"),
        ({"ipv6_prefix": 129}, "'ipv6_prefix' must be an int from 0 to 128"),
        ({"ipv6_prefix": True}, "'ipv6_prefix' must be"),
        ({"header": "x-real-ip"}, "unknown header 'x-real-ip'; use 'forwarded'"),
        ({"layout": "shop"}, "unknown layout 'shop'; use 'nalar'"),
    ],
)
def test_what_cannot_be_meant_is_said(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        client_address(environ(), **options)


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for"])
@pytest.mark.parametrize("own", ["6.6.6.6,", '"', "for=6.6.6.6;by=", '"\\', "é", ",", "[", "\x00"])
def test_a_header_of_100_kb_is_read_where_proxies_wrote(header: str, own: str) -> None:
    true = "for=198.51.100.1" if header == "forwarded" else "198.51.100.1"
    assert client_address(environ(**{header: own * (100_000 // len(own))}), PROXIES) in {"10.0.0.1", "6.6.6.6"}
    assert client_address(environ(**{header: own * (100_000 // len(own)) + "," + true}), PROXIES) == "198.51.100.1"


@given(own=GARBAGE, client=ADDRESSES, hops=st.integers(0, 4))
def test_nothing_that_a_client_writes_makes_him_somebody_else(own: str, client: Any, hops: int) -> None:
    chain = [str(client), *(f"10.0.0.{hop}" for hop in range(hops))]
    plain = f"{own}, {', '.join(chain)}"
    quoted = f"{own}, " + ", ".join(f'for="[{hop}]"' if ":" in hop else f"for={hop}" for hop in chain)
    mapped = getattr(client, "ipv4_mapped", None)
    for headers in ({"x_forwarded_for": plain}, {"forwarded": quoted}, {"x_forwarded_for": plain, "forwarded": quoted}):
        found = client_address(environ(**headers), PROXIES)
        assert found is not None
        assert ip_address(found) == (mapped or client)


@given(peer=GARBAGE, forwarded=GARBAGE, plain=GARBAGE, surrogate=st.sampled_from(["", "\ud800", string.printable]))
def test_nothing_raises_and_only_addresses_come_out(peer: str, forwarded: str, plain: str, surrogate: str) -> None:
    source = environ(peer, forwarded=forwarded + surrogate, x_forwarded_for=surrogate + plain)
    for trusted in ((), ["0.0.0.0/0", "::/0", "unix"]):
        found = client_address(source, trusted)
        assert found is None or str(ip_address(found)) == found or ip_address(found).version == 6
