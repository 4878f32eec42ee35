"""What both clients are given: types that they must take, and values that they must refuse in words."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple, Union

import pytest

import middb
from running import Certificates, Server
from test_aio import on_loop


def test_pairs_of_all_kinds_are_taken(tcp: str) -> None:
    """For the type checker first."""
    texts: Dict[str, bytes] = {"a": b"1"}
    keys: Dict[bytes, str] = {b"b": "2"}
    views: Mapping[str, Union[str, bytes]] = {"c": "3"}
    pairs: List[Tuple[str, bytes]] = [("d", b"4")]
    only_keys: bool = len(pairs) > 0
    with middb.connect(tcp) as db:
        db.put_many(texts)
        db.put_many(keys)
        db.put_many(views)
        with db.batch() as batch:
            batch.put_many(pairs)
        assert list(db.scan(keys_only=only_keys)) == [b"a", b"b", b"c", b"d"]
        assert list(db.scan(keys_only=not only_keys, limit=1)) == [(b"a", b"1")]

    @on_loop
    async def on_asyncio() -> None:
        async with middb.connect_async(tcp) as db:
            await db.put_many(texts)
            await db.put_many(keys)
            assert [key async for key in db.scan(keys_only=only_keys)] == [b"a", b"b", b"c", b"d"]

    on_asyncio()


def test_no_rows_are_no_rows(tcp: str) -> None:
    @on_loop
    async def on_asyncio() -> None:
        async with middb.connect_async(tcp) as db:
            assert [row async for row in db.scan(limit=0)] == []
            async with db.transaction() as txn:
                assert [key async for key in txn.scan(limit=0, keys_only=True)] == []

    with middb.connect(tcp) as db:
        db.put_many({"a": "1", "b": "2"})
        assert list(db.scan(limit=0)) == []
        with db.transaction() as txn, txn.scan(limit=0, keys_only=True) as scan:
            assert list(scan) == []
    on_asyncio()


# Each with a part of what the error says. Any: they are wrong.
WRONG: Dict[str, Tuple[Callable[[Any], Any], str]] = {
    "ttl=inf": (lambda db: db.put("k", "v", ttl=math.inf), "inf"),
    "ttl=nan": (lambda db: db.put("k", "v", ttl=math.nan), "nan"),
    "ttl=1e20": (lambda db: db.put("k", "v", ttl=1e20), "for ever"),
    "ttl=0": (lambda db: db.put("k", "v", ttl=timedelta()), "millisecond"),
    "cas with 2**64": (lambda db: db.cas("k", "v", 2**64), "seq cannot be"),
    "cas with -1": (lambda db: db.cas("k", "v", -1), "seq cannot be"),
    "cas with a fraction": (lambda db: db.cas("k", "v", 1.5), "whole number"),
    "limit=2**64": (lambda db: db.scan(limit=2**64), "limit cannot be"),
    "limit=-1": (lambda db: db.scan(limit=-1), "limit cannot be"),
    "limit=1.5": (lambda db: db.scan(limit=1.5), "whole number"),
    "watch from 2**64": (lambda db: db.watch(2**64), "from_seq cannot be"),
    "keyspace(5)": (lambda db: db.keyspace(5), "keyspace is a str"),
    "drop_keyspace(5)": (lambda db: db.drop_keyspace(5), "keyspace is a str"),
    "batch.keyspace(5)": (lambda db: db.batch().keyspace(5), "keyspace is a str"),
    "get_many of a str": (lambda db: db.get_many("k1"), "list"),
    "get_many of bytes": (lambda db: db.get_many(b"k1"), "list"),
    "pipeline of a str": (lambda db: db.pipeline().get_many("k1"), "list"),
    "transaction(timeout=inf)": (lambda db: db.transaction(timeout=math.inf), "inf"),
    "transaction(timeout=-1)": (lambda db: db.transaction(timeout=-1), "timeout cannot be -1"),
    "transaction(timeout=1e20)": (lambda db: db.transaction(timeout=1e20), "for ever"),
}


@pytest.mark.parametrize(("use", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_is_refused_is_refused_in_words(tcp: str, use: Callable[[Any], Any], says: str) -> None:
    @on_loop
    async def on_asyncio() -> None:
        async with middb.connect_async(tcp) as db:
            with pytest.raises((middb.InvalidArgumentError, middb.InvalidTTLError), match=says):
                await use(db)
            await db.ping()

    with middb.connect(tcp) as db:
        with pytest.raises((middb.InvalidArgumentError, middb.InvalidTTLError), match=says):
            use(db)
        db.ping()
    on_asyncio()


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b"])
def test_a_host_that_is_no_name_cannot_be_connected_to(host: str) -> None:
    @on_loop
    async def on_asyncio() -> None:
        with pytest.raises(middb.ConnectionError, match="cannot connect to a"):
            await middb.connect_async(f"middb://{host}")

    with pytest.raises(middb.ConnectionError, match="cannot connect to a"):
        middb.connect(f"middb://{host}")
    on_asyncio()


def test_tls_require_with_a_ca_checks_who_signed(
    tls_server: Server, certificates: Certificates, tmp_path: Path
) -> None:
    others = Certificates(tmp_path)
    right = f"{tls_server.url}?tls=require&ca={certificates.ca}&server_name=another.example"
    wrong = f"{tls_server.url}?tls=require&ca={others.ca}"

    @on_loop
    async def on_asyncio() -> None:
        async with middb.connect_async(right) as db:
            await db.ping()
        with pytest.raises(middb.ConnectionError, match="certificate"):
            await middb.connect_async(wrong)

    with middb.connect(right) as db:
        db.ping()
    with pytest.raises(middb.ConnectionError, match="certificate"):
        middb.connect(wrong)
    with pytest.raises(middb.ConnectionError, match="certificate"):
        middb.connect(right.replace("require", "verify-full"))
    on_asyncio()
