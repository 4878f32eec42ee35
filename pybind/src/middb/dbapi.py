"""middb by the Python Database API, PEP 249.

    import middb.dbapi

    with middb.dbapi.connect("middb://127.0.0.1:7878") as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO users VALUES (?, ?)", (1, "Ada"))
        connection.commit()

A connection is a session. Unless it is made with autocommit, the first statement begins a transaction, which commit
and rollback end; closing rolls back. As a context manager a connection is closed at the end of the block, and commits
before if the block has not raised. After an error in a transaction roll it back: it takes no more statements."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timezone
from types import TracebackType
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, NoReturn, Optional, Sequence, Tuple, Type

from . import _codes, _sql
from . import _frame as f
from ._cursor import Cursor as Result
from ._link import Link
from ._sql import Description, Notice, Parameter, Row
from .client import Client
from .client import connect as connect_client
from .database import Database

apilevel = "2.0"
threadsafety = 1  # threads may share the module, not connections
paramstyle = "qmark"

# --- Exceptions -----------------------------------------------------------------------------------------------------


class Warning(Exception):
    """Is not raised: what a statement has to say besides is in notices."""


class Error(Exception):
    """The base of all errors. sqlstate is the code of SQL, or empty; position says which character of the statement it
    is about, from 1, or 0; hint may say what to do."""

    sqlstate: str = ""
    position: int = 0
    hint: str = ""
    details: Mapping[str, object] = {}  # it is not changed


class InterfaceError(Error):
    """The connection or cursor is used in a way that it cannot be."""


class DatabaseError(Error):
    """What the database refuses, or what happens in it."""


class DataError(DatabaseError):
    """A value is not one of its type, or is out of range."""


class OperationalError(DatabaseError):
    """What is no fault of the program: a lost connection, a conflict with another transaction, a timeout."""


class IntegrityError(DatabaseError):
    """A constraint is violated."""


class InternalError(DatabaseError):
    """The database has met an error of its own."""


class ProgrammingError(DatabaseError):
    """The statement is wrong, or names what is not there."""


class NotSupportedError(DatabaseError):
    """The database does not have this."""


_BY_CLASS: Mapping[str, Type[DatabaseError]] = {
    "0A": NotSupportedError,
    "21": DataError,
    "22": DataError,
    "23": IntegrityError,
    "2B": OperationalError,
    "3B": ProgrammingError,
    "3F": ProgrammingError,
    "42": ProgrammingError,
    "XX": InternalError,
}

_PROGRAMMING = (_codes.InvalidArgumentError, _codes.FrameTooLargeError, _codes.PermissionDeniedError)


def _convert(error: _codes.Error) -> Error:
    """Returns an error of middb as one of this module."""
    state = error.details.get("sqlstate", "")
    kind: Type[Error] = OperationalError
    if isinstance(state, str) and state:
        kind = _BY_CLASS.get(state[:2], OperationalError)
    elif isinstance(error, _PROGRAMMING):
        kind = ProgrammingError
    elif isinstance(error, (_codes.InternalError, _codes.ProtocolError)):
        kind = InternalError
    elif isinstance(error, _codes.ClosedError):
        kind = InterfaceError
    out = kind(error.message)
    position = error.details.get("position", 0)
    out.sqlstate = state if isinstance(state, str) else ""
    out.position = position if isinstance(position, int) else 0
    out.hint, out.details = error.hint, error.details
    return out


# --- Types ----------------------------------------------------------------------------------------------------------


class DBAPIType:
    """Equals the type codes of columns that are of a kind."""

    def __init__(self, name: str, *kinds: int) -> None:
        self._name = name
        self._kinds: FrozenSet[int] = frozenset(kinds)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DBAPIType):
            return self._kinds == other._kinds
        return other in self._kinds

    def __hash__(self) -> int:
        return hash(self._kinds)

    def __repr__(self) -> str:
        return f"middb.dbapi.{self._name}"


STRING = DBAPIType("STRING", _sql.TEXT, _sql.JSON, _sql.UUID_, _sql.INTERVAL)
BINARY = DBAPIType("BINARY", _sql.BYTES)
NUMBER = DBAPIType("NUMBER", _sql.INT, _sql.FLOAT, _sql.DECIMAL, _sql.BOOL)
DATETIME = DBAPIType("DATETIME", _sql.DATE, _sql.TIMESTAMP)
ROWID = DBAPIType("ROWID")

Date, Time, Timestamp, Binary = date, time, datetime, bytes


def DateFromTicks(ticks: float) -> date:
    """Returns the date of a time in seconds since 1970, in UTC."""
    return TimestampFromTicks(ticks).date()


def TimeFromTicks(ticks: float) -> time:
    """Returns the time of day of a time in seconds since 1970, in UTC."""
    return TimestampFromTicks(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime:
    """Returns a time in seconds since 1970, in UTC."""
    return datetime.fromtimestamp(ticks, timezone.utc)


# --- Connections ----------------------------------------------------------------------------------------------------

# Statements that begin or end transactions themselves, or are about none.
_CONTROL = re.compile(r"\s*(begin|start|commit|end|rollback|abort|set|show|reindex)\b\s*(\w*)", re.IGNORECASE)


def connect(target: str, *, autocommit: bool = False, **options: Any) -> Connection:
    """Connects to the server of a URL, with the arguments of middb.connect, or opens the database in a directory by a
    private server, with those of middb.Database. Each call with a directory starts a server, which has it for itself
    unless all say shared=True."""
    try:
        client: Client = (
            connect_client(target, **{"pool": 1, **options}) if "://" in target else Database(target, **options)
        )
    except _codes.Error as e:
        raise _convert(e) from e
    return Connection(client, autocommit)


class Connection:
    """A session, for one thread at a time."""

    Warning, Error, InterfaceError, DatabaseError = Warning, Error, InterfaceError, DatabaseError
    DataError, OperationalError, IntegrityError = DataError, OperationalError, IntegrityError
    InternalError, ProgrammingError, NotSupportedError = InternalError, ProgrammingError, NotSupportedError

    def __init__(self, client: Client, autocommit: bool = False) -> None:
        self.autocommit = autocommit
        """Whether each statement is committed by itself, from the next transaction on."""
        self._client = client
        self._within = False
        self._link: Optional[Link] = None
        try:
            self._link = client._caller.keep()
        except _codes.Error as e:
            client.close()
            raise _convert(e) from e

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is under way."""
        return self._within

    def cursor(self) -> Cursor:
        """Returns a new cursor."""
        self._the_link()
        return Cursor(self)

    def execute(self, sql: str, params: Sequence[Parameter] = ()) -> Cursor:
        """Runs a statement with a new cursor."""
        return self.cursor().execute(sql, params)

    def commit(self) -> None:
        """Commits the transaction under way, if there is one. OperationalError with sqlstate 40001 says that nothing
        was written because of a conflict: run it again."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Rolls the transaction under way back, if there is one."""
        self._end("ROLLBACK")

    def close(self) -> None:
        """Ends the connection; what is not committed is rolled back. Closing again does nothing."""
        link, self._link = self._link, None
        self._within = False
        if link is not None:
            link.busy = True  # it is no use to anybody else: it has a session
            self._client._caller.give_back(link)
            self._client.close()

    def run(self, sql: str, params: Sequence[Parameter]) -> Result:
        """Runs a statement, in a transaction if the connection is to have one. For Cursor."""
        control = _CONTROL.match(sql)
        if control is None and not self._within and not self.autocommit:
            self._do("BEGIN")
            self._within = True
        result = self._result(sql, params)
        if control is not None:
            word, of = control.group(1).lower(), control.group(2).lower()
            if word in {"begin", "start"}:
                self._within = True
            elif word in {"commit", "end", "abort"} or (word == "rollback" and of != "to"):
                self._within = False
        return result

    def _result(self, sql: str, params: Sequence[Parameter]) -> Result:
        self._the_link()
        try:
            return Result(self, _sql.exec_body(sql, params, 0, alone=False), safe=False)
        except _codes.Error as e:
            raise _convert(e) from e

    def _do(self, sql: str) -> Result:
        return self._result(sql, ())

    def _end(self, how: str) -> None:
        self._the_link()
        if self._within:
            self._within = False
            tag = self._do(how).tag
            if tag != how:
                error = OperationalError("the transaction was rolled back: a statement in it has failed")
                error.sqlstate = "25P02"
                raise error

    def _the_link(self) -> Link:
        if self._link is None:
            raise InterfaceError("the connection is closed")
        return self._link

    def open_statement(self, body: bytes, safe: bool) -> Tuple[Link, int, f.Frame]:
        """Sends an EXEC. For the rows of cursors."""
        del safe  # nothing is repeated in a session
        link = self._the_link()
        if link.busy or link.stale():
            raise _codes.ConnectionError("the connection was lost, with all that was not committed")
        number = link.open_stream(f.EXEC, body)
        return link, number, link.next_of(number)

    def end_stream(self, link: Link, number: int) -> None:
        """Ends a statement. For the rows of cursors."""
        if link is self._link and not link.busy:
            link.drop_stream(number, now=False)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if error is None and self._link is not None:
                self.commit()
        finally:
            self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection cannot be pickled; connect there")


class Cursor:
    """Runs statements of a connection, one after the other, and gives the rows of the last one."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        """How many rows fetchmany returns, unless it is told."""
        self._result: Optional[Result] = None
        self._affected: Optional[int] = None
        self._closed = False

    @property
    def description(self) -> Optional[Description]:
        """The columns of the rows, or None."""
        return None if self._result is None else self._result.description

    @property
    def rowcount(self) -> int:
        """How many rows the last statement has written or read; -1 until that is known."""
        if self._affected is not None:
            return self._affected
        return -1 if self._result is None else self._result.rowcount

    @property
    def notices(self) -> List[Notice]:
        """What the last statement had to say besides, once all its rows are read."""
        return [] if self._result is None else self._result.notices

    def execute(self, sql: str, params: Sequence[Parameter] = ()) -> Cursor:
        """Runs a statement; params are the values of each ?, or of $1, $2 and so on."""
        self._drop()
        self._result = self.connection.run(sql, params)
        return self

    def executemany(self, sql: str, many: Sequence[Sequence[Parameter]]) -> Cursor:
        """Runs a statement for each of several lists of parameters. It gives no rows."""
        self._drop()
        affected = 0
        for params in many:
            with self.connection.run(sql, params) as result:
                if result.description is not None:
                    raise ProgrammingError("a statement of executemany gives no rows; use execute")
                affected += result.rowcount
        self._affected = affected
        return self

    def fetchone(self) -> Optional[Row]:
        """Returns the next row, or None at the end."""
        try:
            return self._rows().fetchone()
        except _codes.Error as e:
            raise _convert(e) from e

    def fetchmany(self, size: Optional[int] = None) -> List[Row]:
        """Returns the next rows, at most size of them, or arraysize."""
        try:
            return self._rows().fetchmany(self.arraysize if size is None else size)
        except _codes.Error as e:
            raise _convert(e) from e

    def fetchall(self) -> List[Row]:
        """Returns the rows that are left."""
        try:
            return self._rows().fetchall()
        except _codes.Error as e:
            raise _convert(e) from e

    def dicts(self) -> Iterator[Dict[str, Any]]:
        """Yields the rows that are left, by the names of the columns."""
        columns = self._rows().columns
        for row in self:
            yield _sql.to_dict(columns, row)

    def df(self) -> Any:
        """Returns the rows that are left as a pandas.DataFrame; without pandas it raises ImportError."""
        columns = self._rows().columns
        return _sql.to_frame(columns, self.fetchall())

    def setinputsizes(self, sizes: Sequence[object]) -> None:
        """Does nothing."""

    def setoutputsize(self, size: int, column: Optional[int] = None) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Ends the reading. The cursor is of no more use. Closing again does nothing."""
        if not self._closed:
            self._drop()
            self._closed = True

    def _rows(self) -> Result:
        self._check()
        if self._result is None or self._result.description is None:
            raise ProgrammingError("there are no rows: no statement was run, or one that gives none")
        return self._result

    def _drop(self) -> None:
        self._check()
        self._affected = None
        if self._result is not None:
            self._result.close()
            self._result = None

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
