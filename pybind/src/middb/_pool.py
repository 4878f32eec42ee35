"""Connections that threads take and put back. Taking one that is idle locks nothing."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from typing import Callable, Deque, List, Set

from ._codes import ClosedError, ConnectionError, Error, TimeoutError
from ._link import Link
from ._retry import ELSEWHERE
from ._url import Target

DEFAULT_SIZE = 16


class Pool:
    """Up to size connections to where locate says. In a process that was forked it begins anew: the connections are
    the parent's."""

    def __init__(self, locate: Callable[[], Target], size: int, wait: float) -> None:
        self._locate = locate
        self._size = size
        self._wait = wait
        self._idle: Deque[Link] = deque()  # the last one put back is taken first
        self._links: Set[Link] = set()  # idle and in use; guarded by changed, like what follows
        self._opening = 0
        self._waiting = 0
        self._changed = threading.Condition()
        self._good = 0  # the endpoint that worked last
        self.closed = False
        _pools.add(self)

    def take(self) -> Link:
        """Returns a connection that nobody else uses, opening one if need be."""
        try:
            return self._idle.pop()
        except IndexError:
            pass  # errors of what follows have nothing to do with this one
        return self._take_slowly()

    def put(self, link: Link) -> None:
        """Gives a connection back."""
        if self.closed or link.leaving:
            self.discard(link)
            return
        self._idle.append(link)
        if self._waiting:
            with self._changed:
                self._changed.notify()
        if self.closed:  # meanwhile
            self.discard_idle()

    def discard(self, link: Link) -> None:
        """Closes a connection that is of no more use."""
        link.close()
        with self._changed:
            self._links.discard(link)
            self._changed.notify()

    def discard_idle(self) -> None:
        """Closes the connections that nobody uses. When one was lost the others are likely to be, too."""
        while True:
            try:
                self.discard(self._idle.pop())
            except IndexError:
                return

    def close(self) -> None:
        """Closes all connections, those in use when they are put back. A thread that waits for an answer on one gets an
        error."""
        self.closed = True
        self.discard_idle()
        with self._changed:
            for link in self._links:
                link.wake()
            self._changed.notify_all()

    def _take_slowly(self) -> Link:
        deadline = time.monotonic() + self._wait
        with self._changed:
            self._waiting += 1  # before looking: put looks at it after it has put
            try:
                while True:
                    if self.closed:
                        raise ClosedError("the client is closed")
                    if self._idle:
                        return self._idle.pop()
                    if len(self._links) + self._opening < self._size:
                        self._opening += 1
                        break
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise TimeoutError(
                            f"all {self._size} connections have been in use for {self._wait} s",
                            hint="scans, watches and transactions under way hold one each; end them, or set pool=N",
                        )
            finally:
                self._waiting -= 1
        return self._open()

    def _open(self) -> Link:
        try:
            link = self._dial()
        except BaseException:
            with self._changed:
                self._opening -= 1
                self._changed.notify()
            raise
        with self._changed:
            self._opening -= 1
            self._links.add(link)
        if self.closed:
            self.discard(link)
            raise ClosedError("the client is closed")
        return link

    def _dial(self) -> Link:
        """Returns a new connection to the first endpoint that has one, beginning with the one that had one last."""
        target = self._locate()
        errors: List[Error] = []
        n = len(target.endpoints)
        for i in range(n):
            at = (self._good + i) % n
            try:
                link = Link(target, target.endpoints[at])
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
        for link in self._links:
            link.forget()
        self._links.clear()
        self._idle.clear()
        self._opening = self._waiting = 0
        self._changed = threading.Condition()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
