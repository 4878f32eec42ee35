"""Watches on asyncio."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Deque, Optional, Type

from . import _decode as d
from . import _frame as f
from . import _messages as m
from . import _retry
from ._aio_caller import AsyncCaller
from ._aio_link import Stream
from ._codes import Error, ProtocolError
from ._types import Change, Data, Seconds, to_seconds


class AsyncWatch:
    """An asynchronous iterator over what is committed to a keyspace, each operation once and in order, as soon as it is
    durable. It waits for more until it is closed. When its connection is lost it goes on, on another one, where it was.
    It is for one task, and begins with its first step, or with async with."""

    def __init__(self, caller: AsyncCaller, keyspace: str, from_seq: int, prefix: Optional[Data]) -> None:
        self._caller = caller
        self._keyspace = keyspace
        self._prefix = prefix
        self._position = from_seq
        self._after = from_seq  # the position once what is buffered is delivered
        self._changes: Deque[Change] = deque()
        self._stream: Optional[Stream] = None
        self._closed = self._draining = False
        m.watch(keyspace, from_seq, prefix)  # finds out now what is wrong with them

    @property
    def position(self) -> int:
        """The sequence number from which another watch goes on after what this one has returned."""
        return self._position

    async def start(self) -> None:
        """Begins: what is committed from now on is returned. Without it the first step begins."""
        if self._stream is not None or self._closed:
            return
        body = m.watch(self._keyspace, self._position, self._prefix)
        stream, frame = await self._caller.open_stream(f.WATCH, body)
        if frame.type != f.OK:
            stream.drop()
            raise d.decode_error(frame.body) if frame.type == f.ERROR else _unexpected(frame)
        self._position = self._after = d.decode_watching(frame.body)
        self._stream = stream

    async def next(self, timeout: Optional[Seconds] = None) -> Optional[Change]:
        """Returns the next change; None when the timeout, in seconds, is over first, or the watch has ended."""
        deadline = None if timeout is None else time.monotonic() + to_seconds(timeout)
        await self.start()
        while not self._changes and not self._closed:
            if not await self._advance(deadline):
                return None
        if self._closed:
            return None
        change = self._changes.popleft()
        self._position = change.seq + 1 if self._changes else self._after
        return change

    async def drain(self) -> None:
        """Makes the watch end once it has returned what was committed before."""
        await self.start()
        if self._stream is not None and not self._draining:
            self._draining = True
            self._stream.link.tell(f.UNWATCH, m.unwatch(self._stream.number))

    async def aclose(self) -> None:
        """Ends the watch at once."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.drop()
            stream.wake()

    async def _advance(self, deadline: Optional[float]) -> bool:
        """Waits for the next frame; False when there is none in time."""
        stream = self._stream
        if stream is None:
            return False
        try:
            frame = await stream.next(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if frame is None:
                return False
            if frame.type == f.EVENT:
                stream.grant()
                self._after, changes = d.decode_event(frame.body)
                self._changes.extend(changes)
                self._position = self._position if changes else self._after
                return True
            if frame.type == f.ERROR:
                raise d.decode_error(frame.body)
            if frame.type != f.END:
                raise _unexpected(frame)
        except Error as e:
            return await self._recover(e)
        self._closed = True
        return False

    async def _recover(self, error: Error) -> bool:
        if self._closed:
            return False
        self._drop()
        if not _retry.repeatable(error, safe=True, sent=True):
            self._closed = True
            raise error
        draining, self._draining = self._draining, False
        await self.start()
        if draining:
            await self.drain()
        return True

    def __aiter__(self) -> AsyncWatch:
        return self

    async def __anext__(self) -> Change:
        change = await self.next()
        if change is None:
            raise StopAsyncIteration
        return change

    async def __aenter__(self) -> AsyncWatch:
        await self.start()
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._stream is not None:
            self._stream.drop_from_anywhere()


def _unexpected(frame: f.Frame) -> ProtocolError:
    return ProtocolError(f"the server sent a frame of type {frame.type:#04x} in a watch")
