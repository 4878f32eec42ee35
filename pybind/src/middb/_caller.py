"""Makes requests on connections of a pool, and again where one was lost and that is safe."""

from __future__ import annotations

import math
import time
from typing import Any, Callable, List, Optional, Sequence, Tuple, TypeVar

from . import _decode as d
from . import _frame as f
from . import _messages as m
from . import _retry
from ._codes import Error, ProtocolError
from ._link import Link, Outcome
from ._pool import Pool
from ._url import Target

T = TypeVar("T")

DEFAULT_POOL = 16


class Caller:
    """What the blocking methods stand on. Safe for use by many threads, and after a fork."""

    def __init__(self, locate: Callable[[], Target], target: Target, retries: int) -> None:
        self._pool = Pool(locate, target.pool or DEFAULT_POOL, target.timeout)
        self._retries = retries

    def open(self) -> None:
        """Opens a first connection, so that a wrong address or password is found out at once."""
        self._pool.put(self._pool.take())

    def call(self, request: m.Request[T]) -> T:
        """Makes a request and returns what it returns."""
        pool = self._pool
        tries: Optional[_retry.Backoff] = None
        while True:
            link: Optional[Link] = None
            try:
                link = pool.take()
                if not request.safe and link.stale():
                    stale, link = link, None
                    link = self._fresh(stale)
                kind, body = link.exchange(request)
            except BaseException as e:
                tries = self._again(e, request.safe, link, tries)
                continue
            try:
                value = request.finish(kind, body)
            except _retry.ELSEWHERE as e:
                # The server has refused the request, so that it may be made again even if it is a write.
                pool.put(link)
                tries = self._wait(e, tries)
            except Error as e:
                self._judge(e, link)
                raise
            else:
                pool.put(link)
                return value

    def call_and_keep(self, request: m.Request[T]) -> Tuple[Link, T]:
        """Makes a request and returns the connection, too, which the caller gives back."""
        tries: Optional[_retry.Backoff] = None
        while True:
            link: Optional[Link] = None
            try:
                link = self._pool.take()
                reply = link.exchange(request)
            except BaseException as e:
                tries = self._again(e, request.safe, link, tries)
                continue
            try:
                return link, request.finish(*reply)
            except _retry.ELSEWHERE as e:
                self._pool.discard(link)
                tries = self._wait(e, tries)
            except Error as e:
                self._judge(e, link)
                raise

    def call_many(self, requests: Sequence[m.Request[Any]]) -> List[Outcome]:
        """Makes many requests without waiting in between; returns reply or error of each. When the connection is lost
        those that are not answered are made again, where that is safe, in their order."""
        outcomes: List[Optional[Outcome]] = [None] * len(requests)
        tries: Optional[_retry.Backoff] = None
        while None in outcomes:
            link: Optional[Link] = None
            try:
                link = self._pool.take()
                if link.stale():
                    stale, link = link, None
                    link = self._fresh(stale)
                link.exchange_many(requests, outcomes)
                self._pool.put(link)
            except Error as e:
                self._settle(requests, outcomes, e, link.sent_many if link else 0)
                tries = self._again_many(e, link, tries, outcomes)
            except BaseException:
                if link is not None:
                    self._pool.discard(link)
                raise
        return [o for o in outcomes if o is not None]

    @staticmethod
    def _settle(requests: Sequence[m.Request[Any]], outcomes: List[Optional[Outcome]], error: Error, sent: int) -> None:
        """Gives those requests the error that must not be made again."""
        for i, outcome in enumerate(outcomes):
            if outcome is None and not _retry.repeatable(error, requests[i].safe, i < sent):
                outcomes[i] = _retry.final(error, requests[i].safe, i < sent)

    def _again_many(
        self, error: Error, link: Optional[Link], tries: Optional[_retry.Backoff], outcomes: List[Optional[Outcome]]
    ) -> Optional[_retry.Backoff]:
        self._lose(link, error)
        if None in outcomes:
            try:
                return self._wait(error, tries)
            except Error as e:
                outcomes[:] = [e if o is None else o for o in outcomes]
        return tries

    def open_statement(self, body: bytes, safe: bool) -> Tuple[Link, int, f.Frame]:
        """Sends an EXEC, and again, as open_stream does, if it is safe. For Cursor."""
        return self.open_stream(f.EXEC, body, safe=safe)

    def open_stream(
        self, kind: int, body: bytes, deadline: Optional[float] = None, safe: bool = True
    ) -> Tuple[Link, int, f.Frame]:
        """Sends the request of a stream; returns the connection, the number of the stream, and its first frame. After
        the deadline it gives up."""
        tries: Optional[_retry.Backoff] = None
        while True:
            link: Optional[Link] = None
            try:
                link = self._pool.take(deadline)
                if not safe and link.stale():
                    stale, link = link, None
                    link = self._fresh(stale)
                number = link.open_stream(kind, body)
                frame = link.next_of(number, deadline)
                if frame.type == f.ERROR and isinstance(e := d.decode_error(frame.body), _retry.ELSEWHERE):
                    raise e
            except BaseException as e:
                tries = self._again(e, safe, link, tries, deadline)
            else:
                return link, number, frame

    def end_stream(self, link: Link, number: int) -> None:
        """Ends a stream, if it has not ended, and gives its connection back."""
        try:
            if not link.busy:
                link.drop_stream(number, now=True)
        except BaseException as e:
            link.busy = True
            if not isinstance(e, Error):
                raise
        finally:
            self.give_back(link)

    def keep(self) -> Link:
        """Returns a connection that the caller keeps, and gives back."""
        return self._pool.take()

    def give_back(self, link: Link) -> None:
        """Gives a connection back; one that is busy has failed, or has something under way that nobody waits for."""
        if link.busy:
            self._pool.discard(link)
        else:
            self._pool.put(link)

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()

    def _fresh(self, stale: Link) -> Link:
        """Returns a connection that has not ended, instead of one that has."""
        while True:
            self._pool.discard(stale)
            stale = self._pool.take()
            if not stale.stale():
                return stale

    def _judge(self, error: Error, link: Link) -> None:
        """Gives a connection back after a reply that is an error. A server that breaks the protocol is not trusted with
        another request."""
        link.busy = isinstance(error, ProtocolError)
        self.give_back(link)

    def _lose(self, link: Optional[Link], error: BaseException) -> None:
        """Closes a connection that failed and, if it was lost, the idle ones, which go to the same server. One that was
        being used when something interrupted that is closed, too: nobody knows how far it had come."""
        if link is not None:
            link.busy = link.busy or not isinstance(error, Error)
            self.give_back(link)
            if link.busy and isinstance(error, _retry.ELSEWHERE):
                self._pool.discard_idle()

    def _again(
        self,
        error: BaseException,
        safe: bool,
        link: Optional[Link],
        tries: Optional[_retry.Backoff],
        deadline: Optional[float] = None,
    ) -> _retry.Backoff:
        """Waits until a request that has failed may be made again, or raises what is to be raised."""
        sent = link is not None and link.busy and link.sent
        self._lose(link, error)
        if _retry.repeatable(error, safe, sent):
            return self._wait(error, tries, deadline)
        final = _retry.final(error, safe, sent)
        if final is error:
            raise error
        raise final from error

    def _wait(
        self, error: BaseException, tries: Optional[_retry.Backoff], deadline: Optional[float] = None
    ) -> _retry.Backoff:
        tries = tries or _retry.Backoff(self._retries)
        delay = tries.next()
        left = math.inf if deadline is None else deadline - time.monotonic()
        if delay is None or left <= 0:
            raise error
        time.sleep(min(delay, left))
        return tries
