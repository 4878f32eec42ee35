"""What replies hold. Whatever a server sends, the outcome is a value of the type promised or a ProtocolError."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Iterator, List, Mapping, Optional, Tuple, cast

from ._codes import BY_CODE, ConnectionError, Error, ProtocolError, TimeoutError
from ._pack import Bytes, unpack
from ._types import Change, ChangeKind, Info, Role, Session, User

_DETAILS = (
    *("sqlstate", "position", "detail", "table", "column", "constraint"),
    *("keyspace", "key", "seq", "next", "oldest"),
)


def decode_error(body: Bytes) -> Error:
    """Returns the exception that an ERROR is. One with a code that this version does not know is a plain Error."""
    m = to_map(unpack(body))
    code, message = to_uint(m.get("code", 0)), to_str(m.get("message", ""))
    details = {k: m[k] for k in _DETAILS if k in m}
    kind = BY_CODE.get(code, Error)
    hint = m.get("hint")
    error = kind(message, hint=hint if isinstance(hint, str) else None, details=details)
    error.code = code
    error.name = to_str(m.get("name", kind.name))
    error.retryable = m.get("retryable") is True
    return error


def decode_connection_error(body: Bytes, name: str) -> Error:
    """Returns the exception that an ERROR on the connection as a whole is. A server that closes it because nothing has
    happened on it for too long has lost no request: that is a connection lost, like others."""
    error = decode_error(body)
    if isinstance(error, TimeoutError):
        return ConnectionError(f"{name} has closed the connection: {error.message}")
    return error


def decode_keys(body: Bytes) -> List[bytes]:
    """Returns what a ROWS frame holds: keys and values in turn, or keys alone."""
    rows = to_list(unpack(body))
    if not set(map(type, rows)) <= {bytes}:
        raise unexpected("an array of keys and values", rows)
    return rows


def decode_rows(body: Bytes) -> Iterator[Tuple[bytes, bytes]]:
    """Returns the pairs of key and value that a ROWS frame holds."""
    flat = decode_keys(body)
    if len(flat) % 2:
        raise ProtocolError("the server sent a key without its value")
    elements = iter(flat)
    return zip(elements, elements)


def decode_watching(body: Bytes) -> int:
    """Returns the sequence number at which a watch begins."""
    return to_uint(to_tuple(unpack(body), 1, "[sequence number]")[0])


def decode_event(body: Bytes) -> Tuple[int, List[Change]]:
    """Returns from where another watch goes on, and the changes."""
    position, changes = to_tuple(unpack(body), 2, "[position, changes]")[:2]
    return to_uint(position), [_change(c) for c in to_list(changes)]


def _change(v: object) -> Change:
    given = to_tuple(v, 3, "a change")
    seq, kind, key, value, end, operator, expires = (*given, None, None, None, None)[:7]
    try:
        what = ChangeKind(to_uint(kind))
    except ValueError:
        raise ProtocolError(f"the server sent a change of the unknown kind {kind}") from None
    ms = to_uint(expires or 0)
    return Change(
        seq=to_uint(seq),
        kind=what,
        key=to_optional_bytes(key),
        value=to_optional_bytes(value),
        end=to_optional_bytes(end),
        operator=to_str(operator or ""),
        expires=to_time(ms) if ms else None,
    )


def unexpected(what: str, v: object) -> ProtocolError:
    text = repr(v)
    return ProtocolError(f"the server sent {text[:60]}{'…' if len(text) > 60 else ''} where {what} belongs")


def to_none(v: object) -> None:
    if v is not None:
        raise unexpected("nil", v)


def to_optional_bytes(v: object) -> Optional[bytes]:
    if v is None or isinstance(v, bytes):
        return v
    raise unexpected("a value or nil", v)


def to_bool(v: object) -> bool:
    if isinstance(v, bool):
        return v
    raise unexpected("a boolean", v)


def to_uint(v: object) -> int:
    if isinstance(v, int) and not isinstance(v, bool) and v >= 0:
        return v
    raise unexpected("a number", v)


def to_str(v: object) -> str:
    if isinstance(v, str):
        return v
    raise unexpected("a string", v)


def to_list(v: object) -> List[Any]:
    if isinstance(v, list):
        elements: List[Any] = v  # pyright: ignore[reportUnknownVariableType]
        return elements
    raise unexpected("an array", v)


def to_map(v: object) -> Mapping[str, Any]:
    if isinstance(v, dict):
        return cast(Mapping[str, Any], v)
    raise unexpected("a map", v)


def to_time(ms: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)


def to_tuple(v: object, least: int, what: str) -> List[Any]:
    """Returns an array of at least so many elements."""
    elements = to_list(v)
    if len(elements) < least:
        raise unexpected(what, v)
    return elements


def to_pair(v: object) -> Tuple[int, int]:
    first, second = to_tuple(v, 2, "two numbers")[:2]
    return to_uint(first), to_uint(second)


def to_bytes(v: object) -> bytes:
    if isinstance(v, bytes):
        return v
    raise unexpected("bin", v)


def to_values(v: object) -> List[Optional[bytes]]:
    return [to_optional_bytes(value) for value in to_list(v)]


def to_value_seq(v: object) -> Optional[Tuple[bytes, int]]:
    if v is None:
        return None
    value, seq = to_tuple(v, 2, "[value, sequence number]")[:2]
    return to_bytes(value), to_uint(seq)


def to_value_expiry(v: object) -> Optional[Tuple[bytes, Optional[datetime]]]:
    if v is None:
        return None
    value, expires = (*to_tuple(v, 1, "[value, expiry]"), None)[:2]
    return to_bytes(value), None if expires is None else to_time(to_uint(expires))


def to_info(v: object) -> Info:
    m = to_map(v)
    return Info(
        server=to_str(m.get("server", "")),
        version=to_str(m.get("version", "")),
        path=to_str(m.get("path", "")),
        pid=to_uint(m.get("pid", 0)),
        started=to_time(to_uint(m.get("started", 0))),
        session=to_uint(m.get("session", 0)),
        user=to_str(m.get("user") or "") or None,
        keyspaces=to_uint(m.get("keyspaces", 0)),
        read_only=to_bool(m.get("read_only", False)),
    )


def to_session(m: Mapping[str, Any]) -> Session:
    return Session(
        session=to_uint(m.get("session", 0)),
        user=to_str(m.get("user") or "") or None,
        remote=to_str(m.get("remote", "")),
        client=to_str(m.get("client", "")),
        since=to_time(to_uint(m.get("since", 0))),
        requests=to_uint(m.get("requests", 0)),
        in_flight=to_uint(m.get("in_flight", 0)),
        txns=to_uint(m.get("txns", 0)),
        cursors=to_uint(m.get("cursors", 0)),
    )


def to_user(m: Mapping[str, Any]) -> User:
    grants = [to_map(g) for g in to_list(m.get("grants") or [])]
    return User(to_str(m.get("name", "")), {to_str(g.get("keyspace")): to_role(g.get("role")) for g in grants})


_ROLES: Mapping[object, Role] = {"read": "read", "write": "write", "admin": "admin"}


def to_role(v: object) -> Role:
    if not isinstance(v, str) or v not in _ROLES:
        raise unexpected("a role", v)
    return _ROLES[v]
