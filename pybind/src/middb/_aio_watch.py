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
from ._codes import Error, ProtocolError, TimeoutError
from ._types import Change, Data, Seconds, to_seconds
from ._watch import LEAST_RECONNECT


class AsyncWatch:
    """An asynchronous iterator over what is committed to a keyspace, each operation once and in order, as soon as it is
    durable. It waits for more until it is closed. When its connection is lost it goes on, on another one, where it was.
    If there is none for too long a step raises ConnectionError; the next one tries again. It is for one task, and
    begins with its first step, or with async with."""

    def __init__(self, caller: AsyncCaller, keyspace: str, from_seq: int, prefix: Optional[Data]) -> None:
        self._caller = caller
        self._keyspace = keyspace
        self._prefix = prefix
        self._position = from_seq
        self._after = from_seq  # the position once what is buffered is delivered
        self._changes: Deque[Change] = deque()
        self._stream: Optional[Stream] = None
        self._begun = self._closed = self._draining = False
        m.watch(keyspace, from_seq, prefix)  # finds out now what is wrong with them

    @property
    def position(self) -> int:
        """The sequence number from which another watch goes on after what this one has returned."""
        return self._position

    async def start(self) -> None:
        """Begins: what is committed from now on is returned. Without it the first step begins."""
        if not self._begun and not self._closed:
            await self._start()

    async def _start(self, deadline: Optional[float] = None) -> None:
        body = m.watch(self._keyspace, self._position, self._prefix)
        stream, frame = await self._caller.open_stream(f.WATCH, body, deadline)
        if frame.type != f.OK:
            stream.drop()
            raise d.decode_error(frame.body) if frame.type == f.ERROR else _unexpected(frame)
        self._position = self._after = d.decode_watching(frame.body)
        self._stream, self._begun = stream, True

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
        if not self._draining:
            await self.start()
            self._draining = True
            self._say_drain()

    def _say_drain(self) -> None:
        if self._stream is not None:
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
            return await self._start_again(deadline)
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
            if self._closed:
                return False
            self._drop()
            return self._goes_on_after(e)
        self._closed = True
        return False

    async def _start_again(self, deadline: Optional[float]) -> bool:
        """Goes on where it was, on another connection; False when there is none in time. After an error the next step
        tries it again."""
        try:
            await self._start(None if deadline is None else max(deadline, time.monotonic() + LEAST_RECONNECT))
        except (*_retry.ELSEWHERE, TimeoutError):
            if deadline is None or time.monotonic() < deadline:
                raise
            return False
        except Error as e:
            return self._goes_on_after(e)
        if self._closed:  # meanwhile
            self._drop()
        elif self._draining:
            self._say_drain()
        return True

    def _goes_on_after(self, error: Error) -> bool:
        """Returns True after the loss of a connection. Other errors are raised, and end the watch."""
        if not _retry.repeatable(error, safe=True, sent=True):
            self._closed = True
            raise error
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
