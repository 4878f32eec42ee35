"""A connection on asyncio. Any number of tasks of one event loop share it; replies find whoever waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import math
import os
import socket
import time
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple, Union

from . import _decode as d
from . import _frame as f
from . import _messages as m
from ._codes import ConnectionError, Error, FrameTooLargeError, ProtocolError, TimeoutError
from ._handshake import handshake, without_a_word
from ._url import CONNECT_TIMEOUT, Endpoint, Target, name

Reply = Tuple[int, Union[bytes, bytearray]]
Outcome = Union[Reply, Error]

# The requests of a pipeline that the server may have got, by their place: the id, and what becomes the reply.
Sent = Dict[int, Tuple[int, "asyncio.Future[Reply]"]]

CHUNK_BYTES = 64 << 10

# An event loop looks for what has arrived, reads it, and with TLS hands it on, each in a step of its own.
LOOK_STEPS = 4


class Stream:
    """The frames of a cursor or watch, in their order."""

    def __init__(self, link: AsyncLink, number: int) -> None:
        self.link = link
        self.number = number
        self.ended = False
        self._frames: Deque[f.Frame] = deque()
        self._waiter: Optional[asyncio.Future[None]] = None
        link.cursors += 1

    async def next(self, timeout: Optional[float] = None) -> Optional[f.Frame]:
        """Returns the next frame; None when the timeout, in seconds, is over first. None comes after END or ERROR."""
        if not self._frames:
            self.link.check()
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = None if timeout is None else loop.call_later(timeout, self.wake)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        if self._frames:
            return self._frames.popleft()
        self.link.check()
        return None

    async def expect(self, deadline: Optional[float] = None) -> f.Frame:
        """Returns the next frame, which must come before the deadline and within the timeout of the client."""
        left = math.inf if deadline is None else max(0.0, deadline - time.monotonic())
        frame = await self.next(min(self.link.timeout, left))
        if frame is None:
            raise self.link.too_late()
        return frame

    def take(self, frame: f.Frame) -> None:
        """Adds a frame that has arrived."""
        if frame.type in {f.END, f.ERROR}:
            self._end()
        self._frames.append(frame)
        self.wake()

    def wake(self) -> None:
        """Makes next look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def grant(self) -> None:
        """Lets the server send one more frame."""
        if not self.ended:
            self.link.post(f.FETCH, m.fetch(self.number, 1))

    def drop(self) -> None:
        """Ends the stream, of which nothing more is wanted."""
        if not self.ended:
            self._end()
            self.link.drop_stream(self)

    def drop_from_anywhere(self) -> None:
        """Is drop for finalizers, which run in any thread at any time."""
        if not self.ended and not self.link.loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it is being closed
                self.link.loop.call_soon_threadsafe(self.drop)

    def _end(self) -> None:
        self.ended = True
        self.link.cursors -= 1
        self.link.on_free()


class AsyncLink(asyncio.Protocol):
    """A connection. After an error that concerns it as a whole it is dead, and so is everything on it."""

    def __init__(self, target: Target, endpoint: Endpoint) -> None:
        self.name = name(endpoint)
        self.error: Optional[Error] = None
        self.leaving = False  # the server has said that it will stop
        self.txns = self.cursors = 0  # under way
        self.on_free: Callable[[], None] = lambda: None  # is called when there are fewer
        self.timeout = target.timeout
        self._inbox = f.Inbox()
        self._frame = f.frame
        self._greetings: Optional[asyncio.Queue[Optional[f.Frame]]] = asyncio.Queue()  # before the handshake is over
        # What is waited for; None: the reply is dropped.
        self._waiting: Dict[int, Union[asyncio.Future[Reply], Stream, None]] = {}
        self._writable: Optional[asyncio.Future[None]] = None
        self._written = 0  # bytes
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.loop = asyncio.get_running_loop()
        self._heard = self.loop.time()
        self._pid = os.getpid()

    # --- What the event loop calls --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is called once there is a connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        _links.add(self)
        s = transport.get_extra_info("socket")
        if s is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        """Is called with what has arrived."""
        self._heard = self.loop.time()
        self._inbox.feed(data)
        try:
            while (frame := self._inbox.next()) is not None:
                self._take(frame)
        except Error as e:
            self.fail(e)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Is called once there is no connection any more."""
        why = f"the connection to {self.name} was lost: {exc}" if exc else f"{self.name} closed the connection"
        self.fail(ConnectionError(why))
        if not self._closed.done():
            self._closed.set_result(None)

    def eof_received(self) -> None:
        """Is called when the server has closed the connection."""
        self.fail(ConnectionError(f"{self.name} closed the connection"))

    def pause_writing(self) -> None:
        """Is called when more is to be sent than the server takes."""
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Is called when it has taken it."""
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def _take(self, frame: f.Frame) -> None:
        if self._greetings is not None:
            self._greetings.put_nowait(frame)
            return
        if frame.id == 0:
            self._of_connection(frame)
            return
        try:
            waiting = self._waiting[frame.id]
        except KeyError:
            raise ProtocolError(f"{self.name} answered request {frame.id}, which was not made") from None
        if isinstance(waiting, Stream):
            waiting.take(frame)
            if waiting.ended:
                del self._waiting[frame.id]
        elif waiting is not None:
            del self._waiting[frame.id]
            if not waiting.done():
                waiting.set_result((frame.type, frame.body))
        elif frame.type in {f.END, f.ERROR} or (frame.type == f.OK and not frame.flags & f.MORE):
            del self._waiting[frame.id]

    def _of_connection(self, frame: f.Frame) -> None:
        if frame.type == f.ERROR:
            raise d.decode_connection_error(frame.body, self.name)
        if frame.type != f.NOTICE:
            raise ProtocolError(f"{self.name} sent a frame of type {frame.type:#04x} that belongs to no request")
        self.leaving = True

    # --- Beginning and end ----------------------------------------------------------------------------------------

    async def greet(self, target: Target, deadline: float) -> None:
        """Goes through the handshake, which must be over at a time of the event loop."""
        steps = handshake(target, self._inbox)
        greetings = self._greetings
        assert greetings is not None
        try:
            data = next(steps)
            while True:
                self._transport.write(data)
                frame = await asyncio.wait_for(greetings.get(), deadline - self.loop.time())
                if frame is None:
                    raise self.error or ConnectionError(f"{self.name} closed the connection")
                data = steps.send(frame)
        except StopIteration as end:
            self.welcome = end.value
        except asyncio.TimeoutError:
            raise TimeoutError(f"{self.name} has not answered in time") from None
        if self.welcome.compressed:
            self._frame = f.compressed_frame
        self._next_id = self.welcome.next_id
        self._greetings = None
        while not greetings.empty():
            frame = greetings.get_nowait()
            if frame is not None:
                self._take(frame)

    def fail(self, error: Error) -> None:
        """Ends the connection; everything on it fails with the error."""
        if self.error is not None:
            return
        self.error = error
        self._transport.abort()
        waiting, self._waiting = self._waiting, {}
        for w in waiting.values():
            if isinstance(w, Stream):
                w.wake()
            elif w is not None and not w.done():
                w.set_exception(copy.copy(error))
                w.exception()  # that nobody looks at it is no mistake
        if self._greetings is not None:
            self._greetings.put_nowait(None)
        self.resume_writing()
        self.on_free()

    @property
    def greeted(self) -> bool:
        """Whether the server has said anything."""
        return self._inbox.greeted

    def check(self) -> None:
        """Raises the error with which the connection ended, if it has."""
        if self.error is not None:
            raise copy.copy(self.error)

    def too_late(self) -> TimeoutError:
        """Returns the error of a server that does not answer in time."""
        return TimeoutError(f"{self.name} has not answered within {self.timeout} s")

    async def stale(self) -> bool:
        """Reports whether the connection has ended or is about to, once the event loop has taken what has arrived."""
        for _ in range(LOOK_STEPS):
            await asyncio.sleep(0)
        return self.error is not None or self.leaving

    def cut(self) -> None:
        """Ends the connection whatever becomes of its event loop."""
        if self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def wait_closed(self) -> None:
        """Returns when the socket is closed."""
        await self._closed

    # --- Requests -------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._written += len(data)
        self._transport.write(data)

    async def _drain(self) -> None:
        """Waits until the server has taken enough of what was written. One that takes nothing at all in time is taken
        for lost."""
        while self._writable is not None:
            taken = self._written - self._transport.get_write_buffer_size()
            # Not wait_for, which before Python 3.12 may forget that the task was cancelled.
            await asyncio.wait({self._writable}, timeout=self.timeout)
            if self._writable is not None and self._written - self._transport.get_write_buffer_size() == taken:
                error = TimeoutError(f"{self.name} has not taken a request within {self.timeout} s")
                self.fail(ConnectionError(error.message))
                raise error

    def _prepare(self, kind: int, body: bytes, flags: int) -> Tuple[bytes, int]:
        if len(body) > self.welcome.frame:
            raise self._too_large(len(body))
        number = self._next_id
        while number in self._waiting:  # one that has been open since all ids were used once
            number = number + 1 if number < f.MAX_ID else 1
        self._next_id = number + 1 if number < f.MAX_ID else 1
        return self._frame(kind, number, body, flags), number

    def _too_large(self, size: int) -> FrameTooLargeError:
        return FrameTooLargeError(f"the request has {size} bytes; the server takes {self.welcome.frame} in one frame")

    def post(self, kind: int, body: bytes) -> int:
        """Sends a request that has no reply."""
        data, number = self._prepare(kind, body, 0)
        if self.error is None:
            self._write(data)
        return number

    def tell(self, kind: int, body: bytes) -> None:
        """Sends a request whose reply does not matter."""
        self._waiting[self.post(kind, body)] = None

    async def exchange(self, request: m.Request[Any], flags: int = 0) -> Reply:
        """Sends a request and returns the type and body of its reply. When the task is cancelled meanwhile so is the
        request."""
        self.check()
        data, number = self._prepare(request.type, request.body, flags)
        future: asyncio.Future[Reply] = self.loop.create_future()
        self._waiting[number] = future
        self._write(data)
        try:
            if self._writable is not None:
                await self._drain()
            return await self._reply(future, request.patient)
        except (asyncio.CancelledError, TimeoutError):
            self._abandon([number])
            raise

    async def exchange_many(
        self, requests: Sequence[m.Request[Any]], outcomes: List[Optional[Outcome]], sent: Sent
    ) -> None:
        """Sends requests without waiting in between, and puts the replies into their places, where there is none yet.
        The server answers them in their order. Those that it may have got are put into sent."""
        try:
            await self._send_many(requests, outcomes, sent)
            for index, (_, future) in sent.items():
                outcomes[index] = await self._reply(future, requests[index].patient)
        except (asyncio.CancelledError, TimeoutError):
            self._abandon([number for number, future in sent.values() if not future.done()])
            raise

    async def _send_many(
        self, requests: Sequence[m.Request[Any]], outcomes: List[Optional[Outcome]], sent: Sent
    ) -> None:
        chunk: List[bytes] = []
        size = 0
        for index, request in enumerate(requests):
            if outcomes[index] is not None:
                continue
            if len(request.body) > self.welcome.frame:
                outcomes[index] = self._too_large(len(request.body))
                continue
            data, number = self._prepare(request.type, request.body, 0)
            future: asyncio.Future[Reply] = self.loop.create_future()
            sent[index] = (number, future)
            self._waiting[number] = future
            chunk.append(data)
            size += len(data)
            if size >= CHUNK_BYTES:
                await self._flush(chunk)
                size = 0
        await self._flush(chunk)

    async def _flush(self, chunk: List[bytes]) -> None:
        self.check()
        self._write(b"".join(chunk))
        chunk.clear()
        await self._drain()

    async def _reply(self, future: asyncio.Future[Reply], patient: bool) -> Reply:
        """Waits for a reply. A server from which nothing at all comes in time is taken for lost."""
        if patient or future.done():
            return await future
        sent = self.loop.time()
        timer = self.loop.call_later(self.timeout, self._expire, future, sent)
        try:
            return await future
        finally:
            timer.cancel()

    def _expire(self, future: asyncio.Future[Reply], sent: float) -> None:
        error = self.too_late()
        if not future.done():
            future.set_exception(error)
        if self._heard < sent:
            self.fail(ConnectionError(error.message))

    def _abandon(self, numbers: List[int]) -> None:
        """Tells the server that nobody waits for these replies any more."""
        for number in numbers:
            if number in self._waiting:
                self._waiting[number] = None
                self.tell(f.CANCEL, m.one(number))

    def open_stream(self, kind: int, body: bytes) -> Stream:
        """Sends a SCAN or WATCH."""
        stream = Stream(self, self.post(kind, body))
        self._waiting[stream.number] = stream
        return stream

    def drop_stream(self, stream: Stream) -> None:
        """Ends a stream, if it has not ended."""
        if self._waiting.get(stream.number) is stream:
            self._waiting[stream.number] = None
            self.tell(f.CLOSE, m.one(stream.number))


async def dial(target: Target, endpoint: Endpoint, deadline: Optional[float] = None) -> AsyncLink:
    """Returns a connection after its handshake, which is made until the deadline at most."""
    loop = asyncio.get_running_loop()
    link = AsyncLink(target, endpoint)
    context = None
    timeout = min(target.timeout, CONNECT_TIMEOUT)
    if deadline is not None:
        timeout = max(0.0, min(timeout, deadline - time.monotonic()))
    end = loop.time() + timeout
    try:
        if isinstance(endpoint, str):
            connecting: Any = loop.create_unix_connection(lambda: link, endpoint)
        else:
            context = target.context()
            server_name = (target.server_name or endpoint[0]) if context else None
            connecting = loop.create_connection(lambda: link, *endpoint, ssl=context, server_hostname=server_name)
        await asyncio.wait_for(connecting, timeout)
    except asyncio.TimeoutError:
        raise ConnectionError(f"cannot connect to {link.name} within {timeout} s") from None
    except (OSError, UnicodeError) as e:  # of host names, too
        raise ConnectionError(f"cannot connect to {link.name}: {e}") from e
    try:
        await link.greet(target, end)
    except BaseException as e:
        link.fail(e if isinstance(e, Error) else ConnectionError("the handshake was given up"))
        await link.wait_closed()
        if isinstance(e, ConnectionError) and not link.greeted:
            raise without_a_word(e, link.name, tls=context is not None) from e
        raise
    return link


_links: weakref.WeakSet[AsyncLink] = weakref.WeakSet()


def cut_all() -> None:
    """Ends all connections of this process, which is about to end."""
    for link in list(_links):
        link.cut()
