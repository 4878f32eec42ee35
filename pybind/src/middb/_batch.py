"""Writes that are collected first."""

from __future__ import annotations

from typing import Iterable, List, Mapping, Optional, Tuple, Union, cast

from . import _messages as m
from ._types import Data, Seconds, to_name

# A mapping of one type of keys is none of another, hence one of each.
Pairs = Union[Mapping[str, Data], Mapping[bytes, Data], Mapping[Data, Data], Iterable[Tuple[Data, Data]]]


class BatchWriter:
    """Collects writes to a keyspace. Of several writes to one key the last one counts."""

    def __init__(self, ops: List[m.Operation], keyspace: str) -> None:
        self._ops = ops
        self._keyspace = keyspace

    def __len__(self) -> int:
        """Returns the number of operations."""
        return len(self._ops)

    def keyspace(self, name: str) -> BatchWriter:
        """Returns what adds to the same batch writes to another keyspace, which must exist."""
        return BatchWriter(self._ops, to_name(name))

    def put(self, key: Data, value: Data, *, ttl: Optional[Seconds] = None) -> None:
        """Adds a write of value under key; with a ttl, in seconds, it is gone after that."""
        self._ops.append(m.op_put(key, value, self._keyspace, ttl))

    __setitem__ = put

    def put_many(self, pairs: Pairs) -> None:
        """Adds a write for each pair of key and value."""
        for key, value in items(pairs):
            self._ops.append(m.op_put(key, value, self._keyspace, None))

    def delete(self, key: Data) -> None:
        """Adds a deletion of key, which need not exist."""
        self._ops.append(m.op_delete(key, self._keyspace))

    __delitem__ = delete

    def delete_range(self, start: Optional[Data], stop: Optional[Data]) -> None:
        """Adds the deletion of all keys from start, inclusive, to stop, exclusive; None is no bound."""
        self._ops.append(m.op_delete_range(start, stop, self._keyspace))

    def merge(self, key: Data, operator: str, operand: Data) -> None:
        """Adds a change of the value of key by an operator."""
        self._ops.append(m.op_merge(key, operator, operand, self._keyspace))

    def incr(self, key: Data, by: int = 1) -> None:
        """Adds a change of the counter key by a number."""
        self.merge(key, m.COUNTER, m.counter_operand(by))

    def append(self, key: Data, data: Data) -> None:
        """Adds an append of data to the value of key."""
        self.merge(key, m.APPEND, data)

    def operations(self) -> List[m.Operation]:
        """Returns what was added, as it is sent."""
        return self._ops

    def clear(self) -> None:
        """Forgets what was added."""
        self._ops.clear()


def items(pairs: Pairs) -> Iterable[Tuple[Data, Data]]:
    """Returns the pairs of a mapping or of an iterable of pairs."""
    return cast(Mapping[Data, Data], pairs).items() if isinstance(pairs, Mapping) else pairs
