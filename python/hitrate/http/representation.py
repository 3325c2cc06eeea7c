"""Which form of an answer a request gets, as a part of its key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hitrate.http.fields import Headers
from hitrate.http.text import bounded, digest, escaped
from hitrate.http.vary import Vary

_WEIGHT = r"(?:[ \t]*;[ \t]*q=(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
_NAME = r"[!#$%&'+\-.^_`|~0-9A-Za-z]+"


def _list_of(member: str) -> re.Pattern[str]:
    one = rf"(?:{member}){_WEIGHT}"
    return re.compile(rf"{one}(?:[ \t]*,[ \t]*{one})*")


# Well-formed lists of choices, which every parser understands alike. Parameters of media types (their values may depend
# on case), repeated commas and unknown weights are not among them.
_PLAIN = {
    "accept": _list_of(rf"\*/\*|{_NAME}/(?:\*|{_NAME})"),
    "accept-encoding": _list_of(rf"\*|{_NAME}"),
    "accept-language": _list_of(r"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*"),
}
# Frameworks cut what is longer (Django: 500 characters), and so may see another list.
_MAX_PLAIN = 256


@dataclass(frozen=True, slots=True)
class Representation:
    """
    What was chosen for a request before its view ran. None: nothing of the kind is chosen, or it makes no difference.

    Attributes:
        media_type: of the renderer that was negotiated, for example ``"application/json"``.
        language: that translations are made to, for example ``"de-at"``.
        encoding: of the content, if it is stored encoded, for example ``"gzip"``.
        timezone: that times are written in.
        scheme: of the links in the answer, as the framework builds them.
        host: of these links, with its port.
        root: what their paths begin with (``SCRIPT_NAME``, ``root_path``), where that differs between requests.
        version: of the interface, wherever the framework found it.
        plain: the part of the key of an answer that varies on nothing else.
    """

    media_type: str | None = None
    language: str | None = None
    encoding: str | None = None
    timezone: str | None = None
    scheme: str | None = None
    host: str | None = None
    root: str | None = None
    version: str | None = None
    plain: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Write what every key with it holds: adapters keep those that they meet often."""
        object.__setattr__(self, "plain", bounded("&".join(self._chosen())))

    def text(self, headers: Headers, vary: Vary | None = None) -> str:
        """
        Write it as a part of a key, beside the request's values of what the answer varies on.

        Args:
            headers: of the request.
            vary: what its answer varies on, without what another part of the key covers; never ``*``, for such an
                answer is not stored.

        Returns:
            Bounded, canonical text. An absent header differs from an empty one, and two lines from one with a comma.
            Only digests of the values of cookies, tokens and other headers are shown.
        """
        if vary is None or not vary.names:
            return self.plain
        values = [f"vary.{escaped(name)}{_values(name, headers.lines(name))}" for name in sorted(vary.names)]
        return bounded("&".join([*self._chosen(), *values]))

    def _chosen(self) -> list[str]:
        parts = (
            ("type", self.media_type),
            ("language", self.language),
            ("encoding", self.encoding),
            ("timezone", self.timezone),
            ("scheme", self.scheme),
            ("host", self.host),
            ("root", self.root),
            ("version", self.version),
        )
        return [f"{tag}={escaped(value)}" for tag, value in parts if value is not None]


def _values(name: str, lines: tuple[str, ...]) -> str:
    if not lines:
        return ""
    if name in _PLAIN:
        return "=" + ",".join([escaped(normalised(name, line)) for line in lines])
    # A key is seen in logs and by whoever may list keys. The lengths keep one line from looking like two.
    return "=" + digest("".join([f"{len(line)}:{line}" for line in lines]))


def normalised(name: str, value: str) -> str:
    """
    A request header without differences that cannot matter.

    Spaces go from Accept, Accept-Encoding and Accept-Language, and capitals from the latter two, where the list is
    short and well-formed. Everything else stays as it is: parsers may differ on an unusual form.

    Args:
        name: in lower case.
        value: one line.
    """
    form = _PLAIN.get(name)
    if form is None or len(value) > _MAX_PLAIN:
        return value
    plain = value.replace(" ", "").replace("\t", "")
    if name != "accept":
        plain = plain.lower()
    return plain if plain != value and form.fullmatch(value) else value
