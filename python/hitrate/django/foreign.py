"""
What the OPTIONS of django-redis and of Django's own Redis backend mean here: one table.

Each option is understood (it becomes an option of ours), harmless (nothing here depends on it) or refused with advice.
Names in capitals are django-redis's; those in small letters are arguments of redis-py's connections, which Django's
backend takes among its OPTIONS and django-redis in ``CONNECTION_POOL_KWARGS`` and ``REDIS_CLIENT_KWARGS``.
"""

from __future__ import annotations

import pickle
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string

from hitrate.django.problems import Problem

# Either an option of ours and its value, or what is wrong with the one given.
Meaning = tuple[str, Any] | Problem
Rule = Callable[[str, Any], Iterator[Meaning]]

CLIENT_CLASSES = ("django_redis.client.DefaultClient", "django_redis.client.default.DefaultClient")
FACTORIES = ("django_redis.pool.ConnectionFactory",)
POOLS = tuple(
    f"redis.{place}{kind}"
    for place in ("", "connection.", "asyncio.", "asyncio.connection.")
    for kind in ("ConnectionPool", "BlockingConnectionPool")
)
REDIS_CLASSES = ("redis.Redis", "redis.StrictRedis", "redis.client.Redis", "redis.client.StrictRedis")
PICKLERS = (
    "pickle",
    "django_redis.serializers.pickle.PickleSerializer",
    "django.core.cache.backends.redis.RedisSerializer",
)
JSONER = "django_redis.serializers.json.JSONSerializer"
MSGPACKERS = ("msgpack", "django_redis.serializers.msgpack.MSGPackSerializer")
NO_COMPRESSORS = ("", "django_redis.compressors.identity.IdentityCompressor")
COMPRESSORS = {
    "django_redis.compressors.zlib.ZlibCompressor": "zlib",
    "django_redis.compressors.gzip.GzipCompressor": "gzip",
    "django_redis.compressors.lzma.LzmaCompressor": "lzma",
    "django_redis.compressors.lz4.Lz4Compressor": "lz4",
    "django_redis.compressors.zstd.ZStdCompressor": "zstd",
}

NO_SENTINEL = "Sentinel is not in this release: keep django-redis for this cache, or name one server"
OTHER_COMPRESSION = (
    "use 'zlib', 'gzip', 'lzma', 'lz4' or 'zstd', or a class of django-redis with another 'min_length' or 'preset'; "
    "one that does something else can be called by a serializer of your own"
)
OTHER_SERIALIZER = "use 'pickle', 'json', 'msgpack', or the dotted path of a class with dumps() and loads()"
OWN_POOL = "remove it: hitrate has a connection pool of its own, sized by 'MAX_CONNECTIONS'"
OWN_CLIENT = "remove it: get_redis_connection() gives hitrate's own raw client"
OWN_TLS = "use 'TLS_CA_FILE', 'TLS_CERT_FILE' and 'TLS_KEY_FILE' with files in PEM form; TLS 1.2 and 1.3 are spoken"


def path_of(value: Any) -> str:
    """Return the dotted path of a class, an instance, or a path that is one already."""
    if isinstance(value, str):
        return value
    found = value if isinstance(value, type) else type(value)
    return f"{found.__module__}.{found.__qualname__}"


def means(ours: str, *, silent: tuple[Any, ...] = (None, "")) -> Rule:
    """Take the value as it is for an option of ours; the `silent` ones say nothing, as with redis-py."""

    def rule(_name: str, value: Any) -> Iterator[Meaning]:
        if value not in silent:
            yield ours, value

    return rule


def nothing(_name: str, _value: Any) -> Iterator[Meaning]:
    """Ignore it, for nothing here depends on it."""
    yield from ()


def refused(code: str, hint: str) -> Rule:
    """Refuse it if it is set at all."""

    def rule(name: str, value: Any) -> Iterator[Meaning]:
        if value not in (None, "", False):
            yield Problem(code, f"option '{name}' is not supported", hint)

    return rule


def only(harmless: tuple[str, ...], code: str, hint: str) -> Rule:
    """Ignore the classes that do what we do, and refuse others: what they change would be lost."""

    def rule(name: str, value: Any) -> Iterator[Meaning]:
        if value is not None and path_of(value) not in harmless:
            yield Problem(code, f"option '{name}' is '{path_of(value)}', which is not supported", hint)

    return rule


def client_class(name: str, value: Any) -> Iterator[Meaning]:
    """Refuse clients that talk to several servers or change what is stored."""
    path = path_of(value)
    if path in CLIENT_CLASSES:
        return
    hints = {
        "SentinelClient": NO_SENTINEL,
        "ShardClient": "name one server; sharding by the client is not supported",
        "HerdClient": "remove it: Django's default client stores the same values without the herd timer",
    }
    hint = hints.get(path.rpartition(".")[2], "remove it: hitrate is the client, and no other can be put into it")
    yield Problem("E004", f"option '{name}' is '{path}', which is not supported", hint)


SERIALIZERS = ("SERIALIZER", "serializer")


def serializer(name: str, value: Any, options: Mapping[str, Any]) -> Iterator[Meaning]:
    """
    Know those of django-redis and Django by name, and make any other as its backend would.

    Args:
        name: ``SERIALIZER`` is django-redis's, made with all options; ``serializer`` is Django's, made with none.
        value: a dotted path, a class or an object.
        options: ``OPTIONS`` of the cache.
    """
    path = path_of(value)
    if path in PICKLERS:
        yield "serializer", "pickle"
    elif path in MSGPACKERS:
        yield "serializer", "msgpack"
    elif path in {"json", JSONER}:
        yield "serializer", "json"
        if path == JSONER:
            # It writes dates, decimals and the like as texts.
            yield "json_default", DjangoJSONEncoder().default
    else:
        yield from _own_serializer(name, value, options)


def _own_serializer(name: str, value: Any, options: Mapping[str, Any]) -> Iterator[Meaning]:
    text = f"option '{name}' is '{path_of(value)}', which "
    try:
        found = import_string(value) if isinstance(value, str) else value
    except ImportError:
        yield Problem("E005", f"{text}cannot be imported", OTHER_SERIALIZER)
        return
    if callable(found):
        found = found(options=options) if name == "SERIALIZER" else found()
    if callable(getattr(found, "dumps", None)) and callable(getattr(found, "loads", None)):
        yield "serializer", found
    else:
        yield Problem("E005", f"{text}has no dumps() and loads()", OTHER_SERIALIZER)


def compressor(name: str, value: Any) -> Iterator[Meaning]:
    """Know those of django-redis by name, and classes made from them that change a threshold or a level."""
    path = path_of(value) if value is not None else ""
    if path in NO_COMPRESSORS:
        return
    if path in COMPRESSORS.values():
        yield "compressor", path
        return
    try:
        found = value if path in COMPRESSORS or not isinstance(value, str) else import_string(value)
    except ImportError:
        yield Problem("E006", f"option '{name}' is '{path}', which cannot be imported", OTHER_COMPRESSION)
        return
    bases = found.__mro__ if isinstance(found, type) else [found]
    known = next((base for base in bases if path_of(base) in COMPRESSORS), None)
    if known is None or any(
        getattr(found, verb, 0) is not getattr(known, verb, 0) for verb in ("compress", "decompress")
    ):
        yield Problem("E006", f"option '{name}' is '{path}', which is not supported", OTHER_COMPRESSION)
        return
    yield "compressor", COMPRESSORS[path_of(known)]
    if found is not known:
        # Longer ones than this are compressed.
        yield "compress_min_bytes", found.min_length + 1
        if hasattr(found, "preset"):
            yield "compress_level", found.preset


def pickle_version(name: str, value: Any) -> Iterator[Meaning]:
    """Take a protocol number, as an integer or its text; negative ones mean the highest, as for `pickle.dumps`."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        yield Problem("E009", f"option '{name}' is no integer", f"use a number from 0 to {pickle.HIGHEST_PROTOCOL}")
    else:
        yield "pickle_protocol", number if number >= 0 else pickle.HIGHEST_PROTOCOL


def socket_timeout(_name: str, value: Any) -> Iterator[Meaning]:
    """Use it as the deadline; None and 0 mean "not set", and there is no waiting without a deadline."""
    if value:
        yield "timeout", value


def ignore_exceptions(_name: str, value: Any) -> Iterator[Meaning]:
    """True keeps every failure from the caller; False, if somebody wrote it, lets all of them through."""
    if value is not None:
        yield "on_error", "ignore" if value else "raise"


def certificate(name: str, value: Any) -> Iterator[Meaning]:
    """Whether the server's certificate is checked; towards a server "optional" is the same as "required"."""
    if value in (None, "none", ssl.CERT_NONE):
        yield "tls_verify", False
    elif value in ("optional", "required", ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED):
        yield "tls_verify", True
    else:
        yield Problem("E008", f"option '{name}' has an unknown value", "use 'required' or 'none'")


def check_hostname(name: str, value: Any) -> Iterator[Meaning]:
    """Allow True only: whoever needs another name than the host's can say which."""
    if not value:
        hint = "remove it, and give the name that stands in the certificate as 'TLS_SERVER_NAME'"
        yield Problem("E008", f"option '{name}' is False, which is not supported", hint)


def decoded_replies(name: str, value: Any) -> Iterator[Meaning]:
    """Say that replies of the raw client are bytes in any case."""
    if value:
        hint = "remove it; values of the cache need none, and for raw replies call decode() on the result"
        yield Problem("W005", f"option '{name}' has no effect: raw replies are bytes", hint)


def encoding(name: str, value: Any) -> Iterator[Meaning]:
    """Allow UTF-8 only."""
    if value is not None and str(value).lower().replace("_", "-") not in ("utf-8", "utf8"):
        text = f"option '{name}' is '{value}', which is not supported"
        yield Problem("E010", text, "remove it: text is sent as UTF-8")


CONNECTION: Mapping[str, Rule] = {
    "max_connections": means("max_connections"),
    "socket_timeout": socket_timeout,
    "username": means("username"),
    "password": means("password"),
    "db": means("db"),
    "client_name": means("client_name"),
    "protocol": means("protocol"),
    "ssl_cert_reqs": certificate,
    "ssl_ca_certs": means("tls_ca_file"),
    "ssl_certfile": means("tls_cert_file"),
    "ssl_keyfile": means("tls_key_file"),
    "ssl_check_hostname": check_hostname,
    "decode_responses": decoded_replies,
    "encoding": encoding,
    "ssl": refused("E008", "give a URL that begins with 'rediss://' instead"),
    **dict.fromkeys(
        (
            "ssl_ca_data",
            "ssl_ca_path",
            "ssl_ciphers",
            "ssl_exclude_verify_flags",
            "ssl_include_verify_flags",
            "ssl_min_version",
            "ssl_ocsp_context",
            "ssl_ocsp_expected_cert",
            "ssl_password",
            "ssl_validate_ocsp",
            "ssl_validate_ocsp_stapled",
        ),
        refused("E008", OWN_TLS),
    ),
    **dict.fromkeys(
        ("connection_class", "credential_provider", "redis_connect_func"),
        refused("E010", "give user and password in the URL, or as 'USERNAME' and 'PASSWORD'"),
    ),
    **dict.fromkeys(
        (
            "cache",
            "cache_config",
            "cache_factory",
            "command_packer",
            "driver_info",
            "encoding_errors",
            "event_dispatcher",
            "health_check_interval",  # an idle connection is checked before it is used again
            "host",  # the URL says where
            "legacy_responses",
            "lib_name",
            "lib_version",
            "maint_notifications_config",
            "parser_class",
            "path",
            "port",
            "queue_class",
            "retry",  # a lost connection is retried once where that is safe, within the deadline
            "retry_on_error",
            "retry_on_timeout",
            "single_connection_client",
            "socket_connect_timeout",  # the deadline covers connecting
            "socket_keepalive",
            "socket_keepalive_options",
            "socket_read_size",
            "socket_type",
            "timeout",  # of BlockingConnectionPool: the deadline covers waiting for a connection
            "unix_socket_path",
        ),
        nothing,
    ),
}


def connection_options(name: str, value: Any) -> Iterator[Meaning]:
    """Read a mapping of arguments of redis-py's connections."""
    for inner, given in (value or {}).items():
        rule = CONNECTION.get(inner)
        if rule is None:
            yield Problem.unknown(f"{name}['{inner}']", inner, CONNECTION)
        else:
            yield from rule(inner, given)


FOREIGN: Mapping[str, Rule] = {
    **CONNECTION,
    "CLIENT_CLASS": client_class,
    "CONNECTION_FACTORY": only(FACTORIES, "E004", OWN_POOL),
    "CONNECTION_POOL_CLASS": only(POOLS, "E004", OWN_POOL),
    "pool_class": only(POOLS, "E004", OWN_POOL),
    "REDIS_CLIENT_CLASS": only(REDIS_CLASSES, "E004", OWN_CLIENT),
    "CONNECTION_POOL_KWARGS": connection_options,
    "REDIS_CLIENT_KWARGS": connection_options,
    "USERNAME": means("username"),
    "PASSWORD": means("password"),
    "DB": means("db"),
    "SOCKET_TIMEOUT": socket_timeout,
    "COMPRESSOR": compressor,
    "PICKLE_VERSION": pickle_version,
    "IGNORE_EXCEPTIONS": ignore_exceptions,
    "SENTINELS": refused("E004", NO_SENTINEL),
    "SENTINEL_KWARGS": refused("E004", NO_SENTINEL),
    **dict.fromkeys(
        (
            "CLOSE_CONNECTION",  # connections stay open between requests
            "CULL_FREQUENCY",  # the server evicts, by its maxmemory-policy
            "LOG_IGNORED_EXCEPTIONS",  # each change of state is logged once, always
            "MAX_ENTRIES",
            "PARSER_CLASS",
            "REPLICA_READ_ONLY",
            "SOCKET_CONNECT_TIMEOUT",
        ),
        nothing,
    ),
}
