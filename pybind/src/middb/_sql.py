"""Statements of SQL: what is sent for them, and what their replies mean."""

from __future__ import annotations

import importlib
import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from uuid import UUID

from . import _decode as d
from ._codes import InvalidArgumentError, ProtocolError
from ._pack import Bytes, packb, unpack

Parameter = Union[
    None, bool, int, float, Decimal, str, bytes, bytearray, memoryview, date, datetime, time, timedelta, UUID
]
"""A value of a parameter. A datetime without a zone is in UTC; JSON is a str."""

Row = Tuple[Any, ...]
"""A row: int, float, Decimal, bool, str (also for JSON and INTERVAL), bytes, date, datetime in UTC, UUID, or None."""

ALONE = 1  # a flag of EXEC: the statement has a session of its own

NULL, INT, FLOAT, DECIMAL, BOOL, TEXT, BYTES, DATE, TIMESTAMP, UUID_, JSON, INTERVAL = range(12)


class Column(NamedTuple):
    """A column of a result."""

    name: str
    type: str
    """As SQL writes it, such as DECIMAL(10,2)."""
    kind: int
    nullable: bool
    precision: Optional[int]
    scale: Optional[int]
    length: Optional[int]


class Notice(NamedTuple):
    """What a statement has to say that is no error."""

    code: str
    message: str


class Ending(NamedTuple):
    """What became of a statement."""

    affected: int
    tag: str
    notices: List[Notice]


_READS = re.compile(r"\s*(select|values|table|show)\b", re.IGNORECASE)
_WRITES = re.compile(r";|nextval|setval", re.IGNORECASE)


def only_reads(sql: str) -> bool:
    """Reports whether a statement only reads, as far as its text tells, so that it may be repeated."""
    return _READS.match(sql) is not None and _WRITES.search(sql) is None


def exec_body(sql: str, params: Sequence[Parameter], txn: int, alone: bool) -> bytes:
    """Returns the body of an EXEC."""
    if not isinstance(sql, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"a statement is a str, not a {type(sql).__name__}")
    elements: List[Any] = [sql, _values(params), txn, ALONE if alone else 0]
    while len(elements) > 1 and not elements[-1]:
        elements.pop()
    return packb(elements)


def _values(params: Sequence[Parameter]) -> List[Any]:
    if isinstance(params, (str, bytes, Mapping)):
        raise InvalidArgumentError(
            f"the parameters are a {type(params).__name__}; give a list or a tuple, in the order of $1, $2 or of ?"
        )
    return [_value(i, p) for i, p in enumerate(params, 1)]


def _value(number: int, v: object) -> Any:
    if v is None or isinstance(v, (bool, float, str, bytes)):
        return v
    if isinstance(v, int):
        if not -(1 << 63) <= v < 1 << 64:
            raise InvalidArgumentError(f"parameter ${number}: {v} does not fit into 64 bits")
        return int(v)
    if isinstance(v, (bytearray, memoryview)):
        return bytes(v)
    if isinstance(v, datetime):
        return (v if v.tzinfo else v.replace(tzinfo=timezone.utc)).isoformat(" ")
    if isinstance(v, Decimal):
        return format(v, "f")
    if isinstance(v, (date, time)):
        return v.isoformat()
    if isinstance(v, UUID):
        return str(v)
    if isinstance(v, timedelta):
        micros = v // timedelta(microseconds=1)
        sign = "-" if micros < 0 else ""
        seconds, rest = divmod(abs(micros), 1_000_000)
        return f"{sign}{seconds}.{rest:06d} seconds"
    raise InvalidArgumentError(f"parameter ${number}: a {type(v).__name__} is no value of SQL")


def decode_head(body: Bytes) -> List[Column]:
    """Returns the columns that a ROWHEAD names."""
    return [_column(c) for c in d.to_list(unpack(body))]


def _column(v: object) -> Column:
    given = d.to_tuple(v, 3, "a column")
    name, kind_name, kind, nullable, digits, scale, length = (*given, None, None, None, None)[:7]
    number = d.to_uint(kind)
    of_decimal = number == DECIMAL
    return Column(
        name=d.to_str(name),
        type=d.to_str(kind_name),
        kind=number,
        nullable=d.to_bool(nullable or False),
        precision=d.to_uint(digits or 0) if of_decimal else None,
        scale=d.to_uint(scale or 0) if of_decimal else None,
        length=d.to_uint(length or 0) or None,
    )


_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_CONVERTERS: Mapping[int, Callable[[Any], Any]] = {
    DECIMAL: Decimal,
    DATE: lambda days: date.fromordinal(_EPOCH_DAY + days),
    TIMESTAMP: lambda micros: _EPOCH + timedelta(microseconds=micros),
    UUID_: lambda b: UUID(bytes=b),
}


def decode_rows(body: Bytes, columns: Sequence[Column]) -> List[Row]:
    """Returns the rows of a ROWS frame."""
    rows = d.to_list(unpack(body))
    convert = [(i, _CONVERTERS[c.kind]) for i, c in enumerate(columns) if c.kind in _CONVERTERS]
    width = len(columns)
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            raise d.unexpected(f"a row of {width} values", row)
    try:
        for i, to in convert:
            for row in rows:
                if row[i] is not None:
                    row[i] = to(row[i])
    except (TypeError, ValueError, ArithmeticError) as e:
        raise ProtocolError(f"the server sent a value that is none of its column: {e}") from e
    return [tuple(row) for row in rows]


def decode_end(body: Bytes) -> Ending:
    """Returns what END says of a statement."""
    m = d.to_map(unpack(body))
    notices = [d.to_map(n) for n in d.to_list(m.get("notices") or [])]
    return Ending(
        d.to_uint(m.get("affected", 0)),
        d.to_str(m.get("tag", "")),
        [Notice(d.to_str(n.get("code", "")), d.to_str(n.get("message", ""))) for n in notices],
    )


Description = List[Tuple[str, int, None, None, Optional[int], Optional[int], bool]]


def describe(columns: Optional[List[Column]]) -> Optional[Description]:
    """Returns the columns as PEP 249 describes them."""
    if columns is None:
        return None
    return [(c.name, c.kind, None, None, c.precision, c.scale, c.nullable) for c in columns]


def to_dict(columns: Optional[List[Column]], row: Row) -> Dict[str, Any]:
    """Returns a row by the names of its columns."""
    return dict(zip((c.name for c in columns or ()), row))


def to_frame(columns: Optional[List[Column]], rows: List[Row]) -> Any:
    """Returns rows as a pandas.DataFrame."""
    try:
        pandas: Any = importlib.import_module("pandas")
    except ImportError as e:
        raise ImportError("df() needs pandas, which is not installed: pip install pandas") from e
    return pandas.DataFrame.from_records(rows, columns=[c.name for c in columns or ()])
