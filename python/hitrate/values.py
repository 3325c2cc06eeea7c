"""What reading and writing values needs of Python objects: the safe unpickler, and the JSON envelope with its time."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, EnumMeta
from io import BytesIO
from typing import Any, NoReturn
from uuid import UUID

# These stand for functions, which a pickle could change for all that come after it. They hold nothing to change.


class _Latin1:
    """``_codecs.encode`` as protocol 2 calls it for bytes; other encodings would import modules."""

    __slots__ = ()

    def __call__(self, text: Any, encoding: Any = None) -> bytes:
        if type(text) is str and encoding in {"latin1", "latin-1"}:
            return text.encode("latin-1")
        return _refuse("encode")


class _Bytes:
    """``bytes`` as protocol 2 calls it, for the empty one; a length would reserve memory."""

    __slots__ = ()

    def __call__(self, *args: object) -> bytes:
        return _refuse("bytes") if args else b""


class _Bytearray:
    """``bytearray`` as pickle calls it: never with a length, which would reserve memory."""

    __slots__ = ()

    def __call__(self, content: Any = b"", encoding: Any = None) -> bytearray:
        if isinstance(content, str):
            content = _Latin1()(content, encoding)
        return bytearray(content) if isinstance(content, bytes) else _refuse("bytearray")


class _Member:
    """``getattr`` as Python 3.11.2 calls it for a member of an enum that pickles may name; for nothing else."""

    __slots__ = ()

    def __call__(self, enum: Any, name: Any) -> Enum:
        if isinstance(enum, EnumMeta) and type(name) is str and name in enum.__members__:
            member: Enum = enum.__members__[name]
            return member
        return _refuse("getattr")


def _refuse(name: str) -> NoReturn:
    raise pickle.UnpicklingError(f"this use of {name} is not allowed")


_BUILTINS: dict[str, Any] = {
    # `ReturnDict` and `ReturnList` of Django REST framework are pickled as calls of these two.
    "dict": dict,
    "list": list,
    # These are in the opcodes of protocol 4 and 5, and globals in older ones.
    "set": set,
    "frozenset": frozenset,
    "complex": complex,
    "bytes": _Bytes(),
    "bytearray": _Bytearray(),
    "getattr": _Member(),
}

# Plain types, and what a pickle of them calls. Nothing here runs code that a pickle could choose.
SAFE_GLOBALS: Mapping[tuple[str, str], Any] = {
    **{("builtins", name): found for name, found in _BUILTINS.items()},
    **{("__builtin__", name): found for name, found in _BUILTINS.items()},
    ("_codecs", "encode"): _Latin1(),
    ("collections", "OrderedDict"): OrderedDict,
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
    ("decimal", "Decimal"): Decimal,
    ("uuid", "UUID"): UUID,
}


class SafeLoads:
    """
    `pickle.loads` for pickles that somebody else may have written: it makes plain types, and runs nothing they name.

    It bounds what a pickle can do, not how much time and memory it takes to read. ``EXT`` opcodes, about which
    CPython does not always ask it, and memory reserved for nothing are refused in ``src/codec/pickle.rs``, before it
    is called.
    """

    __slots__ = ("_extra",)

    def __init__(self, extra: Iterable[str] = ()) -> None:
        """
        Args:
            extra: more classes and functions that pickles may name, as ``module.name``. They are imported when the
                first pickle names them, and called with whatever it says.
        """
        self._extra = frozenset(extra)

    def __call__(self, data: bytes) -> Any:
        """
        Load one pickle.

        Raises:
            pickle.UnpicklingError: it names what is not allowed, or it is damaged. Damage makes `pickle.loads`
                raise many other errors, and so it does here.
        """
        return _Unpickler(data, self._extra).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, extra: frozenset[str]) -> None:
        super().__init__(BytesIO(data))
        self._extra = extra

    def find_class(self, module: str, name: str) -> Any:
        found = SAFE_GLOBALS.get((module, name))
        if found is not None:
            return found
        if f"{module}.{name}" in self._extra:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a pickle names '{module[:50]}.{name[:50]}', which is not allowed")


now: Callable[[timezone], datetime] = datetime.now


def wrap(value: Any) -> dict[str, Any]:
    """Put a value into the envelope of fastapi_dashboard's CacheManager, with the time in UTC as it writes it."""
    return {"data": value, "cached_at": now(timezone.utc).replace(tzinfo=None).isoformat()}


def unwrap(value: Any) -> Any:
    """Take a value out of its envelope; what is in none was written by others, and stays as it is."""
    if type(value) is dict and value.keys() == {"data", "cached_at"}:
        return value["data"]
    return value
