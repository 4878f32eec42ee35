"""A keyspace outside of transactions, blocking."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, List, Optional, Tuple, Type, TypeVar

from . import _admin
from . import _messages as m
from ._batch import BatchWriter
from ._caller import Caller
from ._codes import ExistsError, NotFoundError
from ._pipeline import PipelineBuilder, Result, raise_first
from ._scan import Source
from ._types import Data, Durability, to_bytes
from ._verbs import Verbs
from ._watch import Watch

T = TypeVar("T")


class Keyspace(Verbs):
    """A set of keys of its own. Its methods may be called by any thread at any time."""

    _caller: Caller

    def __init__(self, caller: Caller, name: str) -> None:
        self._caller = caller
        self._keyspace = name

    @property
    def name(self) -> str:
        """The name of the keyspace; empty: the one that the server takes for the client."""
        return self._keyspace

    def get_with_seq(self, key: Data) -> Optional[Tuple[bytes, int]]:
        """Returns the value of key and the sequence number of its last write, for cas; None if it is not there."""
        return self._call(m.get_with_seq(key, self._keyspace))

    def get_with_expiry(self, key: Data) -> Optional[Tuple[bytes, Optional[datetime]]]:
        """Returns the value of key and when it expires, or None; None if key is not there."""
        return self._call(m.get_with_expiry(key, self._keyspace))

    def ttl(self, key: Data) -> Optional[timedelta]:
        """Returns how long key has to live, by the clock of this machine; None if it does not expire. If it is not
        there the error is NotFoundError."""
        return remaining(key, self._call(m.get_with_expiry(key, self._keyspace)))

    def cas(self, key: Data, value: Data, seq: int, *, durability: Optional[Durability] = None) -> int:
        """Writes value under key if the write with the sequence number seq was the last to it, and returns the
        sequence number of the new write. If not, the error is SeqMismatchError; with seq 0, for a key that must not be
        there, ExistsError."""
        return self._call(m.cas(key, value, seq, self._keyspace, durability))

    def put_if_absent(self, key: Data, value: Data, *, durability: Optional[Durability] = None) -> bool:
        """Writes value under key if key is not there; reports whether it has."""
        try:
            self._call(m.cas(key, value, 0, self._keyspace, durability))
        except ExistsError:
            return False
        return True

    def batch(self, *, durability: Optional[Durability] = None) -> Batch:
        """Returns a collection of writes that are applied together, or not at all, when its with block ends."""
        return Batch(self._caller, self._keyspace, durability)

    def pipeline(self) -> Pipeline:
        """Returns a collection of requests that are sent without waiting in between."""
        return Pipeline(self._caller, self._keyspace)

    def watch(self, from_seq: int = 0, *, prefix: Optional[Data] = None) -> Watch:
        """Returns an iterator over what is committed from the sequence number from_seq on, 0 being now, to keys that
        begin with prefix. If the log does not reach back to it the error is FeedTruncatedError."""
        return Watch(self._caller, self._keyspace, from_seq, prefix)

    def compact(self, start: Optional[Data] = None, stop: Optional[Data] = None) -> None:
        """Merges what the keyspace has from start to stop into the deepest level, and returns when that is done. Space
        of what was deleted is free then."""
        self._call(_admin.compact(self._keyspace, start, stop))

    def _call(self, request: m.Request[T]) -> T:
        return self._caller.call(request)

    def _source(self) -> Source:
        return self._caller


class Batch(BatchWriter):
    """Writes that become visible, and survive a crash, together or not at all: when the with block ends without an
    error, or with commit. It is for one thread at a time."""

    def __init__(self, caller: Caller, keyspace: str, durability: Optional[Durability]) -> None:
        super().__init__([], "")
        self._caller = caller
        self._of = keyspace
        self._durability = durability

    def commit(self) -> None:
        """Applies the writes and empties the batch. On an error it keeps them."""
        if self._ops:
            self._caller.call(m.batch(self._ops, self._of, 0, self._durability))
            self._ops.clear()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is None:
            self.commit()


class Pipeline(PipelineBuilder):
    """Requests that are sent without waiting in between, and take effect in their order, though not as one: others may
    come in between. It is for one thread at a time."""

    def __init__(self, caller: Caller, keyspace: str) -> None:
        super().__init__(keyspace, 0)
        self._caller = caller

    def execute(self) -> List[Any]:
        """Makes the requests and returns what they return, in their order. In the place of one that failed is its
        error; nothing is raised for it. The pipeline is empty then and can be filled again."""
        return [r.outcome() for r in self._execute()]

    def _execute(self) -> List[Result[Any]]:
        results = self._take()
        outcomes = self._caller.call_many([r.request for r in results])
        for result, outcome in zip(results, outcomes):
            result.settle(outcome)
        return results

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Executes what was collected, and raises the first error if there is one; the others are in the results."""
        if error is None:
            raise_first(self._execute())


def remaining(key: Data, found: Optional[Tuple[bytes, Optional[datetime]]]) -> Optional[timedelta]:
    """Returns the time to live of a key of which get_with_expiry has said this."""
    if found is None:
        raise NotFoundError(f"key not found: {to_bytes(key)!r}")
    expires = found[1]
    return None if expires is None else max(timedelta(0), expires - datetime.now(timezone.utc))
