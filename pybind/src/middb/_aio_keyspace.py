"""A keyspace outside of transactions, on asyncio."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, List, Optional, Tuple, Type, TypeVar

from . import _admin
from . import _messages as m
from ._aio_caller import AsyncCaller
from ._aio_scan import AsyncSource
from ._aio_verbs import AsyncVerbs
from ._aio_watch import AsyncWatch
from ._batch import BatchWriter
from ._codes import ExistsError
from ._keyspace import remaining
from ._pipeline import PipelineBuilder, Result, raise_first
from ._types import Data, Durability

T = TypeVar("T")


class AsyncKeyspace(AsyncVerbs):
    """A set of keys of its own. Any task may use it at any time."""

    _caller: AsyncCaller

    def __init__(self, caller: AsyncCaller, name: str) -> None:
        self._caller = caller
        self._keyspace = name

    @property
    def name(self) -> str:
        """The name of the keyspace; empty: the one that the server takes for the client."""
        return self._keyspace

    async def get_with_seq(self, key: Data) -> Optional[Tuple[bytes, int]]:
        """Returns the value of key and the sequence number of its last write, for cas; None if it is not there."""
        return await self._call(m.get_with_seq(key, self._keyspace))

    async def get_with_expiry(self, key: Data) -> Optional[Tuple[bytes, Optional[datetime]]]:
        """Returns the value of key and when it expires, or None; None if key is not there."""
        return await self._call(m.get_with_expiry(key, self._keyspace))

    async def ttl(self, key: Data) -> Optional[timedelta]:
        """Returns how long key has to live, by the clock of this machine; None if it does not expire. If it is not
        there the error is NotFoundError."""
        return remaining(key, await self._call(m.get_with_expiry(key, self._keyspace)))

    async def cas(self, key: Data, value: Data, seq: int, *, durability: Optional[Durability] = None) -> int:
        """Writes value under key if the write with the sequence number seq was the last to it, and returns the
        sequence number of the new write. If not, the error is SeqMismatchError; with seq 0, for a key that must not be
        there, ExistsError."""
        return await self._call(m.cas(key, value, seq, self._keyspace, durability))

    async def put_if_absent(self, key: Data, value: Data, *, durability: Optional[Durability] = None) -> bool:
        """Writes value under key if key is not there; reports whether it has."""
        try:
            await self._call(m.cas(key, value, 0, self._keyspace, durability))
        except ExistsError:
            return False
        return True

    def batch(self, *, durability: Optional[Durability] = None) -> AsyncBatch:
        """Returns a collection of writes that are applied together, or not at all, when its async with block ends."""
        return AsyncBatch(self._caller, self._keyspace, durability)

    def pipeline(self) -> AsyncPipeline:
        """Returns a collection of requests that are sent without waiting in between."""
        return AsyncPipeline(self._caller, self._keyspace)

    def watch(self, from_seq: int = 0, *, prefix: Optional[Data] = None) -> AsyncWatch:
        """Returns an asynchronous iterator over what is committed from the sequence number from_seq on, 0 being now,
        to keys that begin with prefix. If the log does not reach back to it the error is FeedTruncatedError."""
        return AsyncWatch(self._caller, self._keyspace, from_seq, prefix)

    async def compact(self, start: Optional[Data] = None, stop: Optional[Data] = None) -> None:
        """Merges what the keyspace has from start to stop into the deepest level, and returns when that is done. Space
        of what was deleted is free then."""
        await self._call(_admin.compact(self._keyspace, start, stop))

    async def _call(self, request: m.Request[T]) -> T:
        return await self._caller.call(request)

    def _source(self) -> AsyncSource:
        return self._caller


class AsyncBatch(BatchWriter):
    """Writes that become visible, and survive a crash, together or not at all: when the async with block ends without
    an error, or with commit. It is for one task at a time."""

    def __init__(self, caller: AsyncCaller, keyspace: str, durability: Optional[Durability]) -> None:
        super().__init__([], "")
        self._caller = caller
        self._of = keyspace
        self._durability = durability

    async def commit(self) -> None:
        """Applies the writes and empties the batch. On an error it keeps them."""
        if self._ops:
            await self._caller.call(m.batch(self._ops, self._of, 0, self._durability))
            self._ops.clear()

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is None:
            await self.commit()


class AsyncPipeline(PipelineBuilder):
    """Requests that are sent without waiting in between, and take effect in their order, though not as one: others may
    come in between. It is for one task at a time."""

    def __init__(self, caller: AsyncCaller, keyspace: str) -> None:
        super().__init__(keyspace, 0)
        self._caller = caller

    async def execute(self) -> List[Any]:
        """Makes the requests and returns what they return, in their order. In the place of one that failed is its
        error; nothing is raised for it. The pipeline is empty then and can be filled again."""
        return [r.outcome() for r in await self._execute()]

    async def _execute(self) -> List[Result[Any]]:
        results = self._take()
        outcomes = await self._caller.call_many([r.request for r in results])
        for result, outcome in zip(results, outcomes):
            result.settle(outcome)
        return results

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Executes what was collected, and raises the first error if there is one; the others are in the results."""
        if error is None:
            raise_first(await self._execute())
