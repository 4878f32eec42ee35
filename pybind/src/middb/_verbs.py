"""What can be done to the keys of a keyspace, outside and inside of a transaction: the blocking methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Iterable, Iterator, Literal, Optional, Tuple, TypeVar, Union, overload

from . import _decode as d
from . import _messages as m
from ._batch import BatchWriter, Pairs
from ._codes import InvalidArgumentError, NotFoundError
from ._scan import Scan, Source
from ._types import Data, Durability, Rows, Seconds, to_bytes

T = TypeVar("T")
D = TypeVar("D")


class Verbs(ABC):
    """Reads and writes of one keyspace."""

    _keyspace: str = ""
    _txn: int = 0

    @abstractmethod
    def _call(self, request: m.Request[T]) -> T:
        """Makes a request and returns what it returns."""

    @abstractmethod
    def _source(self) -> Source:
        """Returns where a scan gets its rows from."""

    def _check(self, durability: Optional[Durability]) -> Optional[Durability]:
        if durability is not None and self._txn:
            raise InvalidArgumentError("the durability of a transaction is given when it begins")
        return durability

    @overload
    def get(self, key: Data) -> Optional[bytes]: ...
    @overload
    def get(self, key: Data, default: D) -> Union[bytes, D]: ...
    def get(self, key: Data, default: object = None) -> object:
        """Returns the value of key, or default if it is not there."""
        value = self._call(m.get(key, self._keyspace, self._txn))
        return default if value is None else value

    def __getitem__(self, key: Data) -> bytes:
        value = self._call(m.get(key, self._keyspace, self._txn))
        if value is None:
            raise NotFoundError(f"key not found: {to_bytes(key)!r}")
        return value

    def exists(self, key: Data) -> bool:
        """Reports whether key is there."""
        return self._call(m.exists(key, self._keyspace, self._txn))

    def __contains__(self, key: Data) -> bool:
        return self._call(m.exists(key, self._keyspace, self._txn))

    def get_many(self, keys: Iterable[Data]) -> Rows:
        """Returns the values of keys, in their order, as they are at one moment; None for those that are not there."""
        return self._call(m.get_many(keys, self._keyspace, self._txn))

    def counter(self, key: Data) -> int:
        """Returns the number that incr has made of key; 0 if it is not there."""
        return m.counter_value(self._call(m.get(key, self._keyspace, self._txn)))

    def count(self, *, prefix: Optional[Data] = None, start: Optional[Data] = None, stop: Optional[Data] = None) -> int:
        """Returns the number of keys that begin with prefix, from start, inclusive, to stop, exclusive. It takes as
        long as reading them, but sends none."""
        return self._call(m.count(start, stop, prefix, self._keyspace, self._txn))

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
    ) -> Scan[Tuple[bytes, bytes]]: ...
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
    ) -> Scan[bytes]: ...
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
    ) -> Union[Scan[Tuple[bytes, bytes]], Scan[bytes]]: ...
    def scan(
        self,
        *,
        prefix: Optional[Data] = None,
        start: Optional[Data] = None,
        stop: Optional[Data] = None,
        reverse: bool = False,
        limit: Optional[int] = None,
        keys_only: bool = False,
    ) -> Union[Scan[Tuple[bytes, bytes]], Scan[bytes]]:
        """Returns an iterator over pairs of key and value, or over keys, in the order of their bytes: those that begin
        with prefix, from start, inclusive, to stop, exclusive. It sees one moment, that of its first step, and reads
        ahead by a megabyte at most. Until it is at its end, closed or dropped, it holds a connection."""
        body = m.scan(m.Range(prefix, start, stop, reverse, limit, keys_only), self._keyspace, self._txn)
        if keys_only:
            return Scan(self._source(), body, d.decode_keys)
        return Scan(self._source(), body, d.decode_rows)

    def __iter__(self) -> Iterator[bytes]:
        """Walks over the keys."""
        return iter(self.scan(keys_only=True))

    def put(
        self, key: Data, value: Data, *, ttl: Optional[Seconds] = None, durability: Optional[Durability] = None
    ) -> None:
        """Writes value under key. With a ttl, in seconds, key is gone after that. When put returns the write survives
        a crash, unless durability is "nosync"."""
        if durability is not None:
            self._check(durability)
        self._call(m.put(key, value, self._keyspace, self._txn, ttl, durability))

    def __setitem__(self, key: Data, value: Data) -> None:
        self._call(m.put(key, value, self._keyspace, self._txn, None, None))

    def put_many(self, pairs: Pairs, *, durability: Optional[Durability] = None) -> None:
        """Writes all pairs of key and value, or nothing."""
        writer = BatchWriter([], "")
        writer.put_many(pairs)
        self._call(m.batch(writer.operations(), self._keyspace, self._txn, self._check(durability)))

    def delete(self, key: Data, *, durability: Optional[Durability] = None) -> None:
        """Removes key; it is no error if it is not there."""
        self._call(m.delete(key, self._keyspace, self._txn, self._check(durability)))

    def __delitem__(self, key: Data) -> None:
        self._call(m.delete(key, self._keyspace, self._txn, None))

    def delete_range(
        self, start: Optional[Data], stop: Optional[Data], *, durability: Optional[Durability] = None
    ) -> None:
        """Removes all keys from start, inclusive, to stop, exclusive, however many, as one write; None is no bound."""
        self._call(m.delete_range(start, stop, self._keyspace, self._txn, self._check(durability)))

    def merge(self, key: Data, operator: str, operand: Data, *, durability: Optional[Durability] = None) -> None:
        """Changes the value of key by an operator of the server, without reading it: "counter" or "append"."""
        self._call(m.merge(key, operator, operand, self._keyspace, self._txn, self._check(durability)))

    def incr(self, key: Data, by: int = 1, *, durability: Optional[Durability] = None) -> None:
        """Changes the counter key by a number, which may be negative. A counter that is not there is 0; its value is
        8 bytes, little-endian, which counter reads."""
        self.merge(key, m.COUNTER, m.counter_operand(by), durability=durability)

    def append(self, key: Data, data: Data, *, durability: Optional[Durability] = None) -> None:
        """Appends data to the value of key; one that is not there is empty."""
        self.merge(key, m.APPEND, data, durability=durability)
