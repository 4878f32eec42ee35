"""Cursors, blocking."""

from __future__ import annotations

from itertools import chain
from types import TracebackType
from typing import Callable, Generator, Generic, Iterable, Iterator, Optional, Protocol, Tuple, Type, TypeVar

from . import _decode as d
from . import _frame as f
from ._codes import ProtocolError
from ._link import Link
from ._pack import Bytes

R = TypeVar("R")


class Source(Protocol):
    """Where a scan has its connection from: the pool, or its transaction."""

    def open_stream(self, kind: int, body: bytes) -> Tuple[Link, int, f.Frame]:
        """Sends the request; returns the connection, the number of the stream, and its first frame."""
        ...

    def end_stream(self, link: Link, number: int) -> None:
        """Takes the connection back, whether the stream has ended, failed, or is given up."""
        ...


class Scan(Generic[R]):
    """An iterator over the rows of a range, for one thread. It ends its cursor when it is at its end, closed, or
    dropped."""

    def __init__(self, source: Source, body: Optional[bytes], decode: Callable[[Bytes], Iterable[R]]) -> None:
        self._frames = _frames(source, body, decode)
        self._rows = chain.from_iterable(self._frames)

    def __iter__(self) -> Iterator[R]:
        # Not self: a loop is twice as fast without a call of __next__ for each row.
        return self._rows

    def __next__(self) -> R:
        return next(self._rows)

    def close(self) -> None:
        """Ends the scan. What was read ahead is still returned."""
        self._frames.close()

    def __enter__(self) -> Scan[R]:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


def _frames(
    source: Source, body: Optional[bytes], decode: Callable[[Bytes], Iterable[R]]
) -> Generator[Iterable[R], None, None]:
    """Yields the rows of one frame after the other. It is closed when nobody refers to it any more."""
    if body is None:
        return
    link, number, frame = source.open_stream(f.SCAN, body)
    try:
        while frame.type == f.ROWS:
            link.grant(number)
            yield decode(frame.body)
            frame = link.next_of(number)
    finally:
        source.end_stream(link, number)
    if frame.type == f.ERROR:
        raise d.decode_error(frame.body)
    if frame.type != f.END:
        raise ProtocolError(f"the server sent a frame of type {frame.type:#04x} in a scan")
