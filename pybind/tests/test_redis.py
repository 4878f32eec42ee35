"""redis-py, unchanged, against the front for clients of Redis (--resp)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from running import Server

redis: Any = pytest.importorskip("redis", reason="redis-py is not installed; see dev-requirements.txt")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory: Path = tmp_path_factory.mktemp("resp") / "data"
    with Server(directory, "--resp", "127.0.0.1:0", tcp=False) as s:
        yield s


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def r(request: pytest.FixtureRequest, server: Server) -> Iterator[Any]:
    host, port = server.ready["resp"].split(":")
    client = redis.Redis(host=host, port=int(port), protocol=request.param)
    for key in client.scan_iter():
        client.delete(key)
    yield client
    client.close()


def test_strings(r: Any) -> None:
    assert r.ping()
    assert r.echo("hello") == b"hello"
    assert r.set("k", "v")
    assert r.get("k") == b"v"
    assert r.get("none") is None
    assert r.set("k", "w", nx=True) is None
    assert r.set("new", "w", xx=True) is None
    assert r.mset({"a": "1", "b": "2"})
    assert r.mget("a", "none", "b") == [b"1", None, b"2"]
    assert r.exists("a", "b", "none") == 2
    assert r.delete("a", "none") == 1
    assert r.type("b") == b"string"
    assert r.type("none") == b"none"
    assert r.dbsize() == 2


def test_numbers(r: Any) -> None:
    assert r.incr("n") == 1
    assert r.incrby("n", 41) == 42
    assert r.decr("n") == 41
    assert r.decrby("n", 40) == 1
    r.set("text", "x")
    with pytest.raises(redis.ResponseError, match="integer"):
        r.incr("text")


def test_expiry(r: Any) -> None:
    r.set("k", "v", ex=100)
    assert 0 < r.ttl("k") <= 100
    r.set("k", "v")
    assert r.ttl("k") == -1
    assert r.ttl("none") == -2
    assert r.expire("k", 50)
    assert 0 < r.pttl("k") <= 50_000
    r.set("short", "v", px=1)
    while r.get("short") is not None:
        pass


def test_scans(r: Any) -> None:
    with r.pipeline(transaction=False) as pipe:
        for i in range(500):
            pipe.set(f"key:{i:03}", i)
        assert all(pipe.execute())
    assert sorted(r.scan_iter(match="key:00*", count=7)) == [f"key:00{i}".encode() for i in range(10)]
    assert len(set(r.scan_iter())) == 500


def test_transactions(r: Any) -> None:
    with r.pipeline() as pipe:
        pipe.set("a", "1").incr("a").get("a")
        assert pipe.execute() == [True, 2, b"2"]
    with r.pipeline() as pipe:
        pipe.watch("a")
        r.set("a", "changed")
        pipe.multi()
        pipe.set("a", "lost")
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert r.get("a") == b"changed"
    assert r.transaction(lambda p: p.multi() or p.set("a", "kept"), "a") == [True]
    assert r.get("a") == b"kept"


def test_what_clients_ask_about_the_server(r: Any) -> None:
    assert r.info()
    assert isinstance(r.config_get("maxmemory"), dict)
    assert r.client_setname("tester")
    assert r.client_getname() in {b"tester", "tester"}
    assert r.client_id() > 0
    assert r.command_count() > 20
    with pytest.raises(redis.ResponseError, match="unknown command"):
        r.execute_command("NO_SUCH_COMMAND")


def test_on_asyncio(server: Server) -> None:
    import asyncio

    import redis.asyncio as aio

    async def main() -> None:
        client: Any = aio.Redis.from_url(f"redis://{server.ready['resp']}")
        await client.set("k", "v")
        values = await asyncio.gather(*(client.get("k") for _ in range(20)))
        assert values == [b"v"] * 20
        await client.aclose()

    asyncio.run(main())
