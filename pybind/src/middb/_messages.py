"""The requests and what their replies mean, for the sync and the async client alike. The fields of each body are those
of the struct of package wire with the same name.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from . import _decode as d
from . import _frame as f
from ._codes import InvalidArgumentError, InvalidTTLError, ProtocolError
from ._pack import Bytes, packb, packed_bytes, unpack
from ._types import Data, Rows, Seconds, to_bytes, to_seconds

T = TypeVar("T")

COUNTER, APPEND = "counter", "append"


class Request(Generic[T]):
    """What to send, and how to read the reply. A safe one may be repeated after it was sent, because it changes
    nothing; a patient one may take longer than the client's timeout.
    """

    __slots__ = ("body", "decode", "patient", "safe", "type")

    def __init__(
        self, type: int, body: bytes, decode: Callable[[object], T], safe: bool, patient: bool = False
    ) -> None:
        self.type = type
        self.body = body
        self.decode = decode
        self.safe = safe
        self.patient = patient

    def finish(self, kind: int, body: Bytes) -> T:
        """Returns what a reply says, or raises the error that it is."""
        if kind == f.OK:
            return self.decode(unpack(body))
        if kind == f.ERROR:
            raise d.decode_error(body)
        raise ProtocolError(f"the server answered a request of type {self.type:#04x} with type {kind:#04x}")


# --- Bodies -----------------------------------------------------------------------------------------------------

Element = Union[None, int, str, bytes, List[Any]]


def array(least: int, *elements: Element) -> bytes:
    """Returns an array of which only the first elements must be there: the others are left out at the end when they
    have their defaults. An empty bin is none: it is a key or a bound.
    """
    n = len(elements)
    while n > least and not elements[n - 1] and not isinstance(elements[n - 1], bytes):
        n -= 1
    return packb(elements[:n])


def optional(data: Optional[Data]) -> Optional[bytes]:
    return None if data is None else to_bytes(data)


_DURABILITY = {None: 0, "sync": 1, "nosync": 2}


def durability_number(durability: Optional[str]) -> int:
    """Returns a durability as it is sent."""
    try:
        return _DURABILITY[durability]
    except KeyError:
        raise InvalidArgumentError(f"durability cannot be {durability!r}; it is 'sync' or 'nosync'") from None


def uint(name: str, number: int) -> int:
    """Returns a number that must fit into 64 bits, without a sign."""
    if not isinstance(number, int) or not 0 <= number < 1 << 64:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"{name} cannot be {number!r}; it is a whole number from 0 to 2**64 - 1")
    return number


# A number of milliseconds that the server can still add to the time of day.
_LONGEST_MS = 1 << 62


def _milliseconds(ttl: Optional[Seconds]) -> int:
    if ttl is None:
        return 0
    ms = round(to_seconds(ttl) * 1000)
    if not 0 < ms <= _LONGEST_MS:
        raise InvalidTTLError(f"a time to live of {ttl} cannot be used; it is at least a millisecond, and not for ever")
    return ms


def hello(client: str, keyspace: str, compress: bool) -> Request[Mapping[str, Any]]:
    body: Dict[str, Any] = {"client": client}
    if keyspace:
        body["keyspace"] = keyspace
    if compress:
        body["compress"] = ["zlib"]
    body["notices"] = True
    return Request(f.HELLO, packb(body), d.to_map, True)


def auth(data: bytes, mechanism: str = "") -> Request[Mapping[str, Any]]:
    body: Dict[str, Any] = {"mechanism": mechanism} if mechanism else {}
    body["data"] = data
    return Request(f.AUTH, packb(body), d.to_map, True)


def set_durability(durability: str) -> Request[None]:
    return Request(f.SET, packb({"durability": durability_number(durability)}), d.to_none, True)


def ping(value: bytes = b"") -> Request[object]:
    return Request(f.PING, packed_bytes(value), lambda v: v, True)


def one(number: int) -> bytes:
    """Returns the body of requests that name one thing: CANCEL, CLOSE."""
    return packb([number])


def fetch(cursor: int, credit: int) -> bytes:
    return packb([cursor, credit])


def get(key: Data, ks: str, txn: int, for_update: bool = False) -> Request[Optional[bytes]]:
    key = key if type(key) is bytes else to_bytes(key)
    if ks or txn or for_update:
        return Request(f.GET, array(1, key, ks, txn, 4 if for_update else 0), d.to_optional_bytes, True)
    return Request(f.GET, b"\x91" + packed_bytes(key), d.to_optional_bytes, True)


def exists(key: Data, ks: str, txn: int) -> Request[bool]:
    return Request(f.GET, array(1, to_bytes(key), ks, txn, 1), d.to_bool, True)


def get_with_seq(key: Data, ks: str) -> Request[Optional[Tuple[bytes, int]]]:
    return Request(f.GET, array(1, to_bytes(key), ks, 0, 2), d.to_value_seq, True)


def get_with_expiry(key: Data, ks: str) -> Request[Optional[Tuple[bytes, Optional[datetime]]]]:
    return Request(f.GET, array(1, to_bytes(key), ks, 0, 3), d.to_value_expiry, True)


def put(key: Data, value: Data, ks: str, txn: int, ttl: Optional[Seconds], durability: Optional[str]) -> Request[None]:
    key = key if type(key) is bytes else to_bytes(key)
    value = value if type(value) is bytes else to_bytes(value)
    if ks or txn or ttl is not None or durability is not None:
        body = array(2, key, value, ks, txn, _milliseconds(ttl), durability_number(durability))
    else:
        body = b"\x92" + packed_bytes(key) + packed_bytes(value)
    return Request(f.PUT, body, d.to_none, False)


def delete(key: Data, ks: str, txn: int, durability: Optional[str]) -> Request[None]:
    return Request(f.DEL, array(1, to_bytes(key), ks, txn, durability_number(durability)), d.to_none, False)


def get_many(keys: Iterable[Data], ks: str, txn: int) -> Request[Rows]:
    if isinstance(keys, (str, bytes, bytearray, memoryview)):
        raise InvalidArgumentError("the keys of get_many are a list; get takes a single one")
    wanted = [to_bytes(k) for k in keys]

    def decode(v: object) -> Rows:
        values = d.to_values(v)
        if len(values) != len(wanted):
            raise ProtocolError(f"the server sent {len(values)} values for {len(wanted)} keys")
        return values

    return Request(f.MGET, array(1, wanted, ks, txn), decode, True)


def cas(key: Data, value: Data, seq: int, ks: str, durability: Optional[str]) -> Request[int]:
    body = array(3, to_bytes(key), to_bytes(value), uint("seq", seq), ks, durability_number(durability))
    return Request(f.CAS, body, d.to_uint, False)


def delete_range(
    start: Optional[Data], stop: Optional[Data], ks: str, txn: int, durability: Optional[str]
) -> Request[None]:
    body = array(2, optional(start), optional(stop), ks, txn, durability_number(durability))
    return Request(f.DELRANGE, body, d.to_none, False)


def count(start: Optional[Data], stop: Optional[Data], prefix: Optional[Data], ks: str, txn: int) -> Request[int]:
    body = array(0, ks, txn, optional(start), optional(stop), optional(prefix))
    return Request(f.COUNT, body, d.to_uint, True, patient=True)


def merge(key: Data, operator: str, operand: Data, ks: str, txn: int, durability: Optional[str]) -> Request[None]:
    body = array(3, to_bytes(key), operator, to_bytes(operand), ks, txn, durability_number(durability))
    return Request(f.MERGE, body, d.to_none, False)


def counter_operand(by: int) -> bytes:
    """Returns a number as the operator counter has it: 8 bytes, little-endian."""
    try:
        return struct.pack("<q", by)
    except struct.error as e:
        raise InvalidArgumentError(f"{by!r} is no number that a counter can be changed by; it has 64 bits") from e


def counter_value(value: Optional[bytes]) -> int:
    """Returns the number that a counter's value is; one that is not there is 0."""
    if value is None:
        return 0
    if len(value) != 8:
        raise InvalidArgumentError(f"the value is no counter: it has {len(value)} bytes, not 8")
    return int.from_bytes(value, "little", signed=True)


Operation = Tuple[Element, ...]


def op_put(key: Data, value: Data, ks: str, ttl: Optional[Seconds]) -> Operation:
    return (1, to_bytes(key), to_bytes(value), ks, _milliseconds(ttl))


def op_delete(key: Data, ks: str) -> Operation:
    return (2, to_bytes(key), ks)


def op_delete_range(start: Optional[Data], stop: Optional[Data], ks: str) -> Operation:
    return (3, optional(start), optional(stop), ks)


def op_merge(key: Data, operator: str, operand: Data, ks: str) -> Operation:
    return (4, to_bytes(key), operator, to_bytes(operand), ks)


_OPERATION_LEAST = {1: 3, 2: 2, 3: 3, 4: 4}


def batch(ops: List[Operation], ks: str, txn: int, durability: Optional[str]) -> Request[None]:
    lean: List[Operation] = []
    for op in ops:
        n, least = len(op), _OPERATION_LEAST[op[0]]  # type: ignore[index]
        while n > least and not op[n - 1]:
            n -= 1
        lean.append(op[:n])
    return Request(f.BATCH, array(1, lean, ks, txn, durability_number(durability)), d.to_none, False)


def begin(
    isolation: str, read_only: bool, timeout: Optional[Seconds], durability: Optional[str]
) -> Request[Tuple[int, int]]:
    if isolation not in {"snapshot", "serializable"}:
        raise InvalidArgumentError(f"isolation cannot be {isolation!r}; it is 'snapshot' or 'serializable'")
    body: Dict[str, Any] = {}
    if isolation != "snapshot":
        body["isolation"] = isolation
    if read_only:
        body["read_only"] = True
    if timeout is not None:
        seconds = to_seconds(timeout)
        if not 0 < seconds <= _LONGEST_MS / 1000:
            raise InvalidArgumentError(f"timeout cannot be {timeout}; it is more than 0 seconds, and not for ever")
        body["timeout_ms"] = max(1, round(seconds * 1000))
    if durability is not None:
        body["durability"] = durability_number(durability)
    return Request(f.BEGIN, packb(body), d.to_pair, True)


def commit(txn: int, read_only: bool) -> Request[None]:
    return Request(f.COMMIT, packb([txn]), d.to_none, read_only)


def rollback(txn: int, savepoint: int = 0) -> Request[None]:
    return Request(f.ROLLBACK, array(1, txn, savepoint), d.to_none, not savepoint)


def savepoint(txn: int) -> Request[int]:
    return Request(f.SAVEPOINT, packb([txn]), d.to_uint, True)


class Range(NamedTuple):
    """What a scan walks over."""

    prefix: Optional[Data] = None
    start: Optional[Data] = None
    stop: Optional[Data] = None
    reverse: bool = False
    limit: Optional[int] = None
    keys_only: bool = False


def scan(r: Range, ks: str, txn: int) -> Optional[bytes]:
    """Returns the body of a SCAN; None for the one of no rows, because a limit of 0 is none there."""
    if r.limit is not None and not uint("limit", r.limit):
        return None
    flags = (1 if r.reverse else 0) | (2 if r.keys_only else 0)
    return array(0, ks, txn, optional(r.start), optional(r.stop), optional(r.prefix), flags, r.limit or 0)


def watch(ks: str, from_seq: int, prefix: Optional[Data]) -> bytes:
    """Returns the body of a WATCH."""
    return array(0, ks, uint("from_seq", from_seq), optional(prefix))


def unwatch(watch_id: int) -> bytes:
    """Returns the body of an UNWATCH that first delivers what was committed before."""
    return packb([watch_id, True])
