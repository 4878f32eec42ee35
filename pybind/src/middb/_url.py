"""Where to connect and how: addresses such as middb://user@host:7878,host2:7878/keyspace?tls=verify-full."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Set, Tuple, Union
from urllib.parse import unquote

from ._codes import InvalidArgumentError
from ._types import Seconds, to_name, to_seconds

DEFAULT_PORT = 7878
DEFAULT_URL = "middb://127.0.0.1:7878"

# Seconds that it may take to connect to one server and to log in; then the next one is tried.
CONNECT_TIMEOUT = 5.0

# An address: a host and a port, or the path of a Unix socket.
Endpoint = Union[Tuple[str, int], str]


@dataclass(frozen=True)
class Target:
    """Everything that a client needs to know before it connects."""

    endpoints: Tuple[Endpoint, ...] = (("127.0.0.1", DEFAULT_PORT),)
    user: Optional[str] = None
    password: Optional[str] = None
    keyspace: str = ""
    tls: str = "disable"  # or require: with ca, whose certificate it is does not matter; or verify-full
    ca: Optional[str] = None
    cert: Optional[str] = None
    key: Optional[str] = None
    server_name: Optional[str] = None
    durability: Optional[str] = None
    timeout: float = 30.0
    pool: Optional[int] = None
    compress: bool = False
    ssl_context: Optional[ssl.SSLContext] = None

    def __repr__(self) -> str:
        return f"<middb target {self.names()}>"

    def names(self) -> str:
        """Returns the addresses, for people. They hold no password."""
        return ", ".join(name(e) for e in self.endpoints)

    def context(self) -> Optional[ssl.SSLContext]:
        """Returns what TLS needs, or None without it."""
        if self.ssl_context is not None:
            return self.ssl_context
        if self.tls == "disable":
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.tls == "require":
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE if self.ca is None else ssl.CERT_REQUIRED
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key)
        except (OSError, ValueError) as e:
            files = ", ".join(f for f in (self.ca, self.cert, self.key) if f)
            raise InvalidArgumentError(f"the certificates cannot be used ({files}): {e}") from e
        return context


def name(endpoint: Endpoint) -> str:
    """Returns an address for people."""
    if isinstance(endpoint, str):
        return endpoint
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse(url: str) -> Target:
    """Returns what a URL says, as docs/decisions/0032-one-grammar-of-urls.md has it. Errors never show what may be a
    part of a password."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in {"middb", "unix"}:
        raise InvalidArgumentError("a URL begins with middb:// or unix://", hint=f"such as {DEFAULT_URL}")
    try:
        return _parse(scheme, rest)
    except InvalidArgumentError:
        if "@" not in rest[re.match("[^/?]*", rest).end() :]:  # type: ignore[union-attr]
            raise
    # It may be that of a password with a / or ? in it, and everything after that a part of the password.
    raise InvalidArgumentError(
        "the URL cannot be read, and has an @ after its first / or ?",
        hint="in a password / ? and @ are written %2F %3F and %40",
    )


def _parse(scheme: str, rest: str) -> Target:
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    login, at, hosts = authority.rpartition("@")
    target = Target()
    if at:
        user, colon, password = login.partition(":")
        target = _set_user(target, _decode("user", user))
        target = replace(target, password=_decode("password", password) if colon else None)
    if scheme == "middb":
        target = replace(target, endpoints=tuple(_parse_host(h) for h in hosts.split(",")))
        if "/" in path:
            raise InvalidArgumentError("a URL has one keyspace after the hosts", hint="write / in its name as %2F")
        target = replace(target, keyspace=_decode("keyspace", path))
    elif hosts or not path:
        raise InvalidArgumentError("the path of a Unix socket is missing, or does not begin with /", hint=_UNIX)
    else:
        target = replace(target, endpoints=(_decode("path", slash + path),))
    return _check_tls(_parse_query(target, query))


_UNIX = "such as unix:///run/middb.sock"


def _decode(part: str, text: str) -> str:
    """Returns a part of a URL as it is meant."""
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise InvalidArgumentError(
            f"in the {part} of the URL a % is not followed by two hexadecimal digits", hint="a % itself is written %25"
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"the {part} of the URL is not UTF-8") from None


_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::([^:]*))?")


def _parse_host(text: str) -> Endpoint:
    match = _HOST.fullmatch(text)
    if match is None:
        raise InvalidArgumentError(
            "a host of the URL is missing, or is none",
            hint="such as localhost:7878, or with an IPv6 address [::1]:7878",
        )
    v6, host, port = match.groups()
    if port is not None and (re.fullmatch("[0-9]{1,5}", port) is None or not 0 < int(port) < 65536):
        raise InvalidArgumentError("the port of a host of the URL is no number from 1 to 65535")
    return (v6 or host, DEFAULT_PORT if port is None else int(port))


def _parse_query(target: Target, query: str) -> Target:
    known: Set[str] = set()
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if not pair:
            continue
        key, value = (_decode("settings", text.replace("+", " ")) for text in (key, value))
        setting = _SETTINGS.get(key)
        if setting is None:
            raise InvalidArgumentError(f"a URL has no setting {key!r}", hint="known are " + ", ".join(_SETTINGS))
        if key in known:
            raise InvalidArgumentError(f"the URL says {key} more than once")
        known.add(key)
        target = setting(target, value)
    if "tls" not in known and _tls_details(target):
        target = replace(target, tls="verify-full")
    return target


def _tls_details(target: Target) -> bool:
    return bool(target.ca or target.cert or target.key or target.server_name)


def _check_tls(target: Target) -> Target:
    if bool(target.cert) != bool(target.key):
        raise InvalidArgumentError("cert and key go together")
    if target.tls == "disable" and _tls_details(target):
        raise InvalidArgumentError("with tls=disable, there is no use for ca, cert, key and server_name")
    if target.tls != "disable" and isinstance(target.endpoints[0], str):
        raise InvalidArgumentError("a Unix socket has no TLS", hint="leave tls, ca, cert, key and server_name out")
    return target


def _set_user(target: Target, user: str) -> Target:
    if not user:
        raise InvalidArgumentError("the user in the URL has no name")
    return replace(target, user=_same("user", target.user, user))


def _same(key: str, before: Optional[str], value: str) -> str:
    if before not in {None, "", value}:
        raise InvalidArgumentError(f"the URL says {key} before and after its ?, and not the same")
    return value


def _choice(key: str, value: str, choices: Dict[str, str]) -> str:
    if value not in choices:
        raise InvalidArgumentError(f"{key} cannot be {value!r}", hint="it is one of " + ", ".join(choices))
    return choices[value]


_TLS = {
    "disable": "disable", "require": "require", "verify-full": "verify-full",
    "1": "verify-full", "true": "verify-full", "0": "disable", "false": "disable",
}  # fmt: skip
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"(\d+\.?\d*|\.\d+)"
_DURATION = re.compile(_NUMBER + "(ns|us|µs|ms|s|m|h)", re.ASCII)

# What sockets can wait for is a little less than a month.
LONGEST_TIMEOUT = 1e6


def check_timeout(seconds: float) -> float:
    """Returns a timeout, in seconds, that sockets can have."""
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise InvalidArgumentError(
            f"timeout cannot be {seconds:g} s; it is more than 0 and at most {LONGEST_TIMEOUT:g}"
        )
    return seconds


def parse_duration(text: str) -> float:
    """Returns the seconds of 5, 5s, 500ms, or 1m30s."""
    if re.fullmatch(_NUMBER, text, re.ASCII):
        return check_timeout(float(text))
    parts: List[Tuple[str, str]] = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise InvalidArgumentError(f"timeout cannot be {text!r}", hint="it is written as 5, 5s, 500ms or 1m30s")
    return check_timeout(sum(float(n) * _UNITS[u] for n, u in parts))


def _parse_count(key: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 4096:
        raise InvalidArgumentError(f"{key} cannot be {text!r}", hint="it is a number from 1 to 4096")
    return int(text)


_SETTINGS: Dict[str, Callable[[Target, str], Target]] = {
    "tls": lambda t, v: replace(t, tls=_choice("tls", v.lower(), _TLS)),
    "ca": lambda t, v: replace(t, ca=v or None),
    "cert": lambda t, v: replace(t, cert=v or None),
    "key": lambda t, v: replace(t, key=v or None),
    "server_name": lambda t, v: replace(t, server_name=v or None),
    "user": _set_user,
    "keyspace": lambda t, v: replace(t, keyspace=_same("keyspace", t.keyspace, v)),
    "durability": lambda t, v: replace(t, durability=_choice("durability", v, {"sync": "sync", "nosync": "nosync"})),
    "timeout": lambda t, v: replace(t, timeout=parse_duration(v)),
    "pool": lambda t, v: replace(t, pool=_parse_count("pool", v)),
    "compress": lambda t, v: replace(t, compress=_choice("compress", v, {"zlib": "1", "none": ""}) == "1"),
}


def with_arguments(
    target: Target,
    *,
    user: Optional[str] = None,
    password: Optional[str] = None,
    keyspace: Optional[str] = None,
    timeout: Optional[Seconds] = None,
    pool: Optional[int] = None,
    durability: Optional[str] = None,
    compress: Optional[bool] = None,
    ssl_context: Optional[ssl.SSLContext] = None,
) -> Target:
    """Returns the target with the arguments that are given."""
    if pool is not None and pool < 1:
        raise InvalidArgumentError(f"pool cannot be {pool}; it is at least 1")
    if durability not in {None, "sync", "nosync"}:
        raise InvalidArgumentError(f"durability cannot be {durability!r}; it is 'sync' or 'nosync'")
    return replace(
        target,
        user=target.user if user is None else user,
        password=target.password if password is None else password,
        keyspace=target.keyspace if keyspace is None else to_name(keyspace),
        timeout=target.timeout if timeout is None else check_timeout(to_seconds(timeout)),
        pool=target.pool if pool is None else pool,
        durability=target.durability if durability is None else durability,
        compress=target.compress if compress is None else compress,
        ssl_context=target.ssl_context if ssl_context is None else ssl_context,
    )
