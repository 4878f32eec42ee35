"""Watches, blocking."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from types import TracebackType
from typing import Deque, Iterator, Optional, Type

from . import _decode as d
from . import _frame as f
from . import _messages as m
from . import _retry
from ._caller import Caller
from ._codes import Error, ProtocolError, TimeoutError
from ._link import Link
from ._types import Change, Data, Seconds, to_seconds

# Seconds that it may take at least to connect again, however little time the step has.
LEAST_RECONNECT = 0.1


class Watch:
    """An iterator over what is committed to a keyspace, each operation once and in order, as soon as it is durable. It
    waits for more until it is closed, which another thread may do. When its connection is lost it goes on, on another
    one, where it was. If there is none for too long a step raises ConnectionError; the next one tries again. It holds a
    connection."""

    def __init__(self, caller: Caller, keyspace: str, from_seq: int, prefix: Optional[Data]) -> None:
        self._caller = caller
        self._keyspace = keyspace
        self._prefix = prefix
        self._position = from_seq
        self._after = from_seq  # the position once what is buffered is delivered
        self._changes: Deque[Change] = deque()
        self._link: Optional[Link] = None
        self._number = 0
        self._closed = self._draining = False
        self._using = threading.RLock()  # the link
        self._start()

    @property
    def position(self) -> int:
        """The sequence number from which another watch goes on after what this one has returned."""
        return self._position

    def next(self, timeout: Optional[Seconds] = None) -> Optional[Change]:
        """Returns the next change; None when the timeout, in seconds, is over first, or the watch has ended."""
        deadline = None if timeout is None else time.monotonic() + to_seconds(timeout)
        with self._using:
            while not self._changes and not self._closed:
                if not self._advance(deadline):
                    return None
            if self._closed:
                return None
            change = self._changes.popleft()
            self._position = change.seq + 1 if self._changes else self._after
            return change

    def drain(self) -> None:
        """Makes the watch end once it has returned what was committed before. For the thread that iterates."""
        with self._using:
            if not self._draining:
                self._draining = True
                self._say_drain()

    def _say_drain(self) -> None:
        if self._link is not None:
            with contextlib.suppress(Error):  # then the next step finds that out, and says it again elsewhere
                self._link.tell(f.UNWATCH, m.unwatch(self._number))

    def close(self) -> None:
        """Ends the watch at once."""
        self._closed = True
        link = self._link
        if link is not None:
            link.wake()
        with self._using:
            self._give_back()

    def _give_back(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.busy = True  # what the server still sends is for nobody
            self._caller.give_back(link)

    def _start(self, deadline: Optional[float] = None) -> None:
        body = m.watch(self._keyspace, self._position, self._prefix)
        link, number, frame = self._caller.open_stream(f.WATCH, body, deadline)
        if frame.type != f.OK:
            link.busy = True
            self._caller.give_back(link)
            raise d.decode_error(frame.body) if frame.type == f.ERROR else _unexpected(frame)
        self._position = self._after = d.decode_watching(frame.body)
        self._link, self._number = link, number

    def _advance(self, deadline: Optional[float]) -> bool:
        """Waits for the next frame; False when there is none in time."""
        link = self._link
        if link is None:
            return self._start_again(deadline)
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            frame = link.next_within(self._number, left)
            if frame is None:
                return False
            if frame.type == f.EVENT:
                link.grant(self._number)
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
            self._give_back()
            return self._goes_on_after(e)
        self._closed, self._link = True, None
        self._caller.give_back(link)
        return False

    def _start_again(self, deadline: Optional[float]) -> bool:
        """Goes on where it was, on another connection; False when there is none in time. After an error the next step
        tries it again."""
        try:
            self._start(None if deadline is None else max(deadline, time.monotonic() + LEAST_RECONNECT))
        except (*_retry.ELSEWHERE, TimeoutError):
            if deadline is None or time.monotonic() < deadline:
                raise
            return False
        except Error as e:
            return self._goes_on_after(e)
        if self._draining:
            self._say_drain()
        return True

    def _goes_on_after(self, error: Error) -> bool:
        """Returns True after the loss of a connection. Other errors are raised, and end the watch."""
        if not _retry.repeatable(error, safe=True, sent=True):
            self._closed = True
            raise error
        return True

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        change = self.next()
        if change is None:
            raise StopIteration
        return change

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed and self._link is not None:
            self.close()


def _unexpected(frame: f.Frame) -> ProtocolError:
    return ProtocolError(f"the server sent a frame of type {frame.type:#04x} in a watch")
