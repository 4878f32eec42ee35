"""What a statement gives, on asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import Any, AsyncIterator, Dict, List, Optional, Protocol, Tuple, Type

from . import _decode as d
from . import _frame as f
from . import _sql
from ._aio_link import Stream
from ._codes import ProtocolError
from ._sql import Column, Description, Ending, Notice, Row


class AsyncStatementSource(Protocol):
    """Where a statement has its stream from: the client, or its transaction."""

    async def open_statement(self, body: bytes, safe: bool) -> Tuple[Stream, f.Frame]:
        """Sends an EXEC; returns the stream and its first frame."""
        ...


class AsyncCursor:
    """The rows of a statement, for one task, and what became of it. Rows are tuples; they come from the server as
    they are read. It ends when it is at its end, closed, or dropped."""

    def __init__(self, stream: Stream, frame: f.Frame) -> None:
        self._stream = stream
        self._columns: Optional[List[Column]] = None
        self._rows: List[Row] = []
        self._at = 0
        self._ending: Optional[Ending] = None
        self._ended = False
        if frame.type == f.ROWHEAD:
            self._columns = _sql.decode_head(frame.body)
        else:
            self._take(frame)

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

    async def fetchone(self) -> Optional[Row]:
        """Returns the next row, or None at the end."""
        while self._at == len(self._rows):
            if not await self._advance():
                return None
        self._at += 1
        return self._rows[self._at - 1]

    async def fetchmany(self, size: int = 1) -> List[Row]:
        """Returns the next rows, at most so many."""
        rows: List[Row] = []
        while len(rows) < size and (self._at < len(self._rows) or await self._advance()):
            more = self._rows[self._at : self._at + size - len(rows)]
            self._at += len(more)
            rows += more
        return rows

    async def fetchall(self) -> List[Row]:
        """Returns the rows that are left."""
        rows = self._rows[self._at :]
        while await self._advance():
            rows += self._rows
        self._rows, self._at = [], 0
        return rows

    async def dicts(self) -> AsyncIterator[Dict[str, Any]]:
        """Yields the rows that are left, by the names of the columns."""
        async for row in self:
            yield _sql.to_dict(self._columns, row)

    async def df(self) -> Any:
        """Returns the rows that are left as a pandas.DataFrame; without pandas it raises ImportError."""
        return _sql.to_frame(self._columns, await self.fetchall())

    async def _advance(self) -> bool:
        """Takes the next frame; False at the end."""
        self._rows, self._at = [], 0
        if self._ended:
            return False
        self._take(await self._stream.expect())
        return not self._ended

    def _take(self, frame: f.Frame) -> None:
        if frame.type == f.ROWS and self._columns is not None:
            self._stream.grant()
            self._rows = _sql.decode_rows(frame.body, self._columns)
            return
        self._ended = True
        if frame.type == f.END:
            self._ending = _sql.decode_end(frame.body)
        elif frame.type == f.ERROR:
            raise d.decode_error(frame.body)
        else:
            self._stream.drop()
            raise ProtocolError(f"the server sent a frame of type {frame.type:#04x} for a statement")

    async def aclose(self) -> None:
        """Ends the reading. What the statement has written stays."""
        self._ended = True
        self._stream.drop()

    def __aiter__(self) -> AsyncCursor:
        return self

    async def __anext__(self) -> Row:
        row = await self.fetchone()
        if row is None:
            raise StopAsyncIteration
        return row

    async def __aenter__(self) -> AsyncCursor:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            self._stream.drop_from_anywhere()
