"""Makes requests on shared connections, and again where one was lost and that is safe: on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from typing import Any, Awaitable, Callable, List, Optional, Sequence, Tuple, TypeVar

from . import _decode as d
from . import _frame as f
from . import _messages as m
from . import _retry
from ._aio_link import AsyncLink, Outcome, Reply, Sent, Stream, dial
from ._codes import (
    ClosedError,
    ConnectionError,
    Error,
    FrameTooLargeError,
    InvalidArgumentError,
    ShuttingDownError,
    TimeoutError,
    TooManyConnectionsError,
)
from ._url import Target

T = TypeVar("T")

DEFAULT_POOL = 4


class AsyncCaller:
    """What the asyncio methods stand on. One connection carries the requests of all tasks; others are opened when the
    server allows no more transactions or cursors on it. For the event loop that first used it."""

    def __init__(self, locate: Callable[[], Awaitable[Target]], target: Target, retries: int) -> None:
        self._locate = locate
        self._retries = retries
        self._size = target.pool or DEFAULT_POOL
        self._timeout = target.timeout
        self._links: List[AsyncLink] = []
        self._good = 0  # the endpoint that worked last
        self._pid = os.getpid()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._opening: Optional[asyncio.Lock] = None
        self._freed: Optional[asyncio.Event] = None
        self._closed = False

    # --- Connections ----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Opens a first connection, so that a wrong address or password is found out at once."""
        await self._take()

    async def close(self) -> None:
        """Closes all connections. What is under way on them fails."""
        self._closed = True
        links, self._links = self._links, []
        if self._pid != os.getpid():
            return
        if self._loop is not asyncio.get_running_loop():
            for link in links:
                link.cut()  # its event loop, if that still runs, notices
            return
        for link in links:
            link.fail(ClosedError("the client was closed"))
        for link in links:
            await link.wait_closed()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():  # after a fork the connections and the loop are the parent's
            self._links, self._pid, self._loop = [], os.getpid(), None
        if self._loop is None:
            self._loop, self._opening, self._freed = loop, asyncio.Lock(), asyncio.Event()
        if self._loop is not loop:
            raise InvalidArgumentError("the client belongs to another event loop; connect in this one")

    def _usable(self, free: Callable[[AsyncLink], bool]) -> Optional[AsyncLink]:
        for link in self._links:
            if link.error is None and not link.leaving and free(link):
                return link
        return None

    async def _take(
        self, free: Callable[[AsyncLink], bool] = lambda _: True, deadline: Optional[float] = None
    ) -> AsyncLink:
        """Returns a connection that is free for what is wanted, opening one if need be, until the deadline at most."""
        if not self._closed and self._pid == os.getpid() and self._loop is asyncio.get_running_loop():
            link = self._usable(free)
            if link is not None:
                return link
        self._check()
        assert self._opening is not None
        end = time.monotonic() + self._timeout
        if deadline is not None:
            end = min(end, deadline)
        while True:
            async with self._opening:
                link = self._usable(free)
                if link is not None:
                    return link
                self._links = [k for k in self._links if k.error is None]
                if sum(not k.leaving for k in self._links) < self._size:
                    link = await self._dial(deadline)
                    if self._closed:
                        link.fail(ClosedError("the client was closed"))
                        await link.wait_closed()
                        raise ClosedError("the client is closed")
                    link.on_free = self.freed
                    self._links.append(link)
                    return link
            await self._wait_free(end)

    async def _wait_free(self, deadline: float) -> None:
        assert self._freed is not None
        self._freed.clear()
        try:
            await asyncio.wait_for(self._freed.wait(), deadline - time.monotonic())
        except asyncio.TimeoutError:
            raise TimeoutError(
                f"all {self._size} connections have had as much under way as the server allows for {self._timeout} s",
                hint="end transactions, scans and watches, or set pool=N",
            ) from None

    def freed(self) -> None:
        """Says that a transaction or stream has ended, so that others may begin."""
        if self._freed is not None:
            self._freed.set()

    async def _dial(self, deadline: Optional[float]) -> AsyncLink:
        target = await self._locate()
        errors: List[Error] = []
        n = len(target.endpoints)
        for i in range(n):
            at = (self._good + i) % n
            try:
                link = await dial(target, target.endpoints[at], deadline)
            except (*_retry.ELSEWHERE, TimeoutError) as e:
                errors.append(e)
            else:
                self._good = at
                return link
        if n == 1 and isinstance(errors[0], _retry.ELSEWHERE):
            raise errors[0]
        raise ConnectionError("; ".join(e.message for e in errors)) from errors[0]

    # --- Requests -------------------------------------------------------------------------------------------------

    async def call(self, request: m.Request[T]) -> T:
        """Makes a request and returns what it returns. The server may answer it before others, since whoever wants an
        order waits for one before making the next."""
        tries: Optional[_retry.Backoff] = None
        while True:
            sent = False
            try:
                link = await self._take()
                sent = True
                reply = await link.exchange(request, f.ANY_ORDER)
            except FrameTooLargeError:
                raise  # it was not sent, or not taken
            except Error as e:
                tries = await self._again(e, request.safe, sent, tries)
                continue
            try:
                return request.finish(*reply)
            except _retry.ELSEWHERE as e:
                tries = await self._again(e, True, False, tries)  # it was refused, so it was not done

    async def call_many(self, requests: Sequence[m.Request[Any]]) -> List[Outcome]:
        """Makes many requests without waiting in between; returns reply or error of each. When the connection is lost
        those that are not answered are made again, where that is safe, in their order."""
        outcomes: List[Optional[Outcome]] = [None] * len(requests)
        tries: Optional[_retry.Backoff] = None
        while None in outcomes:
            sent: Sent = {}
            try:
                link = await self._take()
                await link.exchange_many(requests, outcomes, sent)
            except Error as e:
                for i, outcome in enumerate(outcomes):
                    if outcome is None and not _retry.repeatable(e, requests[i].safe, i in sent):
                        outcomes[i] = _retry.final(e, requests[i].safe, i in sent)
                try:
                    tries = await self._again(e, True, True, tries) if None in outcomes else tries
                except Error as last:
                    outcomes = [last if o is None else o for o in outcomes]
        return [o for o in outcomes if o is not None]

    async def begin(self, request: m.Request[T]) -> Tuple[AsyncLink, T]:
        """Begins a transaction; returns its connection, too. The caller ends it with end_txn."""
        tries: Optional[_retry.Backoff] = None
        while True:
            link: Optional[AsyncLink] = None
            try:
                link = await self._take(lambda k: k.txns < k.welcome.txns)
                link.txns += 1
                return link, request.finish(*await self._begun(link, request))
            except BaseException as e:
                if link is not None:
                    self.end_txn(link)
                tries = await self._again(e, True, True, tries)

    @staticmethod
    async def _begun(link: AsyncLink, request: m.Request[Any]) -> Reply:
        """Makes a BEGIN. When it is cancelled meanwhile what it may have begun is rolled back."""

        def undo(begun: asyncio.Future[Reply]) -> None:
            if not begun.cancelled() and begun.exception() is None and begun.result()[0] == f.OK:
                with contextlib.suppress(Error):
                    link.tell(f.ROLLBACK, m.rollback(request.finish(*begun.result())[0]).body)

        exchange = asyncio.ensure_future(link.exchange(request))
        try:
            return await asyncio.shield(exchange)
        except asyncio.CancelledError:
            exchange.add_done_callback(undo)
            raise

    def end_txn(self, link: AsyncLink) -> None:
        """Says that a transaction has ended."""
        link.txns -= 1
        self.freed()

    async def open_statement(self, body: bytes, safe: bool) -> Tuple[Stream, f.Frame]:
        """Sends an EXEC, and again, as open_stream does, if it is safe. For AsyncCursor."""
        return await self.open_stream(f.EXEC, body, safe=safe)

    async def open_stream(
        self, kind: int, body: bytes, deadline: Optional[float] = None, safe: bool = True
    ) -> Tuple[Stream, f.Frame]:
        """Sends the request of a stream; returns the stream and its first frame. After the deadline it gives up."""
        tries: Optional[_retry.Backoff] = None
        while True:
            stream: Optional[Stream] = None
            try:
                link = await self._take(lambda k: k.cursors < k.welcome.cursors, deadline)
                stream = link.open_stream(kind, body)
                return stream, await first_frame(stream, deadline)
            except BaseException as e:
                if stream is not None:
                    stream.drop()
                sent = stream is not None and not isinstance(e, (ShuttingDownError, TooManyConnectionsError))
                tries = await self._again(e, safe, sent, tries, deadline)

    async def _again(
        self,
        error: BaseException,
        safe: bool,
        sent: bool,
        tries: Optional[_retry.Backoff],
        deadline: Optional[float] = None,
    ) -> _retry.Backoff:
        """Waits until a request that has failed may be made again, or raises what is to be raised."""
        if not _retry.repeatable(error, safe, sent):
            final = _retry.final(error, safe, sent)
            if final is error:
                raise error
            raise final from error
        tries = tries or _retry.Backoff(self._retries)
        delay = tries.next()
        left = math.inf if deadline is None else deadline - time.monotonic()
        if delay is None or left <= 0:
            raise error
        await asyncio.sleep(min(delay, left))
        return tries


async def first_frame(stream: Stream, deadline: Optional[float] = None) -> f.Frame:
    """Returns the first frame of a stream, unless it says that another connection should be asked."""
    frame = await stream.expect(deadline)
    if frame.type == f.ERROR and isinstance(e := d.decode_error(frame.body), _retry.ELSEWHERE):
        raise e
    return frame
