"""Where to connect and how: addresses such as middb://user@host:7878,host2:7878/keyspace?tls=verify-full."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Tuple, Union
from urllib.parse import parse_qsl, unquote

from ._codes import InvalidArgumentError
from ._types import Seconds, to_seconds

DEFAULT_PORT = 7878
DEFAULT_URL = "middb://127.0.0.1:7878"

# An address: a host and a port, or the path of a Unix socket.
Endpoint = Union[Tuple[str, int], str]


@dataclass(frozen=True)
class Target:
    """Everything that a client needs to know before it connects."""

    endpoints: Tuple[Endpoint, ...] = (("127.0.0.1", DEFAULT_PORT),)
    user: Optional[str] = None
    password: Optional[str] = None
    keyspace: str = ""
    tls: str = "disable"  # or require, or verify-full
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
                context.verify_mode = ssl.CERT_NONE
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
    """Returns what a URL says. Errors never show it: it may hold a password."""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme not in {"middb", "unix", "middb+unix"}:
        raise InvalidArgumentError("a URL begins with middb:// or unix://", hint=f"such as {DEFAULT_URL}")
    rest, _, query = rest.partition("?")
    if scheme == "middb":
        target = _parse_network(rest)
    else:
        if not rest.startswith("/"):
            raise InvalidArgumentError("the path of a Unix socket begins with /", hint="such as unix:///run/middb.sock")
        target = Target(endpoints=(unquote(rest),))
    return _parse_query(target, query)


def _parse_network(rest: str) -> Target:
    authority, _, keyspace = rest.partition("/")
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    if "/" in keyspace:
        raise InvalidArgumentError("a URL has one keyspace after the hosts; write / in its name as %2F")
    return Target(
        endpoints=tuple(_parse_host(h) for h in hosts.split(",")) if hosts else Target.endpoints,
        user=unquote(user) if at and user else None,
        password=unquote(password) if colon else None,
        keyspace=unquote(keyspace),
    )


_HOST = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]*))(?::(\d{1,5}))?")


def _parse_host(text: str) -> Endpoint:
    if text[:3].upper() == "%2F":
        return unquote(text)
    match = _HOST.fullmatch(text)
    port = int(match.group(3) or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InvalidArgumentError(f"{text!r} is no host or host:port", hint="an IPv6 address stands in [ ]")
    return (match.group(1) or unquote(match.group(2)) or "127.0.0.1", port)


def _parse_query(target: Target, query: str) -> Target:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError as e:
        raise InvalidArgumentError("what follows the ? in a URL is key=value&key=value") from e
    for key, value in pairs:
        setting = _SETTINGS.get(key)
        if setting is None:
            raise InvalidArgumentError(f"a URL has no setting {key!r}", hint="known are " + ", ".join(_SETTINGS))
        target = setting(target, value)
    if (target.cert is None) != (target.key is None):
        raise InvalidArgumentError("cert and key go together")
    if target.tls == "disable" and (target.ca or target.cert):
        target = replace(target, tls="verify-full")
    return target


def _choice(key: str, value: str, choices: Dict[str, str]) -> str:
    if value not in choices:
        raise InvalidArgumentError(f"{key} cannot be {value!r}", hint="it is one of " + ", ".join(choices))
    return choices[value]


_TLS = {
    "disable": "disable", "require": "require", "verify-full": "verify-full",
    "1": "verify-full", "true": "verify-full", "0": "disable", "false": "disable",
}  # fmt: skip
_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|s|m|h|)")


def parse_duration(key: str, text: str) -> float:
    """Returns the seconds of 5s, 500ms, 1m30s, or 5."""
    parts: List[Tuple[str, str]] = _DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise InvalidArgumentError(f"{key} cannot be {text!r}", hint="a time is written as 5s, 500ms or 1m30s")
    return sum(float(n) * _UNITS[u] for n, u in parts)


def _parse_count(key: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 4096:
        raise InvalidArgumentError(f"{key} cannot be {text!r}", hint="it is a number from 1 to 4096")
    return int(text)


_SETTINGS: Dict[str, Callable[[Target, str], Target]] = {
    "keyspace": lambda t, v: replace(t, keyspace=v),
    "user": lambda t, v: replace(t, user=v),
    "tls": lambda t, v: replace(t, tls=_choice("tls", v, _TLS)),
    "ca": lambda t, v: replace(t, ca=v),
    "cert": lambda t, v: replace(t, cert=v),
    "key": lambda t, v: replace(t, key=v),
    "server_name": lambda t, v: replace(t, server_name=v),
    "durability": lambda t, v: replace(t, durability=_choice("durability", v, {"sync": "sync", "nosync": "nosync"})),
    "timeout": lambda t, v: replace(t, timeout=parse_duration("timeout", v)),
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
    if timeout is not None and to_seconds(timeout) <= 0:
        raise InvalidArgumentError(f"timeout cannot be {timeout}; it is more than 0 seconds")
    if pool is not None and pool < 1:
        raise InvalidArgumentError(f"pool cannot be {pool}; it is at least 1")
    if durability not in {None, "sync", "nosync"}:
        raise InvalidArgumentError(f"durability cannot be {durability!r}; it is 'sync' or 'nosync'")
    return replace(
        target,
        user=target.user if user is None else user,
        password=target.password if password is None else password,
        keyspace=target.keyspace if keyspace is None else keyspace,
        timeout=target.timeout if timeout is None else to_seconds(timeout),
        pool=target.pool if pool is None else pool,
        durability=target.durability if durability is None else durability,
        compress=target.compress if compress is None else compress,
        ssl_context=target.ssl_context if ssl_context is None else ssl_context,
    )
