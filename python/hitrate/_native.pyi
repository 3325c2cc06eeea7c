"""Types and reference text of the compiled module."""

from asyncio import AbstractEventLoop, Future
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from os import PathLike
from types import EllipsisType
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "Bell",
    "Channel",
    "Client",
    "Decision",
    "Entry",
    "Lease",
    "Limit",
    "Limiter",
    "Owner",
    "PairsLayout",
    "Pending",
    "Proxies",
    "Standing",
    "__version__",
    "escape_glob",
    "glob_matches",
    "last_values",
    "limits_of",
    "load_plain_pickle",
    "md5_hex",
    "normalise_query",
    "sha256_hex",
    "sorted_json",
]

__version__: Final[str]

_Seconds: TypeAlias = float | timedelta
_Place: TypeAlias = tuple[int, int, int]  # cursor, the server that gave it, and when that was asked
_Ttl: TypeAlias = _Seconds | EllipsisType | None
_Algorithm: TypeAlias = Literal["fixed_window", "sliding_window", "sliding_log", "gcra", "once"]
_Path: TypeAlias = str | PathLike[str]
_Function = TypeVar("_Function", bound=Callable[..., str])

class _Local(Protocol):
    """What `hitrate.Local` is."""

    def options(self) -> dict[str, Any]: ...

class _Serializer(Protocol):
    """Turns objects into bytes and back. `loads` raises a `ValueError`, or what pickle raises, over damaged bytes."""

    def dumps(self, value: Any, /) -> bytes: ...
    def loads(self, data: bytes, /) -> Any: ...

@disjoint_base
class Client:
    """
    A client for one Redis or Valkey server. Use it as `hitrate.Cache`.

    Args:
        url: ``redis://``, ``rediss://`` (TLS), ``valkey://``, ``valkeys://`` (TLS) or ``unix://``, with user, password,
            host, port and database, for example ``rediss://user:password@cache.example.com:6380/1``; or ``memory://name``
            for a store in this process. Every option below may also stand in its query: ``?timeout=0.2``. An option
            given as an argument beats the URL.
        prefix: first part of every key, followed by a colon; empty: none.
        layout: ``"plain"`` for keys ``prefix:key``, ``"django"`` for ``prefix:version:key``.
        version: of keys that name none, in layout ``"django"``.
        key_function: spells keys instead: ``key_function(key, prefix, version)``, and patterns where it is given one in
            place of a key.
        validate_key: called with a full key that is longer than 250 bytes or holds spaces or control characters.
        ttl: lifetime in seconds of values stored without one; None: for ever. 300 by default.
        json_default: makes something that JSON knows of an object it does not, `str` for example; without one such a
            value is refused.
        serializer: ``"json"`` (default), ``"pickle"``, ``"msgpack"`` (extra ``msgpack``), or an object with ``dumps``
            and ``loads``. Integers are stored as their decimal text by all of them. What another one wrote is read too.
        pickle_protocol: 0 to 5; None: Python's default.
        json_ascii: whether JSON is written in ASCII, all else escaped; False: UTF-8.
        json_envelope: whether JSON is written as ``{"data": value, "cached_at": time in UTC}``. Integers too, so that
            they cannot be counted with.
        unpickle: which pickles are read. ``"any"``: all, and reading one runs what it says, whoever wrote it.
            ``"safe"``: those of plain types, and nothing is run. ``"never"``: each is a miss. None: ``"any"`` with
            serializer ``"pickle"``, ``"never"`` with every other.
        unpickle_globals: more classes and functions that ``"safe"`` may call, as ``"module.name"``.
        compressor: ``"zlib"``, ``"gzip"``, ``"lzma"``, ``"lz4"`` or ``"zstd"``; None: values are not compressed. What
            any of them wrote is read in any case.
        compress_level: how hard it tries: 0 to 9 for zlib, gzip (9 by default), lzma (4), 1 to 22 for zstd (3); None:
            as in django-redis.
        compress_min_bytes: shorter values are not compressed; None: 16, and 101 for lzma, as in django-redis. Nor are
            values that do not get shorter.
        max_value_bytes: longest value, as its serializer writes it; a longer one is refused, and a miss if it is found.
            Bounds what decompressing needs, too.
        signing_keys: secrets of 16 bytes and more, the newest first. It signs each value together with its key, and all
            of them verify; what has no right signature is a miss. None: values are not signed.
        accept_unsigned: whether values without a signature are read although there are keys, while these are new.
        on_error: what callers meet when the server is away. ``"miss"`` (default): reads miss, stores are dropped,
            deletions are written down and replayed, and ``add``, ``incr`` and ``touch`` raise. ``"raise"``: all of them
            raise. ``"ignore"``: none of them does; ``incr`` then returns None. Locks, ``keys``, ``execute``,
            ``server_info`` and ``clear(flush=True)`` raise in any case: no other answer would be true.
        critical: beginnings of keys whose failures raise whatever ``on_error`` says, and that are forgotten only by
            patterns that name them: sessions for example.
        journal_max_keys: keys whose deletion is remembered until it can be made up for; more, and everything of this
            cache but its critical keys is deleted instead.
        local: the local cache of each process: a `hitrate.Local`, True for its defaults, None or False for none.
            ``memory://`` needs and has none.
        local_max_bytes: bound of each process's local cache, 64 MiB by default.
        local_max_staleness: seconds for which the value of before may be served from it after the server acknowledged a
            write; 1 by default.
        local_max_ttl: seconds for which a copy is kept at most; None: as long as the server keeps the value.
        local_exclude: beginnings of keys that it never holds, beside sessions, throttles, limits and locks.
        local_tracking: whether the server is asked to say what is written (RESP3); without, a copy is kept for
            ``local_max_staleness``.
        local_negative: whether it is remembered that a key has no value.
        username, password: of the ACL user.
        db: number of the database.
        client_name: what ``CLIENT LIST`` shows.
        protocol: 3 (RESP3 where the server knows it) or 2.
        timeout: seconds for one round trip, in all: free connection, connecting, TLS, request, reply. 0.5 by default.
        bulk_timeout: seconds for an operation of many round trips.
        max_connections: of this process for blocking calls, and of each event loop for async ones.
        idle_timeout: seconds after which an unused connection is closed; None: never.
        staged_wait: ``"auto"`` or ``"off"``: whether a wait may begin with a poll of at most 50 µs that keeps the GIL.
        max_bytes: bound of a ``memory://`` store, 64 MiB by default; an error with a server.
        max_reply_bytes: longest reply that is read.
        tls_ca_file: certificates of the authorities to trust; None: the system's.
        tls_cert_file, tls_key_file: certificate and key of this client.
        tls_server_name: name that the server's certificate must carry; None: the host.
        tls_verify: whether the server's certificate is checked at all.

    Raises:
        ConfigError: the URL or an option is wrong; the message names it and says what is allowed.
    """

    def __new__(
        cls,
        url: str,
        *,
        key_function: Callable[[Any, str, Any], str] | None = None,
        validate_key: Callable[[str], None] | None = None,
        json_default: Callable[[Any], Any] | None = None,
        prefix: str = ...,
        layout: Literal["plain", "django"] = ...,
        version: int | str = ...,
        ttl: _Seconds | None = ...,
        serializer: Literal["json", "pickle", "msgpack"] | _Serializer = ...,
        pickle_protocol: int | None = ...,
        json_ascii: bool = ...,
        json_envelope: bool = ...,
        unpickle: Literal["any", "safe", "never"] | None = ...,
        unpickle_globals: Iterable[str] = ...,
        compressor: Literal["zlib", "gzip", "lzma", "lz4", "zstd"] | None = ...,
        compress_level: int | None = ...,
        compress_min_bytes: int | None = ...,
        max_value_bytes: int = ...,
        signing_keys: Iterable[str] | None = ...,
        accept_unsigned: bool = ...,
        on_error: Literal["miss", "raise", "ignore"] = ...,
        critical: Iterable[str] = ...,
        journal_max_keys: int = ...,
        local: _Local | bool | None = ...,
        local_max_bytes: int = ...,
        local_max_staleness: _Seconds = ...,
        local_max_ttl: _Seconds | None = ...,
        local_exclude: Iterable[str] = ...,
        local_tracking: bool = ...,
        local_negative: bool = ...,
        username: str | None = ...,
        password: str | None = ...,
        db: int = ...,
        client_name: str = ...,
        protocol: Literal[2, 3] = ...,
        timeout: _Seconds = ...,
        bulk_timeout: _Seconds = ...,
        max_connections: int = ...,
        idle_timeout: _Seconds | None = ...,
        staged_wait: Literal["auto", "off"] | bool = ...,
        max_bytes: int = ...,
        max_reply_bytes: int = ...,
        tls_ca_file: _Path | None = ...,
        tls_cert_file: _Path | None = ...,
        tls_key_file: _Path | None = ...,
        tls_server_name: str | None = ...,
        tls_verify: bool = ...,
    ) -> Self: ...
    def get(self, key: str, default: Any = None, version: Any = None, *, shared: bool = False) -> Any:
        """
        Get a value (``GET``), from the local cache if there is one that has it.

        Args:
            key: of the value.
            default: what to return when there is none. Bytes that cannot be decoded count as none.
            version: key version, where keys have one.
            shared: take the object that everybody gets from the local cache, instead of a copy. It must not be changed.
        """

    def _aget(self, key: str, default: Any, version: Any, shared: bool) -> Awaitable[Any]: ...
    def set(
        self, key: str, value: Any, ttl: _Ttl = ..., version: Any = None, *, nx: bool = False, xx: bool = False
    ) -> bool:
        """
        Store a value (``SET``).

        Args:
            key: of the value.
            value: to store.
            ttl: lifetime in seconds; None: for ever; 0 or negative: delete instead; not given: the cache's own.
            version: key version, where keys have one.
            nx: store only where nothing is.
            xx: store only over another value.

        Returns:
            Whether it was stored. With a `ttl` of 0 or less, whether the condition held; False also when the server is
            away and the deletion was written down.

        Raises:
            SerializationError: the serializer cannot store the value, or it is longer than ``max_value_bytes``.
            ServerError: with `nx` or `xx`, when the server is away or a deletion of this key waits to be replayed: the
                answer would decide something.
        """

    def _aset(self, key: str, value: Any, ttl: _Ttl, version: Any, nx: bool, xx: bool) -> Awaitable[bool]: ...
    def add(self, key: str, value: Any, ttl: _Ttl = ..., version: Any = None) -> bool:
        """
        Store a value where none is (``SET NX``).

        Returns:
            Whether it was stored.

        Raises:
            ServerError: the server is away, or a deletion of this key waits to be replayed: False would say that
                somebody else was first.
        """

    def _aadd(self, key: str, value: Any, ttl: _Ttl = ..., version: Any = None) -> Awaitable[bool]: ...
    def delete(self, key: str, version: Any = None) -> bool:
        """
        Delete a value (``UNLINK``).

        Returns:
            Whether there was one. False also when the server is away: then the deletion is written down, and the key is
            a miss for this process until it was replayed.
        """

    def _adelete(self, key: str, version: Any = None) -> Awaitable[bool]: ...
    def has(self, key: str, version: Any = None) -> bool:
        """Tell whether there is a value (``EXISTS``)."""

    def _ahas(self, key: str, version: Any = None) -> Awaitable[bool]: ...
    def touch(self, key: str, ttl: _Ttl = ..., version: Any = None) -> bool:
        """
        Give a value a new lifetime (``PEXPIRE``, ``PERSIST``).

        Args:
            key: of the value.
            ttl: seconds from now; None: for ever; 0 or negative: delete; not given: the cache's own.
            version: key version, where keys have one.

        Returns:
            Whether there was a value.
        """

    def _atouch(self, key: str, ttl: _Ttl = ..., version: Any = None) -> Awaitable[bool]: ...
    def incr(self, key: str, delta: int | None = None, version: Any = None) -> int:
        """
        Add to a counter, atomically.

        Args:
            key: of the counter, which must exist.
            delta: what to add, 1 if not given.
            version: key version, where keys have one.

        Returns:
            The new value.

        Raises:
            MissingKeyError: there is no such key (a `ValueError`, as Django has it).
            NotANumberError: the value is no 64-bit integer.
            CounterOverflowError: the result would leave 64 bits.
            ServerError: the server is away, or a deletion of this key waits to be replayed.
        """

    def _aincr(self, key: str, delta: int | None = None, version: Any = None) -> Awaitable[int]: ...
    def decr(self, key: str, delta: int | None = None, version: Any = None) -> int:
        """Subtract from a counter, otherwise as `incr`."""

    def _adecr(self, key: str, delta: int | None = None, version: Any = None) -> Awaitable[int]: ...
    def get_many(self, keys: Iterable[str], version: Any = None) -> dict[str, Any]:
        """
        Get several values (``MGET``, 500 keys per round trip).

        Returns:
            Those that were found.
        """

    def set_many(self, values: Mapping[str, Any], ttl: _Ttl = ..., version: Any = None) -> list[str]:
        """
        Store several values (a pipeline of ``SET``, at most 500 values or 512 KiB per round trip).

        Returns:
            Keys that could not be stored.
        """

    def delete_many(self, keys: Iterable[str], version: Any = None) -> int | None:
        """
        Delete several values (``UNLINK``).

        Returns:
            How many there were; None when the server is away and this was written down.
        """

    def ttl(self, key: str, version: Any = None) -> int | None:
        """
        Tell how long a value still lives (``PTTL``).

        Returns:
            Seconds, rounded up; None: for ever; 0: there is none.
        """

    def _attl(self, key: str, version: Any = None) -> Awaitable[int | None]: ...
    def pttl(self, key: str, version: Any = None) -> int | None:
        """Tell how long a value still lives, in milliseconds; otherwise as `ttl`."""

    def _apttl(self, key: str, version: Any = None) -> Awaitable[int | None]: ...
    def persist(self, key: str, version: Any = None) -> bool:
        """
        Let a value live for ever (``PERSIST``).

        Returns:
            Whether it had a limited lifetime before.
        """

    def _apersist(self, key: str, version: Any = None) -> Awaitable[bool]: ...
    def delete_pattern(self, pattern: str, version: Any = None, *, itersize: int = ...) -> int | None:
        """
        Delete the keys of this cache that match (``SCAN`` and ``UNLINK``, never ``KEYS``).

        Args:
            pattern: a glob (``* ? [abc] \\``) for the keys without what this cache puts in front. Text of users must be
                escaped, or their ``*`` deletes everything.
            version: key version, where keys have one.
            itersize: keys the server looks at per round trip, 1000 if not given.

        Returns:
            How many there were; None when the server is away and this was written down.
        """

    def _adelete_pattern(self, pattern: str, version: Any = None, *, itersize: int = ...) -> Awaitable[int | None]: ...
    def execute(self, *args: str | bytes | float) -> Any:
        """
        Run any command, with full keys as the server has them.

        Args:
            args: name and arguments of the command. Commands that change the connection (``SELECT``, ``MULTI``,
                ``SUBSCRIBE``, ...) are refused: others use it next. One that blocks for longer than ``timeout``
                (``BLPOP``) fails, and what it would have taken is lost.

        Returns:
            The reply: `bytes`, `int`, `float`, `bool`, `str` (statuses such as ``OK``), `list`, `dict` or None.

        Raises:
            ServerError: the server is away or refuses.
            ConfigError: the command cannot run on a shared connection.
        """

    def _aexecute(self, *args: str | bytes | float) -> Awaitable[Any]: ...
    def make_key(self, key: str, version: Any = None) -> str:
        """Spell the full key, as the server has it."""

    def stats(self) -> dict[str, Any]:
        """
        Tell what this cache did in this process.

        Returns:
            ``hits``, ``misses``, ``hit_rate`` (0 to 1), ``sets``, ``dropped_sets``, ``leases``, ``fills``,
            ``voided_fills``, ``dropped_fills``, ``deletes``, ``round_trips``, ``retries``, ``bytes_in``,
            ``bytes_out``, ``timeouts``; ``errors`` by kind; ``breaker`` (``state``, ``opened``, ``journal``: deletions
            waiting, ``journaled``, ``replayed``); ``pool`` (``max``, ``open``, ``idle``, ``in_use``, ``waiting``,
            ``connects``, ``slot_waits``); ``waiter`` (``"thread"``, or ``"gevent"`` once that has patched `socket`);
            ``staged_wait`` (``enabled``, ``hits``, ``misses``, ``skipped_*``); ``latency`` of round trips (``count``,
            ``sum`` in seconds, ``buckets``: pairs of upper bound in seconds and count, not cumulated; the last bound
            is None and takes the rest); ``memory`` of a ``memory://`` store (``entries``, ``bytes``, ``max_bytes``,
            ``evicted``, ``expired``), else None; ``limits`` by name (as `Limiter.stats` has them).
        """

    def close(self) -> None:
        """Close idle connections; the next call opens new ones."""

    @property
    def is_signing(self) -> bool:
        """Whether values are signed, and bound to their keys."""

    @property
    def _owner(self) -> Owner: ...
    @property
    def _prefix(self) -> str: ...
    @property
    def _database(self) -> str:
        """The server and the number of the database, without credentials."""

    @property
    def _timeout(self) -> float:
        """Seconds for one round trip."""

    def _add_or_get(self, key: str, value: Any, ttl: _Ttl = ..., version: Any = None) -> tuple[Any] | None: ...
    def _aadd_or_get(
        self, key: str, value: Any, ttl: _Ttl = ..., version: Any = None
    ) -> Awaitable[tuple[Any] | None]: ...
    def _aget_many(self, keys: Iterable[str], version: Any = None) -> Awaitable[dict[str, Any]]: ...
    def _aset_many(self, values: Mapping[str, Any], ttl: _Ttl = ..., version: Any = None) -> Awaitable[list[str]]: ...
    def _adelete_many(self, keys: Iterable[str], version: Any = None) -> Awaitable[int | None]: ...
    def _expire_at(self, key: str, at_ms: int, version: Any = None) -> bool: ...
    def _aexpire_at(self, key: str, at_ms: int, version: Any = None) -> Awaitable[bool]: ...
    def _scan(self, place: _Place, pattern: str, itersize: int, version: Any = None) -> tuple[_Place, list[str]]: ...
    def _ascan(
        self, place: _Place, pattern: str, itersize: int, version: Any = None
    ) -> Awaitable[tuple[_Place, list[str]]]: ...
    def _forget_patterns(self, patterns: list[str], version: Any = None) -> int | None:
        """Delete what matches, in one walk; keys that begin with one of ``critical`` only if a pattern names them."""

    def _aforget_patterns(self, patterns: list[str], version: Any = None) -> Awaitable[int | None]:
        """Delete what matches, as `_forget_patterns` does."""

    def _names_critical(self, pattern: str) -> bool:
        """Whether `_forget_patterns` takes critical keys, too, where this pattern matches them."""

    def _spares(self, key: bytes, pattern: str) -> bool:
        """Whether `_forget_patterns` leaves this key of the server alone, though the pattern matches it."""

    def _owns(self, key: bytes) -> bool:
        """Tell whether `_delete_all` deletes this key of the server."""

    def _delete_all(self) -> int | None: ...
    def _adelete_all(self) -> Awaitable[int | None]: ...
    def _lock_acquire(self, key: str, token: bytes, ttl: _Seconds | None, version: Any = None) -> bool: ...
    def _alock_acquire(self, key: str, token: bytes, ttl: _Seconds | None, version: Any = None) -> Awaitable[bool]: ...
    def _lock_release(self, key: str, token: bytes, version: Any = None) -> bool: ...
    def _alock_release(self, key: str, token: bytes, version: Any = None) -> Awaitable[bool]: ...
    def _lock_abandon(self, key: str, token: bytes, version: Any = None) -> bool:
        """Give back what may have been taken, within half a second, or else by the journal; tell whether it was."""

    def _alock_abandon(self, key: str, token: bytes, version: Any = None) -> Awaitable[bool]:
        """Give back what may have been taken, as `_lock_abandon` does, whether or not the result is awaited."""

    def _lock_extend(self, key: str, token: bytes, ttl: _Seconds, version: Any = None) -> bool: ...
    def _alock_extend(self, key: str, token: bytes, ttl: _Seconds, version: Any = None) -> Awaitable[bool]: ...
    def _entry(self, key: str, tags: Iterable[str] | None = None, version: Any = None) -> Entry | None:
        """
        Read an entry (``PTTL``, ``GET``, and ``MGET`` of the records of its tags, in one round trip).

        Args:
            key: of the entry.
            tags: what it depends on, the same names as when its lease was taken, in any order; at most 64.
            version: key version, where keys have one.

        Returns:
            The entry; None when there is none, when it is being computed, was filled under other tags or before one of
            them was forgotten, is damaged, or is covered by a deletion that waits to be replayed.

        Raises:
            ConfigError: the tags are one text, hold something else than texts, or are too many.
        """

    def _aentry(self, key: str, tags: Iterable[str] | None = None, version: Any = None) -> Awaitable[Entry | None]:
        """Read an entry, as `_entry` does."""

    def _peek(self, key: str, version: Any = None) -> Entry | None:
        """
        Look at an entry without using it: whatever became of its tags, and without reading a value in it.

        Returns:
            The entry, in which ``body`` is the bytes of a value; None when there is none, or it cannot be opened.
        """

    def _lease(
        self,
        key: str,
        seconds: _Seconds,
        tags: Iterable[str] | None = None,
        version: Any = None,
        *,
        seen: Entry | None = None,
    ) -> Lease | Entry | float | None:
        """
        Ask for the right to compute an entry.

        Args:
            key: of the entry.
            seconds: for how long others wait for it, or serve what is stale.
            tags: what it will depend on.
            version: key version, where keys have one.
            seen: the stale entry that the caller has; it stays where it is meanwhile.

        Returns:
            A lease: compute, and fill it. An entry: one that the caller has not seen, filled meanwhile; it may be
            stale. A number: somebody else computes, and has so many seconds left, more than 0. None: the server is away
            or refused, or a deletion of the key or of a tag waits to be replayed: compute, and store nothing. No
            `on_error` makes that raise.
        """

    def _alease(
        self,
        key: str,
        seconds: _Seconds,
        tags: Iterable[str] | None = None,
        version: Any = None,
        *,
        seen: Entry | None = None,
    ) -> Awaitable[Lease | Entry | float | None]:
        """Ask for the right to compute an entry, as `_lease` does."""

    def _fill_response(
        self,
        lease: Lease,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        etag: str,
        fresh: _Seconds,
        lifetime: _Seconds,
        age: float = 0.0,
        older_by: float = 0.0,
    ) -> bool:
        """
        Store an answer under its lease.

        Args:
            lease: from `_lease`.
            status: HTTP status code.
            headers: names and values, at most 256.
            body: as it is sent.
            etag: its ``ETag``, or an empty text.
            fresh: seconds of age up to which it is fresh.
            lifetime: seconds until the server drops it.
            age: how old it is already, in seconds.
            older_by: how many seconds before the lease the state of the database may have been read that it was
                computed from. If that is more than 0, it is stored only when nothing it depends on was forgotten since.

        Returns:
            Whether it was stored. If not, somebody deleted the key or forgot a tag meanwhile, the lease had run out and
            was taken by another, or the server is away; ``voided_fills`` and ``dropped_fills`` count which.

        Raises:
            ConfigError: too many headers, or a `lifetime` that is not positive.
            SerializationError: it is longer than ``max_value_bytes``. The lease is still there then: release it.
        """

    def _afill_response(
        self,
        lease: Lease,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        *,
        etag: str,
        fresh: _Seconds,
        lifetime: _Seconds,
        age: float = 0.0,
        older_by: float = 0.0,
    ) -> Awaitable[bool]:
        """Store an answer under its lease, as `_fill_response` does."""

    def _fill_value(
        self, lease: Lease, value: Any, *, fresh: _Seconds, lifetime: _Seconds, older_by: float = 0.0
    ) -> bool:
        """
        Store a value under its lease, otherwise as `_fill_response`.

        Raises:
            SerializationError: the serializer cannot store it, or it is too long. The lease is still there then.
        """

    def _afill_value(
        self, lease: Lease, value: Any, *, fresh: _Seconds, lifetime: _Seconds, older_by: float = 0.0
    ) -> Awaitable[bool]:
        """Store a value under its lease, as `_fill_value` does."""

    def _release(self, lease: Lease) -> bool:
        """
        Give a lease back without a fill. An entry that was stale when it was taken stays.

        Returns:
            Whether it was still ours; False also when the server is away, and then the lease runs out by itself.
        """

    def _arelease(self, lease: Lease) -> Awaitable[bool]:
        """Give a lease back, as `_release` does."""

    def _original(self, key: str, version: Any = None) -> tuple[Any, float] | None:
        """
        Read a value that another program may have stored (``PTTL`` and ``GET``, in one round trip).

        Returns:
            The value, and the seconds that it has left. None when there is none, when it is being computed, is `None`,
            has no lifetime, is damaged, or is covered by a deletion that waits to be replayed.
        """

    def _aoriginal(self, key: str, version: Any = None) -> Awaitable[tuple[Any, float] | None]:
        """Read a value that another program may have stored, as `_original` does."""

    def _lease_original(
        self, key: str, seconds: _Seconds, version: Any = None
    ) -> Lease | tuple[Any, float] | float | None:
        """
        Ask for the right to compute a value that another program reads, and may delete and store as well.

        The lease is a `None` in the value's own key, as the serializer has it: a miss for programs that take `None` for
        one. What they do to the key voids it.

        Returns:
            A lease. Or what `_original` returns: somebody stored it meanwhile; what cannot be read is no such value,
            and is written over. Or a number, or None, as `_lease` does.

        Raises:
            ConfigError: the cache writes neither pickles nor JSON, or signs.
        """

    def _alease_original(
        self, key: str, seconds: _Seconds, version: Any = None
    ) -> Awaitable[Lease | tuple[Any, float] | float | None]:
        """Ask for the right to compute a value that another program reads, as `_lease_original` does."""

    def _fill_original(self, lease: Lease, value: Any, lifetime: _Seconds) -> bool:
        """
        Store a value under the lease that `_lease_original` gave, as `set` would.

        Returns:
            Whether it was stored, as `_fill_response` does.

        Raises:
            SerializationError: the serializer cannot store it, or it is too long. The lease is still there then.
        """

    def _afill_original(self, lease: Lease, value: Any, lifetime: _Seconds) -> Awaitable[bool]:
        """Store a value under its lease, as `_fill_original` does."""

    def _release_original(self, lease: Lease) -> bool:
        """Give a lease of `_lease_original` back; return whether it was still ours."""

    def _arelease_original(self, lease: Lease) -> Awaitable[bool]:
        """Give a lease back, as `_release_original` does."""

    def _forget_tags(self, tags: Iterable[str], version: Any = None) -> int | None:
        """
        Forget every entry that depends on one of these tags, at a cost that does not depend on how many there are.

        Returns:
            How many tags were named; None when the server is away and this was written down.
        """

    def _aforget_tags(self, tags: Iterable[str], version: Any = None) -> Awaitable[int | None]:
        """Forget every entry that depends on one of these tags, as `_forget_tags` does."""

    def _note_forgotten(self, version: Any = None) -> None:
        """
        Note that something is about to be deleted by key or pattern, for fills with `older_by`.

        Call it after the change is committed, and before the deletion: what a loader of an older state stores in
        between is deleted.
        """

    def _anote_forgotten(self, version: Any = None) -> Awaitable[None]:
        """Note that something is about to be deleted, as `_note_forgotten` does."""

    def _postpone(self, keys: Iterable[str], patterns: list[str], version: Any = None) -> None:
        """
        Write down that something is to be deleted, as if `_note_forgotten`, `delete_many` and `_forget_patterns` had
        found the server away. It is not asked; from an embedded store all is deleted at once.
        """

    @staticmethod
    def _sleep(seconds: float) -> None: ...

@final
class Entry:
    """A cached answer or value, as it was read. Its age goes on while it is held."""

    @property
    def status(self) -> int:
        """HTTP status code; 0 of a value."""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Names and values."""

    def by_name(self) -> dict[str, tuple[str, str]]:
        """The headers by their names in lower case, in a dictionary of the caller's own."""

    @property
    def etag(self) -> str:
        """The ``ETag``, or an empty text."""

    @property
    def body(self) -> bytes:
        """The body of an answer."""

    @property
    def value(self) -> Any:
        """The value, an object of its own for each access; None of an answer."""

    @property
    def age(self) -> float:
        """Seconds since it was computed, the way from the server included."""

    @property
    def fresh_for(self) -> float:
        """Seconds until it is stale; negative when it is."""

    @property
    def expires_in(self) -> float:
        """Seconds until the server drops it."""

    @property
    def tags(self) -> tuple[str, ...]:
        """What it depends on, sorted."""

    @property
    def stored_at(self) -> float:
        """When it was stored, in seconds since 1970-01-01 UTC, by the clock of whoever did: for people."""

@final
class Lease:
    """The right to compute an entry, and to fill it."""

    @property
    def key(self) -> str:
        """The key of the entry."""

@final
class Limit:
    """
    So many requests in so long a time: ``Limit("100/minute")``, or ``Limit(100, 60)``.

    Args:
        limit: a text such as ``"5/s"``, ``"100/minute"``, ``"1000/day"`` or ``"20/15 minutes"``; or the number of
            requests.
        period: with a number, the time: seconds or a timedelta, from a millisecond to 366 days.
        name: what it is called in decisions, statistics and keys; at most 64 characters of ASCII, without spaces. Its
            text by default.
        burst: of algorithm ``"gcra"``: how many requests may come at once; as many as the limit has by default, and
            no more than are there again within ten years.
        algorithm: another one than the limiter's.

    Raises:
        ConfigError: a part that cannot be meant; the message names it.
    """

    def __new__(
        cls,
        limit: str | int,
        period: _Seconds | None = None,
        *,
        name: str | None = None,
        burst: int | None = None,
        algorithm: _Algorithm | None = None,
    ) -> Self: ...
    @property
    def count(self) -> int:
        """Requests."""

    @property
    def period(self) -> float:
        """The time, in seconds."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def burst(self) -> int | None:
        """How many requests may come at once, if that was said."""

    @property
    def algorithm(self) -> str | None:
        """Its own algorithm, if it has one."""

@final
class Standing:
    """How things stand for one limit after a call."""

    @property
    def name(self) -> str:
        """What the limit is called."""

    @property
    def limit(self) -> int:
        """Requests that it allows; of ``"gcra"`` at once."""

    @property
    def window(self) -> float:
        """The time in which it allows them, in seconds."""

    @property
    def allowed(self) -> bool:
        """Whether this limit allows the call."""

    @property
    def remaining(self) -> int:
        """Requests that still fit."""

    @property
    def reset_after(self) -> float:
        """Seconds until all of the limit is there again, if nothing else comes."""

@final
class Decision:
    """
    What was decided about a call. In an ``if`` it is true when the call is allowed.

    Of several limits, the numbers are those of the one that refuses for longest, or else of the one that is closest to
    refusing: the one with the fewest requests left.
    """

    def __new__(
        cls,
        *,
        allowed: bool,
        limit: int,
        remaining: int,
        reset_after: float,
        retry_after: float = 0.0,
        violated: Iterable[str] = ...,
    ) -> Self: ...
    @property
    def allowed(self) -> bool:
        """Whether the call may go on."""

    @property
    def limit(self) -> int:
        """Requests that the limit allows; of ``"gcra"`` at once."""

    @property
    def remaining(self) -> int:
        """Requests that still fit after this one."""

    @property
    def reset_after(self) -> float:
        """Seconds until all of the limit is there again, if nothing else comes."""

    @property
    def retry_after(self) -> float:
        """Seconds until the same call is allowed; 0 if it is, infinite if it costs more than the limit ever allows."""

    @property
    def violated(self) -> tuple[str, ...]:
        """The names of the limits that refuse."""

    @property
    def limits(self) -> tuple[Standing, ...]:
        """How things stand for each limit that was asked, in their order."""

    @property
    def _at_us(self) -> int | None:
        """When it was decided, in microseconds of the clock that counted: the server's, or that of this process."""

    def __bool__(self) -> bool: ...

def limits_of(
    limits: str | Limit | Iterable[str | Limit] | Mapping[str, str | Limit],
    algorithm: _Algorithm = ...,
    *,
    cost: int | None = None,
    on_error: Literal["memory", "allow", "deny", "raise"] = ...,
    workers: int = ...,
    max_staleness: _Seconds | None = None,
    max_bytes: int = ...,
    count_refused: bool = False,
    verbatim: bool = False,
) -> tuple[Limit, ...]:
    """
    Return the limits that a `Limiter` of these arguments has, without a cache; `cost` is that of all calls.

    Raises:
        ConfigError: a limit or an option that cannot be meant; the message names it.
    """

@disjoint_base
class Limiter:
    """Use it as `hitrate.RateLimiter`, which has the reference text of the constructor."""

    def __new__(
        cls,
        cache: Client,
        limits: str | Limit | Iterable[str | Limit] | Mapping[str, str | Limit],
        algorithm: _Algorithm = ...,
        *,
        on_error: Literal["memory", "allow", "deny", "raise"] = ...,
        workers: int = ...,
        max_staleness: _Seconds | None = None,
        max_bytes: int = ...,
        count_refused: bool = False,
        verbatim: bool = False,
    ) -> Self: ...
    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits, each with its name and algorithm."""

    def hit(self, key: str | dict[str, str | None], cost: int | None = None) -> Decision:
        """
        Ask whether a call is allowed, and count it if it is.

        All limits are judged in one round trip. If one of them refuses, the call is counted on none.

        Args:
            key: who is limited, for example ``"user:42"``, hashed when longer than 200 bytes; or, by the name of each
                limit, who is limited by it, None where a limit is not about this call.
            cost: requests this call counts as, 1 by default. One that costs more than a limit ever allows is refused,
                with an infinite `retry_after`.

        Returns:
            The decision. Who was refused is refused again without a round trip until his time has come, for at most
            `max_staleness` seconds at a time.

        Raises:
            ConfigError: `key` or `cost` is none.
            ServerError: the server is away, and ``on_error="raise"``.
        """

    def peek(self, key: str | dict[str, str | None], cost: int | None = None) -> Decision:
        """Tell whether a hit would be allowed, without counting it. The server is always asked."""

    def _apeek(self, key: str | dict[str, str | None], cost: int | None = None) -> Awaitable[Decision]: ...
    def reset(self, key: str | dict[str, str | None]) -> bool:
        """
        Forget everything that was counted of somebody.

        Args:
            key: as in `hit`.

        Returns:
            Whether anything was counted; False also when the server is away and this was written down. Other
            processes repeat their refusals for up to `max_staleness` seconds.
        """

    def _areset(self, key: str | dict[str, str | None]) -> Awaitable[bool]: ...
    def stats(self) -> dict[str, Any]:
        """
        Tell what became of calls in this process.

        Returns:
            ``limits``: by name, the calls that were ``allowed``; ``refused`` by this limit; ``refused_locally``, which
            are those of them that were refused without a round trip; decided ``without_server``. ``refusals``: how
            many are remembered. ``memory``: what this process counts by itself, if it ever did.
        """

    def _ahit(self, key: str | dict[str, str | None], cost: int | None = None) -> Awaitable[Decision]: ...

@final
class Pending:
    """One async call on its way; a `Channel` does with it what is done for each call, `hitrate.aio` the rest."""

    @property
    def target(self) -> dict[str, Any]:
        """
        Where and how to connect.

        ``host`` and ``port``, or ``path`` of a unix socket; ``max_connections``; ``idle_timeout`` and ``timeout`` in
        seconds; with TLS ``tls``, a dict of ``ca_file``, ``cert_file``, ``key_file``, ``server_name`` and ``verify``.
        """

    @property
    def owner(self) -> Owner: ...
    @property
    def left(self) -> float:
        """Seconds that are left for this round trip, 0 at least."""

    @property
    def is_exclusive(self) -> bool:
        """Whether it wants a connection for itself: what it is answered may be long, or long in coming."""

    @property
    def must_finish(self) -> bool:
        """Whether it comes to its end although its caller was cancelled: a deletion."""

    def is_over(self) -> bool:
        """Whether nobody waits for it any more."""

    def may_move(self, *, late: bool) -> bool:
        """
        Ask whether it may be sent once more, on another connection; true at most once.

        Args:
            late: the connection before may still be open. Then only a read may: a write could be done there after the
                next one was done elsewhere.
        """

    def prefer(self, line: Channel) -> None:
        """Have the client's next calls in this loop sent over this line, without asking `hitrate.aio`."""

    def reached(self, line: Channel, host: str | None = None, port: int = 0) -> bool:
        """
        Tell that a new line leads to this address, or to a unix socket.

        Returns:
            Whether connections led to another server before.
        """

    def greeting(self, future: Future[None], left: float) -> Pending:
        """Make the greeting for a new connection, with `left` seconds for it; `future` only says that it is over."""

    @property
    def is_refused(self) -> bool:
        """Whether the server, or the way to it, refused this greeting."""

    def adopt(self, greeting: Pending) -> None:
        """Fail as this greeting did."""

    def fail(self, deadline: str | None, cause: str) -> None:
        """
        Fail, because of the way to the server.

        Args:
            deadline: what was waited for when it passed, "slot", "connect" or "greeting"; None for a lost connection.
            cause: why, in words.
        """

    def refuse(self, error: Exception) -> None:
        """Fail with an exception that is the caller's affair."""

    def step(self) -> bool:
        """Run one round trip in the embedded store; true when no other is needed."""

    def finish(self) -> Any:
        """Return the result of a call on an embedded store, or raise."""

@disjoint_base
class Channel:
    """
    One connection of an event loop: what is sent together, who is to get which reply, and until when.

    It is most of an asyncio protocol. `hitrate.aio.connection.Connection` is the rest; it has methods that are called
    from here: `late` after calls passed their deadlines, `broken` when the server sent what is no reply or nobody's,
    `outdated` when it became a replica, and `changed` after answers while the line is taken, retired or watched.

    Args:
        running: the event loop it lives in.
        pending: the call for which it is opened.
    """

    def __new__(cls, running: AbstractEventLoop, pending: Pending) -> Self: ...
    def attach(self, write: Callable[[bytes], Any] | None) -> None:
        """Tell how to write, or (None) that the transport is gone."""

    def greeted(self) -> None:
        """Tell that the server was greeted, and takes calls."""

    def retire(self) -> None:
        """Take no new calls."""

    def reserve(self, is_taken: bool) -> None:
        """Keep it for one call, or no longer."""

    def watch(self, is_watched: bool) -> None:
        """Tell whether somebody waits for room."""

    @property
    def is_taken(self) -> bool: ...
    @property
    def is_retired(self) -> bool: ...
    @property
    def has_room(self) -> bool: ...
    @property
    def has_served(self) -> bool:
        """Whether it has answered a call, the greeting aside."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way over it."""

    @property
    def is_stale(self) -> bool:
        """Whether it was idle for longer than ``idle_timeout``."""

    @property
    def is_deserted(self) -> bool:
        """Whether nobody waits for anything that comes over it."""

    def send(self, pending: Pending) -> None:
        """Send a call, whether or not there is room."""

    def flush(self) -> None:
        """Write what was gathered in this turn of the loop."""

    def data_received(self, data: bytes) -> None:
        """Give replies to whoever waits for them."""

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def expire(self) -> None:
        """Fail the calls whose deadlines have passed."""

    def waiting(self) -> list[Pending]:
        """List the calls that somebody waits for, the first of them first."""

    def disown(self, pending: Pending) -> None:
        """Throw away the reply to a call that was sent elsewhere."""

    def abandon(self) -> list[Pending]:
        """Give back the calls that somebody waits for: they have no way any more."""

@final
class Owner:
    """Lives as long as a client; the pools of event loops hang on it."""

@final
class Bell:
    """Wakes the greenlets of one gevent hub, from any thread; `hitrate.greenlets` listens for it. Not on Windows."""

    def __new__(cls) -> Self: ...
    def fileno(self) -> int: ...
    def answer(self) -> list[int]: ...

@final
class Proxies:
    """
    The proxies that are believed when they say for whom they ask; use it as `hitrate.http.client_address`.

    Args:
        networks: such as ``"10.0.0.0/8"``, or ``"unix"`` for whoever connects to a Unix socket.

    Raises:
        ConfigError: a text is no network.
    """

    def __new__(cls, networks: list[str]) -> Self: ...
    def client(
        self,
        peer: str | None,
        forwarded: str | None,
        x_forwarded_for: str | None,
        *,
        header: Literal["forwarded", "x-forwarded-for"] | None = None,
        ipv6_prefix: int = 128,
    ) -> str | None:
        """
        Find the address of the client.

        Args:
            peer: the address of whoever connected; empty or None at a Unix socket.
            forwarded: value of ``Forwarded``.
            x_forwarded_for: value of ``X-Forwarded-For``.
            header: the only one that is looked at.
            ipv6_prefix: bits that are kept of an IPv6 address.

        Raises:
            ConfigError: `header` is unknown.
        """

@final
class PairsLayout:
    """
    A layout of keys that end in parameters, sorted by name: ``prefix:name=value&name=value``, or a digest of that.

    Args:
        between: stands between name and value.
        separator: stands between parameters. Nothing is escaped.
        shows: what stands behind the prefix: the ``"pairs"``, the MD5 ``"digest"`` of their text, or ``"both"``.
        digits: hex digits of the digest, up to 32.
        empty: stands for the pairs when no parameter counts; None: then the prefix is the key.
        keep_none: parameters that are None count, too, as ``None``.
        formatted: values become text as in an f-string, not by ``str()``: classes may have a ``__format__``.

    Raises:
        ConfigError: an unknown `shows`.
    """

    def __new__(
        cls,
        between: str,
        separator: str,
        *,
        shows: Literal["pairs", "digest", "both"],
        digits: int = 8,
        empty: str | None = None,
        keep_none: bool = False,
        formatted: bool = False,
    ) -> Self: ...
    def key(self, prefix: str, params: dict[str, Any]) -> str:
        """
        Build a key.

        Args:
            prefix: first part, followed by a colon.
            params: by name.

        Raises:
            TypeError: the prefix or a name is no text.
            UnicodeEncodeError: a digest of a lone surrogate.
        """
    def function(self, like: _Function, *, scope: str | None = None) -> _Function:
        """
        Make a native function that builds keys of its keyword arguments, in half the time of one in Python.

        Args:
            like: a function ``(prefix, **params)`` that gives name, arguments and docstring; its body never runs.
            scope: then it is ``(prefix, value=None, **params)``; unless false, ``{scope}:{value}:`` stands in front.

        Returns:
            The function. It raises what `key` raises.

        Raises:
            ConfigError: `like` has other arguments.
        """

def sorted_json(value: Any, default_str: bool = False) -> str:
    """
    Write JSON exactly as ``json.dumps(value, sort_keys=True)`` does.

    Args:
        value: anything that `json` takes.
        default_str: with ``default=str``: write what JSON cannot hold as text.

    Raises:
        TypeError: a value that JSON cannot hold, or names of different kinds.
        ValueError: a value that contains itself.
        RecursionError: a value too deep for Python.
    """

def load_plain_pickle(data: bytes, /) -> Any:
    """
    Make the value of a pickle of plain types, protocols 2 to 5, as caches do for themselves. For tests and
    measurements.

    Raises:
        ValueError: it is no such pickle. `pickle.loads` reads it, or knows what is wrong with it.
    """

def md5_hex(text: str, digits: int = 32) -> str:
    """
    Make the first `digits` hex digits of the MD5 of the text in UTF-8. Key layouts ask for it; it protects nothing.

    Raises:
        UnicodeEncodeError: a lone surrogate.
    """

def sha256_hex(text: str, digits: int = 64) -> str:
    """
    Make the first `digits` hex digits of the SHA-256 of the text in UTF-8.

    Raises:
        UnicodeEncodeError: a lone surrogate.
    """

def escape_glob(text: str) -> str:
    """
    Write a text as a pattern that matches it alone: ``* ? [ ] \\`` lose their meaning.

    ``^`` and ``-`` mean something within brackets only, which the result does not open.
    """

def glob_matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern (``* ? [abc] [a-z] [^a] \\``) covers a text, by the rules of the server."""

def normalise_query(query: str) -> str:
    """
    Write a query string as ``QueryDict(query).urlencode()`` does: names by first appearance, each with all its values.

    Raises:
        UnicodeEncodeError: a lone surrogate.
    """

def last_values(query: str) -> dict[str, str]:
    """
    Read a query string as ``QueryDict(query).dict()`` does: of a repeated name, the last value.

    Raises:
        UnicodeEncodeError: a lone surrogate.
    """
