"""What the methods take and return."""

from __future__ import annotations

import enum
import math
from datetime import datetime, timedelta
from typing import (
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

from ._codes import InvalidArgumentError

Data = Union[bytes, str, bytearray, memoryview]
"""A key or a value to be written. A str is stored as its UTF-8 bytes; what is read is always bytes."""

Seconds = Union[int, float, timedelta]
Durability = Literal["sync", "nosync"]
Isolation = Literal["snapshot", "serializable"]
Role = Literal["read", "write", "admin"]


class ChangeKind(enum.IntEnum):
    """What a Change does."""

    PUT = 1
    DELETE = 2
    DELETE_RANGE = 3
    MERGE = 4


class Change(NamedTuple):
    """One operation of a commit, as a watch yields it."""

    seq: int
    """Its sequence number; another watch goes on from seq + 1."""
    kind: ChangeKind
    key: Optional[bytes]
    """Of a range delete the lower bound, inclusive; None: it has none."""
    value: Optional[bytes]
    """Of a put, or the operand of a merge."""
    end: Optional[bytes]
    """Of a range delete the upper bound, exclusive; None: it has none."""
    operator: str
    """Of a merge."""
    expires: Optional[datetime]
    """When a put with a time to live expires."""


class Info(NamedTuple):
    """Who answers: a server, and this connection to it."""

    server: str
    version: str
    path: str
    pid: int
    started: datetime
    session: int
    user: Optional[str]
    keyspaces: int
    read_only: bool


class Session(NamedTuple):
    """A connection that the server has."""

    session: int
    user: Optional[str]
    remote: str
    client: str
    since: datetime
    requests: int
    in_flight: int
    txns: int
    cursors: int


class User(NamedTuple):
    """A user of the server, and what the user may do: a role for each keyspace, "*" being all."""

    name: str
    grants: Mapping[str, Role]


Row = Tuple[bytes, bytes]
Rows = List[Optional[bytes]]


def to_bytes(data: Data) -> bytes:
    """Returns a key or value as bytes."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, (bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return bytes(data)
    # For those who do without a type checker. bytes(5) would be five zeros.
    raise TypeError(f"a key or value is bytes or str, not {type(data).__name__}")


def to_seconds(time: Seconds) -> float:
    """Returns a length of time in seconds."""
    seconds = time.total_seconds() if isinstance(time, timedelta) else float(time)
    if not math.isfinite(seconds):
        raise InvalidArgumentError(f"a time cannot be {time}; it is a number of seconds, or a timedelta")
    return seconds


def to_name(name: str) -> str:
    """Returns the name of a keyspace."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"the name of a keyspace is a str, not {type(name).__name__}")
    return name
