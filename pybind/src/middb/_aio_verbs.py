"""What can be done to the keys of a keyspace, outside and inside of a transaction: the methods on asyncio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Iterable, Literal, Optional, Tuple, TypeVar, Union, overload

from . import _decode as d
from . import _messages as m
from ._aio_scan import AsyncScan, AsyncSource
from ._batch import BatchWriter, Pairs
from ._codes import InvalidArgumentError
from ._types import Data, Durability, Rows, Seconds

T = TypeVar("T")
D = TypeVar("D")


class AsyncVerbs(ABC):
    """Reads and writes of one keyspace."""

    _keyspace: str = ""
    _txn: int = 0

    @abstractmethod
    async def _call(self, request: m.Request[T]) -> T:
        """Makes a request and returns what it returns."""

    @abstractmethod
    def _source(self) -> AsyncSource:
        """Returns where a scan gets its rows from."""

    def _check(self, durability: Optional[Durability]) -> Optional[Durability]:
        if durability is not None and self._txn:
            raise InvalidArgumentError("the durability of a transaction is given when it begins")
        return durability

    @overload
    async def get(self, key: Data) -> Optional[bytes]: ...
    @overload
    async def get(self, key: Data, default: D) -> Union[bytes, D]: ...
    async def get(self, key: Data, default: object = None) -> object:
        """Returns the value of key, or default if it is not there."""
        value = await self._call(m.get(key, self._keyspace, self._txn))
        return default if value is None else value

    async def exists(self, key: Data) -> bool:
        """Reports whether key is there."""
        return await self._call(m.exists(key, self._keyspace, self._txn))

    async def get_many(self, keys: Iterable[Data]) -> Rows:
        """Returns the values of keys, in their order, as they are at one moment; None for those that are not there."""
        return await self._call(m.get_many(keys, self._keyspace, self._txn))

    async def counter(self, key: Data) -> int:
        """Returns the number that incr has made of key; 0 if it is not there."""
        return m.counter_value(await self._call(m.get(key, self._keyspace, self._txn)))

    async def count(
        self, *, prefix: Optional[Data] = None, start: Optional[Data] = None, stop: Optional[Data] = None
    ) -> int:
        """Returns the number of keys that begin with prefix, from start, inclusive, to stop, exclusive. It takes as
        long as reading them, but sends none."""
        return await self._call(m.count(start, stop, prefix, self._keyspace, self._txn))

    @overload
    def scan(
        self,
        *,
        prefix: Optional[Data] = None,
        start: Optional[Data] = None,
        stop: Optional[Data] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        keys_only: Literal[False] = False,
    ) -> AsyncScan[Tuple[bytes, bytes]]: ...
    @overload
    def scan(
        self,
        *,
        prefix: Optional[Data] = None,
        start: Optional[Data] = None,
        stop: Optional[Data] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        keys_only: Literal[True],
    ) -> AsyncScan[bytes]: ...
    @overload
    def scan(
        self,
        *,
        prefix: Optional[Data] = None,
        start: Optional[Data] = None,
        stop: Optional[Data] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        keys_only: bool,
    ) -> Union[AsyncScan[Tuple[bytes, bytes]], AsyncScan[bytes]]: ...
    def scan(
        self,
        *,
        prefix: Optional[Data] = None,
        start: Optional[Data] = None,
        stop: Optional[Data] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        keys_only: bool = False,
    ) -> Union[AsyncScan[Tuple[bytes, bytes]], AsyncScan[bytes]]:
        """Returns an iterator, for async for, over pairs of key and value, or over keys, in the order of their bytes:
        those that begin with prefix, from start, inclusive, to stop, exclusive. It sees one moment, that of its first
        step, and reads ahead by a megabyte at most."""
        body = m.scan(m.Range(prefix, start, stop, reverse, limit, keys_only), self._keyspace, self._txn)
        if keys_only:
            return AsyncScan(self._source(), body, d.decode_keys)
        return AsyncScan(self._source(), body, d.decode_rows)

    async def put(
        self, key: Data, value: Data, *, ttl: Optional[Seconds] = None, durability: Optional[Durability] = None
    ) -> None:
        """Writes value under key. With a ttl, in seconds, key is gone after that. When put returns the write survives
        a crash, unless durability is "nosync"."""
        if durability is not None:
            self._check(durability)
        await self._call(m.put(key, value, self._keyspace, self._txn, ttl, durability))

    async def put_many(self, pairs: Pairs, *, durability: Optional[Durability] = None) -> None:
        """Writes all pairs of key and value, or nothing."""
        writer = BatchWriter([], "")
        writer.put_many(pairs)
        await self._call(m.batch(writer.operations(), self._keyspace, self._txn, self._check(durability)))

    async def delete(self, key: Data, *, durability: Optional[Durability] = None) -> None:
        """Removes key; it is no error if it is not there."""
        await self._call(m.delete(key, self._keyspace, self._txn, self._check(durability)))

    async def delete_range(
        self, start: Optional[Data], stop: Optional[Data], *, durability: Optional[Durability] = None
    ) -> None:
        """Removes all keys from start, inclusive, to stop, exclusive, however many, as one write; None is no bound."""
        await self._call(m.delete_range(start, stop, self._keyspace, self._txn, self._check(durability)))

    async def merge(self, key: Data, operator: str, operand: Data, *, durability: Optional[Durability] = None) -> None:
        """Changes the value of key by an operator of the server, without reading it: "counter" or "append"."""
        await self._call(m.merge(key, operator, operand, self._keyspace, self._txn, self._check(durability)))

    async def incr(self, key: Data, by: int = 1, *, durability: Optional[Durability] = None) -> None:
        """Changes the counter key by a number, which may be negative. A counter that is not there is 0; its value is
        8 bytes, little-endian, which counter reads."""
        await self.merge(key, m.COUNTER, m.counter_operand(by), durability=durability)

    async def append(self, key: Data, data: Data, *, durability: Optional[Durability] = None) -> None:
        """Appends data to the value of key; one that is not there is empty."""
        await self.merge(key, m.APPEND, data, durability=durability)
