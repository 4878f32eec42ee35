"""Connections that threads take and put back. Taking one that is idle locks nothing."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections import deque
from typing import Callable, Deque, List, Optional, Union

from ._codes import ClosedError, ConnectionError, Error, TimeoutError
from ._link import Link
from ._retry import ELSEWHERE
from ._url import Target

DEFAULT_SIZE = 16

# Seconds after which a thread that waits looks again by itself, for what nobody tells it: see Pool.
LOOK_AGAIN = 0.25


class Leave:
    """The right to open a connection. It ends when nobody refers to it."""

    __slots__ = ("__weakref__",)


class Waiter:
    """A thread that waits for its turn."""

    __slots__ = ("bell", "given")

    def __init__(self) -> None:
        self.given: Union[Link, Leave, None] = None
        self.bell = threading.Lock()
        self.bell.acquire()


class Pool:
    """Up to size connections to where locate says, for those who ask in their order. In a process that was forked it
    begins anew: the connections are the parent's.

    It refers strongly to idle connections only. A handler of a signal may raise an exception between any two steps of
    a thread; a connection that is dropped then closes itself and makes room for another."""

    def __init__(self, locate: Callable[[], Target], size: int, wait: float) -> None:
        self._locate = locate
        self._size = size
        self._wait = wait
        self._idle: Deque[Link] = deque()  # the last one put back is taken first
        self._waiting: Deque[Waiter] = deque()  # while there are some, nobody takes what is idle but by turn
        self._places: List[weakref.ref[Union[Link, Leave]]] = []  # of connections, idle and in use; guarded by lock
        self._lock = threading.Lock()
        self._good = 0  # the endpoint that worked last
        self.closed = False
        _pools.add(self)

    def take(self, deadline: Optional[float] = None) -> Link:
        """Returns a connection that nobody else uses, opening one if need be, until the deadline at most."""
        if not self._waiting:
            try:
                return self._idle.pop()
            except IndexError:
                pass  # errors of what follows have nothing to do with this one
        return self._take_in_turn(deadline)

    def put(self, link: Link) -> None:
        """Gives a connection back."""
        if self.closed or link.leaving:
            self.discard(link)
            return
        self._idle.append(link)
        if self._waiting:  # this after putting, they the other way round
            self._serve()
        if self.closed:  # meanwhile
            self.discard_idle()

    def discard(self, link: Link) -> None:
        """Closes a connection that is of no more use."""
        link.close()
        self._vacate(link)

    def discard_idle(self) -> None:
        """Closes the connections that nobody uses. When one was lost the others are likely to be, too."""
        with contextlib.suppress(IndexError):
            while True:
                self.discard(self._idle.pop())

    def close(self) -> None:
        """Closes all connections, those in use when they are put back. A thread that waits for an answer on one gets an
        error."""
        self.closed = True
        self.discard_idle()
        with self._lock:
            for link in self._links():
                link.wake()
        self._serve()

    def _links(self) -> List[Link]:
        return [link for link in (place() for place in self._places) if isinstance(link, Link)]

    def _vacate(self, held: Union[Link, Leave, None], by: Optional[Link] = None) -> None:
        """Takes a place back, and those of what nobody refers to any more; or gives it to a connection."""
        with self._lock:
            self._places = [place for place in self._places if place() not in {None, held}]
            if by is not None:
                self._places.append(weakref.ref(by))
        if by is None:
            self._serve()

    def _serve(self) -> None:
        """Gives what there is to those who wait, in their order."""
        with self._lock, contextlib.suppress(IndexError):  # somebody who saw nobody wait was faster, or there is no one
            while self._waiting:
                given: Union[Link, Leave, None] = None
                if self._idle:
                    given = self._idle.pop()
                elif sum(place() is not None for place in self._places) < self._size:
                    given = Leave()
                    self._places.append(weakref.ref(given))
                elif not self.closed:
                    return
                waiter = self._waiting.popleft()
                waiter.given = given
                waiter.bell.release()

    def _take_in_turn(self, deadline: Optional[float]) -> Link:
        waiter = Waiter()
        try:
            self._waiting.append(waiter)  # inside: a signal may come as soon as it has
            self._await(waiter, deadline)
        except BaseException:
            self._withdraw(waiter)
            raise
        if self.closed:
            self._withdraw(waiter)
            raise ClosedError("the client is closed")
        given, waiter.given = waiter.given, None
        assert given is not None
        return given if isinstance(given, Link) else self._open(given, deadline)

    def _withdraw(self, waiter: Waiter) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._waiting.remove(waiter)
        given, waiter.given = waiter.given, None
        if isinstance(given, Link):
            self.put(given)

    def _await(self, waiter: Waiter, deadline: Optional[float]) -> None:
        """Returns when it is a waiter's turn."""
        end = time.monotonic() + self._wait
        if deadline is not None:
            end = min(end, deadline)
        while True:
            self._serve()
            left = end - time.monotonic()
            if waiter.bell.acquire(timeout=max(0.0, min(left, LOOK_AGAIN))):
                return
            if left <= 0:
                raise TimeoutError(
                    f"all {self._size} connections have been in use for {self._wait} s",
                    hint="scans, watches and transactions under way hold one each; end them, or set pool=N",
                )

    def _open(self, leave: Leave, deadline: Optional[float]) -> Link:
        try:
            link = self._dial(deadline)
        except BaseException:
            self._vacate(leave)  # now: the exception refers to it, and may live long
            raise
        self._vacate(leave, by=link)
        if self.closed:
            self.discard(link)
            raise ClosedError("the client is closed")
        return link

    def _dial(self, deadline: Optional[float]) -> Link:
        """Returns a new connection to the first endpoint that has one, beginning with the one that had one last."""
        target = self._locate()
        errors: List[Error] = []
        n = len(target.endpoints)
        for i in range(n):
            at = (self._good + i) % n
            try:
                link = Link(target, target.endpoints[at], deadline)
            except (*ELSEWHERE, TimeoutError) as e:
                errors.append(e)
            else:
                self._good = at
                return link
        if n == 1 and isinstance(errors[0], ELSEWHERE):
            raise errors[0]
        raise ConnectionError("; ".join(e.message for e in errors)) from errors[0]

    def after_fork(self) -> None:
        """Begins anew, in the child."""
        for link in self._links():
            link.forget()
        self._places.clear()
        self._idle.clear()
        self._waiting.clear()
        self._lock = threading.Lock()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def close_all() -> None:
    """Closes all connections of this process, which is about to end."""
    for pool in list(_pools):
        pool.close()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
