"""What a statement gives, blocking."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, Iterator, List, Optional, Protocol, Tuple, Type

from . import _decode as d
from . import _frame as f
from . import _sql
from ._codes import ProtocolError
from ._link import Link
from ._sql import Column, Description, Ending, Notice, Row


class StatementSource(Protocol):
    """Where a statement has its connection from: the pool, a transaction, or a connection that is kept."""

    def open_statement(self, body: bytes, safe: bool) -> Tuple[Link, int, f.Frame]:
        """Sends an EXEC; returns the connection, the number of the stream, and its first frame."""
        ...

    def end_stream(self, link: Link, number: int) -> None:
        """Takes the connection back, whether the stream has ended, failed, or is given up."""
        ...


class Cursor:
    """The rows of a statement, for one thread, and what became of it. Rows are tuples; they come from the server as
    they are read. It ends when it is at its end, closed, or dropped."""

    def __init__(self, source: StatementSource, body: bytes, safe: bool) -> None:
        self._source = source
        self._columns: Optional[List[Column]] = None
        self._rows: List[Row] = []
        self._at = 0
        self._ending: Optional[Ending] = None
        self._open: Optional[Tuple[Link, int]] = None
        link, number, frame = source.open_statement(body, safe)
        self._open = (link, number)
        try:
            if frame.type == f.ROWHEAD:
                self._columns = _sql.decode_head(frame.body)
            else:
                self._take(frame)
        except BaseException:
            self.close()
            raise

    @property
    def columns(self) -> List[Column]:
        """The columns; none if the statement gives no rows."""
        return self._columns or []

    @property
    def description(self) -> Optional[Description]:
        """The columns as PEP 249 describes them, or None."""
        return _sql.describe(self._columns)

    @property
    def rowcount(self) -> int:
        """How many rows were written, or read by a query; -1 until all are read."""
        return -1 if self._ending is None else self._ending.affected

    @property
    def tag(self) -> str:
        """What was done, such as INSERT 0 1; empty until all rows are read."""
        return "" if self._ending is None else self._ending.tag

    @property
    def notices(self) -> List[Notice]:
        """What there is to know besides, once all rows are read."""
        return [] if self._ending is None else self._ending.notices

    def fetchone(self) -> Optional[Row]:
        """Returns the next row, or None at the end."""
        while self._at == len(self._rows):
            if not self._advance():
                return None
        self._at += 1
        return self._rows[self._at - 1]

    def fetchmany(self, size: int = 1) -> List[Row]:
        """Returns the next rows, at most so many."""
        rows: List[Row] = []
        while len(rows) < size and (self._at < len(self._rows) or self._advance()):
            more = self._rows[self._at : self._at + size - len(rows)]
            self._at += len(more)
            rows += more
        return rows

    def fetchall(self) -> List[Row]:
        """Returns the rows that are left."""
        rows = self._rows[self._at :]
        while self._advance():
            rows += self._rows
        self._rows, self._at = [], 0
        return rows

    def dicts(self) -> Iterator[Dict[str, Any]]:
        """Yields the rows that are left, by the names of the columns."""
        for row in self:
            yield _sql.to_dict(self._columns, row)

    def df(self) -> Any:
        """Returns the rows that are left as a pandas.DataFrame; without pandas it raises ImportError."""
        return _sql.to_frame(self._columns, self.fetchall())

    def _advance(self) -> bool:
        """Takes the next frame; False at the end."""
        self._rows, self._at = [], 0
        if self._open is None:
            return False
        link, number = self._open
        try:
            self._take(link.next_of(number))
        except BaseException:
            self.close()
            raise
        return self._open is not None

    def _take(self, frame: f.Frame) -> None:
        assert self._open is not None
        link, number = self._open
        if frame.type == f.ROWS and self._columns is not None:
            link.grant(number)
            self._rows = _sql.decode_rows(frame.body, self._columns)
        elif frame.type == f.END:
            self._ending = _sql.decode_end(frame.body)
            self.close()
        elif frame.type == f.ERROR:
            raise d.decode_error(frame.body)
        else:
            raise ProtocolError(f"the server sent a frame of type {frame.type:#04x} for a statement")

    def close(self) -> None:
        """Ends the reading. What the statement has written stays."""
        if self._open is not None:
            link, number = self._open
            self._open = None
            self._source.end_stream(link, number)

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

    def __del__(self) -> None:
        if getattr(self, "_open", None) is not None:
            self.close()
