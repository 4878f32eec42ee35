"""What to do when a connection fails: repeat what is safe to repeat, and say so where it is not known what happened."""

from __future__ import annotations

import random
from typing import Optional, TypeVar, Union

from ._codes import (
    CommitUnknownError,
    ConflictError,
    ConnectionError,
    Error,
    ShuttingDownError,
    TooManyConnectionsError,
    TxnTooOldError,
)

# Errors that another connection, or the same one a little later, may not have.
ELSEWHERE = (ConnectionError, ShuttingDownError, TooManyConnectionsError)

DEFAULT_RETRIES = 14  # takes about five seconds, which is enough to start a server again
FIRST_DELAY, LONGEST_DELAY = 0.025, 1.0


class Backoff:
    """Delays between tries: each is chance up to a bound, so that clients do not all come back at once, and the bound
    doubles. It counts, and ends after as many tries as are allowed."""

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._bound = FIRST_DELAY

    def next(self) -> Optional[float]:
        """Returns how many seconds to wait before the next try, or None if there shall be none."""
        if self._left <= 0:
            return None
        self._left -= 1
        delay = random.uniform(0, self._bound)
        self._bound = min(2 * self._bound, LONGEST_DELAY)
        return delay


def repeatable(error: BaseException, safe: bool, sent: bool) -> bool:
    """Reports whether a request that failed so may be made again, on another connection."""
    return isinstance(error, ELSEWHERE) and (safe or not sent)


E = TypeVar("E", bound=BaseException)


def final(error: E, safe: bool, sent: bool) -> Union[E, CommitUnknownError]:
    """Returns what to raise for a request that is not made again: whoever sent a write and got no answer does not know
    what became of it."""
    if safe or not sent or not isinstance(error, Error) or isinstance(error, CommitUnknownError):
        return error
    return CommitUnknownError(f"it is not known whether the write was stored: {error.message}")


# Errors after which a transaction may be run again from its beginning: nothing of it was written.
AGAIN = (ConflictError, TxnTooOldError, *ELSEWHERE)
