"""Requests that are collected first and sent without waiting in between."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Iterable, List, Optional, Tuple, TypeVar, Union

from . import _messages as m
from ._codes import Error
from ._types import Data, Durability, Rows, Seconds

T = TypeVar("T")


class Result(Generic[T]):
    """What a request in a pipeline will have returned."""

    __slots__ = ("_error", "_outcome", "request")

    def __init__(self, request: m.Request[T]) -> None:
        self.request = request
        self._outcome: Optional[List[T]] = None
        self._error: Optional[Error] = None

    @property
    def value(self) -> T:
        """What the request returned. If it failed its error is raised."""
        if self._error is not None:
            raise self._error
        if self._outcome is None:
            raise RuntimeError("the pipeline has not been executed yet")
        return self._outcome[0]

    @property
    def error(self) -> Optional[Error]:
        """The error with which the request failed, or None."""
        return self._error

    def settle(self, outcome: Union[Tuple[int, Any], Error]) -> None:
        """Takes the type and body of the reply, or the error. For the pipeline itself."""
        try:
            if isinstance(outcome, Error):
                raise outcome
            self._outcome = [self.request.finish(*outcome)]
        except Error as e:
            self._error = e

    def outcome(self) -> Union[T, Error]:
        """Returns the value or the error."""
        return self._error if self._error is not None else self.value


class PipelineBuilder:
    """Collects requests. Each returns a Result, which is known once the pipeline has been executed."""

    def __init__(self, keyspace: str, txn: int) -> None:
        self._keyspace = keyspace
        self._txn = txn
        self._results: List[Result[Any]] = []

    def __len__(self) -> int:
        """Returns the number of requests that wait for being executed."""
        return len(self._results)

    def _add(self, request: m.Request[T]) -> Result[T]:
        result = Result(request)
        self._results.append(result)
        return result

    def get(self, key: Data) -> Result[Optional[bytes]]:
        """Adds a read of key: its value, or None."""
        return self._add(m.get(key, self._keyspace, self._txn))

    def exists(self, key: Data) -> Result[bool]:
        """Adds the question whether key is there."""
        return self._add(m.exists(key, self._keyspace, self._txn))

    def get_many(self, keys: Iterable[Data]) -> Result[Rows]:
        """Adds a read of several keys at one moment."""
        return self._add(m.get_many(keys, self._keyspace, self._txn))

    def get_with_expiry(self, key: Data) -> Result[Optional[Tuple[bytes, Optional[datetime]]]]:
        """Adds a read of key and of when it expires."""
        return self._add(m.get_with_expiry(key, self._keyspace))

    def count(
        self, *, prefix: Optional[Data] = None, start: Optional[Data] = None, stop: Optional[Data] = None
    ) -> Result[int]:
        """Adds a count of the keys in a range."""
        return self._add(m.count(start, stop, prefix, self._keyspace, self._txn))

    def put(
        self, key: Data, value: Data, *, ttl: Optional[Seconds] = None, durability: Optional[Durability] = None
    ) -> Result[None]:
        """Adds a write of value under key."""
        return self._add(m.put(key, value, self._keyspace, self._txn, ttl, durability))

    def delete(self, key: Data, *, durability: Optional[Durability] = None) -> Result[None]:
        """Adds a deletion of key."""
        return self._add(m.delete(key, self._keyspace, self._txn, durability))

    def delete_range(
        self, start: Optional[Data], stop: Optional[Data], *, durability: Optional[Durability] = None
    ) -> Result[None]:
        """Adds the deletion of all keys from start, inclusive, to stop, exclusive; None is no bound."""
        return self._add(m.delete_range(start, stop, self._keyspace, self._txn, durability))

    def merge(
        self, key: Data, operator: str, operand: Data, *, durability: Optional[Durability] = None
    ) -> Result[None]:
        """Adds a change of the value of key by an operator."""
        return self._add(m.merge(key, operator, operand, self._keyspace, self._txn, durability))

    def incr(self, key: Data, by: int = 1, *, durability: Optional[Durability] = None) -> Result[None]:
        """Adds a change of the counter key by a number."""
        return self.merge(key, m.COUNTER, m.counter_operand(by), durability=durability)

    def append(self, key: Data, data: Data, *, durability: Optional[Durability] = None) -> Result[None]:
        """Adds an append of data to the value of key."""
        return self.merge(key, m.APPEND, data, durability=durability)

    def cas(self, key: Data, value: Data, seq: int, *, durability: Optional[Durability] = None) -> Result[int]:
        """Adds a write of value under key if its last write is that with the sequence number seq; 0: if it is not
        there."""
        return self._add(m.cas(key, value, seq, self._keyspace, durability))

    def _take(self) -> List[Result[Any]]:
        results, self._results = self._results, []
        return results


def raise_first(results: List[Result[Any]]) -> None:
    """Raises the first error among results, if there is one."""
    for result in results:
        if result.error is not None:
            raise result.error
