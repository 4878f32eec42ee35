"""A connection with a blocking socket. It is for one thread at a time: whoever takes it from the pool."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import socket
import ssl
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple, Union

from . import _decode as d
from . import _frame as f
from . import _messages as m
from ._codes import ConnectionError, Error, FrameTooLargeError, ProtocolError, TimeoutError
from ._handshake import handshake, without_a_word
from ._url import CONNECT_TIMEOUT, Endpoint, Target, name

RECEIVE_BYTES = 64 << 10
LARGE_RECEIVE_BYTES = 1 << 20

# How much a pipeline has under way: enough to keep the server busy.
WINDOW_REQUESTS = 512
CHUNK_BYTES = 64 << 10

LEAST_TIMEOUT = 0.001  # 0 would mean that nothing waits

Reply = Tuple[int, Union[bytes, bytearray]]
Outcome = Union[Reply, Error]


class Link:
    """A connection after its handshake, which is made until the deadline at most. When it raises an error while it is
    busy it is of no more use; sent tells then whether the server may have got the request."""

    def __init__(self, target: Target, endpoint: Endpoint, deadline: Optional[float] = None) -> None:
        self.name = name(endpoint)
        self.busy = True
        self.sent = False
        self.sent_many = 0
        self.leaving = False  # the server has said that it will stop
        self.inherited = False  # by a process that was forked; the connection is its parent's
        self._inbox = f.Inbox()
        self._streams: Dict[int, Optional[Deque[f.Frame]]] = {}  # None: what still comes is dropped
        self._to_close: List[int] = []
        self._timeout = min(target.timeout, CONNECT_TIMEOUT)  # until it is greeted
        self._deadline = time.monotonic() + self._timeout
        if deadline is not None:
            self._deadline = min(self._deadline, deadline)
        self._frame = f.frame
        self._socket = _connect(target, endpoint, self._left())
        try:
            self._greet(target)
        except BaseException as e:
            self._socket.close()
            if isinstance(e, ConnectionError) and not self._inbox.greeted:
                raise without_a_word(e, self.name, isinstance(self._socket, ssl.SSLSocket)) from e
            raise
        self._recv = self._socket.recv
        self._sendall = self._socket.sendall
        self._poll = _poller(self._socket)
        self._timeout = target.timeout
        self._socket.settimeout(self._timeout)
        self.busy = False

    def _left(self) -> float:
        """Returns how long connecting may still take."""
        return max(LEAST_TIMEOUT, self._deadline - time.monotonic())

    def _greet(self, target: Target) -> None:
        self._recv, self._sendall = self._socket.recv, self._socket.sendall
        steps = handshake(target, self._inbox)
        try:
            data = next(steps)
            while True:
                self._socket.settimeout(self._left())
                if data:
                    self._send(data)
                data = steps.send(self._receive())
        except StopIteration as end:
            self.welcome = end.value
        if self.welcome.compressed:
            self._frame = f.compressed_frame
        self._next_id = self.welcome.next_id
        self._window = min(WINDOW_REQUESTS, self.welcome.in_flight)

    def exchange(self, request: m.Request[Any]) -> Reply:
        """Sends a request and returns the type and body of its reply."""
        data, number = self._prepare(request.type, request.body)
        self.sent = False
        self.busy = True
        if request.patient:
            self._socket.settimeout(None)
        self._send(data)
        self.sent = True
        reply = None
        while reply is None:
            self._fill()
            reply = self._reply_to(number)
        if request.patient:
            self._socket.settimeout(self._timeout)
        self.busy = False
        return reply.type, reply.body

    def _prepare(self, kind: int, body: bytes) -> Tuple[bytes, int]:
        """Returns the frame of a new request and its id, with what was to be said before."""
        if len(body) > self.welcome.frame:
            raise self._too_large(len(body))
        number = self._next_id
        while number in self._streams:  # one that has been open since all ids were used once
            number = number + 1 if number < f.MAX_ID else 1
        self._next_id = number + 1 if number < f.MAX_ID else 1
        data = self._frame(kind, number, body)
        if self._to_close:
            stream = self._to_close.pop()
            close, closing = self._prepare(f.CLOSE, m.one(stream))
            self._streams[closing] = None
            data = close + data
        return data, number

    def _reply_to(self, number: int) -> Optional[f.Frame]:
        while (frame := self._inbox.next()) is not None:
            if frame.id == number:
                return frame
            self._stray(frame)
        return None

    def _take_strays(self) -> None:
        while (frame := self._inbox.next()) is not None:
            self._stray(frame)

    def _too_large(self, size: int) -> FrameTooLargeError:
        return FrameTooLargeError(f"the request has {size} bytes; the server takes {self.welcome.frame} in one frame")

    def _send(self, data: bytes) -> None:
        try:
            self._sendall(data)
        except socket.timeout:
            raise TimeoutError(f"{self.name} has not taken a request within {self._timeout} s") from None
        except OSError as e:
            raise ConnectionError(f"the connection to {self.name} was lost: {e}") from e

    def _fill(self) -> None:
        missing = self._inbox.missing()
        try:
            data = self._recv(RECEIVE_BYTES if missing <= RECEIVE_BYTES else min(missing, LARGE_RECEIVE_BYTES))
        except (socket.timeout, BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError(f"{self.name} has not answered within {self._timeout} s") from None
        except OSError as e:
            raise ConnectionError(f"the connection to {self.name} was lost: {e}") from e
        if not data:
            raise ConnectionError(f"the connection to {self.name} was closed by the server")
        self._inbox.feed(data)

    def _receive(self) -> f.Frame:
        while (frame := self._inbox.next()) is None:
            self._fill()
        return frame

    def _stray(self, frame: f.Frame) -> None:
        """Takes a frame that is not the one that is waited for."""
        if frame.id == 0:
            self._of_connection(frame)
            return
        try:
            stream = self._streams[frame.id]
        except KeyError:
            raise ProtocolError(f"{self.name} answered request {frame.id}, which was not made") from None
        if stream is not None:
            stream.append(frame)
        elif frame.type in {f.END, f.ERROR} or (frame.type == f.OK and not frame.flags & f.MORE):
            del self._streams[frame.id]

    def _of_connection(self, frame: f.Frame) -> None:
        if frame.type == f.ERROR:
            raise d.decode_connection_error(frame.body, self.name)
        if frame.type != f.NOTICE:
            raise ProtocolError(f"{self.name} sent a frame of type {frame.type:#04x} that belongs to no request")
        self.leaving = True

    def stale(self) -> bool:
        """Reports, without waiting, whether the connection has ended or is about to. A write that is sent on it would
        get no answer, and nobody would know what became of it."""
        try:
            self._take_strays()
            if self._poll is None or not self._poll(0):
                return self.leaving
            self._socket.setblocking(False)
            while True:
                self._fill()
                self._take_strays()
        except TimeoutError:
            self._socket.settimeout(self._timeout)
            return self.leaving
        except Error:
            return True

    # --- Streams: cursors and watches -----------------------------------------------------------------------------

    def open_stream(self, kind: int, body: bytes) -> int:
        """Sends a SCAN, a WATCH or a statement and returns its id."""
        data, number = self._prepare(kind, body)
        self.sent = False
        self.busy = True
        self._streams[number] = deque()
        self._send(data)
        self.sent = True
        self.busy = False
        return number

    def next_of(self, number: int, deadline: Optional[float] = None) -> f.Frame:
        """Returns the next frame of a stream, which must come before the deadline and within the timeout of the client.
        After END or ERROR there is no stream any more."""
        if deadline is not None:
            frame = self.next_within(number, min(self._timeout, max(LEAST_TIMEOUT, deadline - time.monotonic())))
            if frame is None:
                self.busy = True  # it may still come, for nobody
                raise TimeoutError(f"{self.name} has not answered in time")
            return frame
        stream = self._streams[number]
        assert stream is not None
        self.busy = True
        while not stream:
            frame = self._receive()
            if frame.id == number:
                stream.append(frame)
            else:
                self._stray(frame)
        self.busy = False
        frame = stream.popleft()
        if frame.type in {f.END, f.ERROR}:
            del self._streams[number]
        return frame

    def next_within(self, number: int, seconds: Optional[float]) -> Optional[f.Frame]:
        """Is next_of that waits for ever or, with a time, returns None when that is over."""
        self._socket.settimeout(seconds)
        try:
            return self.next_of(number)
        except TimeoutError:
            self.busy = False
            return None
        finally:
            self._socket.settimeout(self._timeout)

    def grant(self, number: int) -> None:
        """Lets the server send one more frame of a stream."""
        data, _ = self._prepare(f.FETCH, m.fetch(number, 1))
        self.busy = True
        self._send(data)
        self.busy = False

    def tell(self, kind: int, body: bytes) -> None:
        """Sends a request whose reply does not matter."""
        data, number = self._prepare(kind, body)
        self._streams[number] = None
        self.busy = True
        self._send(data)
        self.busy = False

    def drop_stream(self, number: int, now: bool) -> None:
        """Ends a stream of which nothing more is wanted: now, or with the next request, for callers that cannot know
        whether one is just being sent."""
        if number not in self._streams:
            return
        self._streams[number] = None
        if now:
            self.tell(f.CLOSE, m.one(number))
        else:
            self._to_close.append(number)

    # --- Pipelines ------------------------------------------------------------------------------------------------

    def exchange_many(self, requests: Sequence[m.Request[Any]], replies: List[Optional[Outcome]]) -> None:
        """Sends requests without waiting in between, reads while it writes, and puts the replies into their places,
        where there is none yet. After an error sent_many tells how many of the requests the server may have got."""
        waiting: Dict[int, int] = {}
        out = memoryview(b"")
        for i, request in enumerate(requests):
            if replies[i] is None and len(request.body) > self.welcome.frame:
                replies[i] = self._too_large(len(request.body))
        done, self.sent_many = len(requests) - replies.count(None), 0
        self.busy = True
        self._socket.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while done < len(requests):
                if not out and len(waiting) <= WINDOW_REQUESTS // 2:
                    out = memoryview(self._chunk(requests, replies, waiting))
                out, moved = self._push(out)
                arrived = self._pull(waiting, replies)
                done += arrived
                if not moved and not arrived and done < len(requests):
                    events = selectors.EVENT_READ | (selectors.EVENT_WRITE if out else 0)
                    selector.modify(self._socket, events)
                    patient = any(requests[i].patient for i in waiting.values())
                    if not selector.select(None if patient else self._timeout):
                        raise TimeoutError(f"{self.name} has not answered within {self._timeout} s")
        self._socket.settimeout(self._timeout)
        self.busy = False

    def _chunk(
        self, requests: Sequence[m.Request[Any]], replies: List[Optional[Outcome]], waiting: Dict[int, int]
    ) -> bytes:
        """Returns the frames of the next requests, as many as a chunk and the window hold."""
        frames: List[bytes] = []
        size = 0
        while self.sent_many < len(requests) and len(waiting) < self._window and size < CHUNK_BYTES:
            index, request = self.sent_many, requests[self.sent_many]
            self.sent_many += 1
            if replies[index] is not None:
                continue
            data, number = self._prepare(request.type, request.body)
            waiting[number] = index
            frames.append(data)
            size += len(data)
        return b"".join(frames)

    def _push(self, out: memoryview) -> Tuple[memoryview, bool]:
        if not out:
            return out, False
        try:
            sent = self._socket.send(out)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return out, False
        except OSError as e:
            raise ConnectionError(f"the connection to {self.name} was lost: {e}") from e
        return out[sent:], True

    def _pull(self, waiting: Dict[int, int], replies: List[Optional[Outcome]]) -> int:
        """Takes what has arrived, without waiting; returns the number of replies."""
        try:
            self._fill()
        except TimeoutError:
            return 0
        arrived = 0
        while (frame := self._inbox.next()) is not None:
            index = waiting.pop(frame.id, None)
            if index is None:
                self._stray(frame)
            else:
                replies[index] = (frame.type, frame.body)
                arrived += 1
        return arrived

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it was never connected
            self.close()

    def wake(self) -> None:
        """Ends the connection under a thread that waits for something to arrive on it, which then gets an error. That
        thread closes the socket: if another did, its number could be that of a new one before the first has noticed."""
        with contextlib.suppress(OSError):
            # Not the method of TLS sockets, which takes from the other thread what it is using.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection, also if a process that was forked has the socket, too."""
        self.busy = True
        self.wake()
        self._socket.close()

    def forget(self) -> None:
        """Lets go of the socket in a process that was forked: the connection goes on, in the parent. Whoever still
        uses it here gets a ConnectionError; what it had inside, such as TLS, is never used again."""
        self.busy = self.inherited = True
        gone, self._socket = self._socket, socket.socket()
        self._socket.close()
        self._recv, self._sendall, self._poll = self._socket.recv, self._socket.sendall, None
        os.close(gone.detach())


def _connect(target: Target, endpoint: Endpoint, timeout: float) -> socket.socket:
    """Returns a connected socket, with TLS if that is wanted. Unix sockets need none."""
    where = name(endpoint)
    try:
        if isinstance(endpoint, str):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            s = socket.create_connection(endpoint, timeout)
    except (OSError, UnicodeError) as e:  # of host names, too
        raise ConnectionError(f"cannot connect to {where}: {e}") from e
    try:
        s.settimeout(timeout)
        if isinstance(endpoint, str):
            s.connect(endpoint)
            return s
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        context = target.context()
        if context is None:
            return s
        return context.wrap_socket(s, server_hostname=target.server_name or endpoint[0])
    except BaseException as e:
        s.close()
        if isinstance(e, OSError):
            raise ConnectionError(f"cannot connect to {where}: {e}") from e
        raise


def _poller(s: socket.socket) -> Optional[Callable[[int], List[Any]]]:
    """Returns what tells whether something has arrived; None where the system has no poll."""
    if not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(s, select.POLLIN)
    return poll.poll
