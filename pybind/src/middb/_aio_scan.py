"""Cursors on asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import Callable, Generic, Iterable, Iterator, Optional, Protocol, Tuple, Type, TypeVar

from . import _decode as d
from . import _frame as f
from ._aio_link import Stream
from ._codes import ProtocolError
from ._pack import Bytes

R = TypeVar("R")


class AsyncSource(Protocol):
    """Where a scan has its stream from: the client, or its transaction."""

    async def open_stream(self, kind: int, body: bytes) -> Tuple[Stream, f.Frame]:
        """Sends the request; returns the stream and its first frame."""
        ...


class AsyncScan(Generic[R]):
    """An asynchronous iterator over the rows of a range, for one task. It ends its cursor when it is at its end,
    closed, or dropped."""

    def __init__(self, source: AsyncSource, body: Optional[bytes], decode: Callable[[Bytes], Iterable[R]]) -> None:
        self._source = source
        self._body = body
        self._decode = decode
        self._stream: Optional[Stream] = None
        self._rows: Iterator[R] = iter(())
        self._ended = body is None

    def __aiter__(self) -> AsyncScan[R]:
        return self

    async def __anext__(self) -> R:
        for row in self._rows:
            return row
        while await self._advance():
            for row in self._rows:
                return row
        raise StopAsyncIteration

    async def _advance(self) -> bool:
        """Takes the next frame; False at the end."""
        if self._ended or self._body is None:
            return False
        if self._stream is None:
            self._stream, frame = await self._source.open_stream(f.SCAN, self._body)
        else:
            frame = await self._stream.expect()
        if frame.type == f.ROWS:
            self._stream.grant()
            self._rows = iter(self._decode(frame.body))
            return True
        self._ended = True
        if frame.type == f.ERROR:
            raise d.decode_error(frame.body)
        if frame.type != f.END:
            self._stream.drop()
            raise ProtocolError(f"the server sent a frame of type {frame.type:#04x} in a scan")
        return False

    async def aclose(self) -> None:
        """Ends the scan. What was read ahead is still returned."""
        self._ended = True
        if self._stream is not None:
            self._stream.drop()

    async def __aenter__(self) -> AsyncScan[R]:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._stream is not None:
            self._stream.drop_from_anywhere()
