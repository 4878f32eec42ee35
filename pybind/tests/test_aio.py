"""The client on asyncio and the real server, over each kind of connection; and servers that fail."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import pickle
from pathlib import Path
from typing import Any, Awaitable, Callable, Coroutine, List

import pytest

import middb
from fake import Connection, FakeServer, silent, store
from middb import AsyncClient, ChangeKind
from middb import _frame as f
from running import Server


def on_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs a test on an event loop of its own, which must be quiet in the end."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            await test(**fixtures)
            gc.collect()
            await asyncio.sleep(0)

        complaints: List[object] = []
        asyncio.run(main())
        assert not complaints

    return run


ROWS = [(f"k{i:04}".encode(), f"v{i}".encode()) for i in range(3000)]


@on_loop
async def test_values_come_back(url: str) -> None:
    async with middb.connect_async(url) as db:
        await db.put("k", "v")
        assert await db.get("k") == b"v"
        assert await db.get("none") is None
        assert await db.get("none", 7) == 7
        assert await db.exists("k")
        await db.delete("k")
        assert not await db.exists("k")
        await db.put_many(ROWS, durability="nosync")
        assert await db.get_many(["k0001", "none"]) == [b"v1", None]
        assert await db.count(prefix="k00") == 100
        await db.delete_range("k0000", "k2999")
        assert [row async for row in db.scan()] == ROWS[-1:]
        await db.incr("n", 5)
        await db.incr("n", -7)
        assert await db.counter("n") == -2
        await db.append("s", "a")
        await db.append("s", "b")
        assert await db.get("s") == b"ab"
        assert await db.put_if_absent("a", "1")
        assert not await db.put_if_absent("a", "2")
        found = await db.get_with_seq("a")
        assert found is not None
        newer = await db.cas("a", "2", found[1])
        with pytest.raises(middb.SeqMismatchError):
            await db.cas("a", "3", found[1])
        assert newer > found[1]
        await db.put("t", "v", ttl=100)
        left = await db.ttl("t")
        assert left is not None
        assert 0 < left.total_seconds() <= 100
        with pytest.raises(middb.NotFoundError):
            await db.ttl("none")
        with pytest.raises(middb.EmptyKeyError):
            await db.put("", "v")
        with pytest.raises(middb.FrameTooLargeError):
            await db.put("k", b"v" * (17 << 20))
        large = b"v" * (12 << 20)
        await db.put("large", large, durability="nosync")
        assert await db.get("large") == large
        assert await db.ping() > 0
        assert (await db.info()).server == "middb"
        assert (await db.stats())["engine"]["last_seq"] > 0
        await db.flush()
        await db.compact_all()


@on_loop
async def test_tasks_share_a_connection(url: str) -> None:
    async with middb.connect_async(url, pool=1) as db:

        async def work(n: int) -> None:
            for i in range(20):
                await db.put(f"{n}/{i}", f"{n}.{i}", durability="nosync")
                assert await db.get(f"{n}/{i}") == f"{n}.{i}".encode()

        await asyncio.gather(*(work(n) for n in range(100)))
        assert await db.count() == 2000
        assert sum(s.client.startswith("middb-python") for s in await db.sessions()) == 1


@on_loop
async def test_scans(url: str) -> None:
    async with middb.connect_async(url) as db:
        await db.put_many([(f"{i:05}", b"v" * 1000) for i in range(8000)], durability="nosync")
        assert [k async for k in db.scan(keys_only=True, limit=2, reverse=True)] == [b"07999", b"07998"]
        async for key, _ in db.scan():
            if key == b"00003":
                break
        async with db.scan() as scan:
            await scan.__anext__()
        scan = db.scan()
        await scan.__anext__()
        del scan
        gc.collect()
        counts = await asyncio.gather(*(count(db) for _ in range(5)))
        assert counts == [8000] * 5
        assert all(s.cursors == 0 for s in await db.sessions())


async def count(db: AsyncClient) -> int:
    return len([row async for row in db.scan()])


@on_loop
async def test_keyspaces_and_batches(url: str) -> None:
    async with middb.connect_async(url) as db:
        users = await db.keyspace("users")
        await users.put("k", "v")
        assert await db.keyspaces() == ["default", "users"]
        async with db.batch() as batch:
            batch["a"] = "1"
            batch.keyspace("users").delete("k")
        assert (await db.get("a"), await users.get("k")) == (b"1", None)
        with pytest.raises(ZeroDivisionError):
            async with db.batch() as batch:
                batch["b"] = "1"
                1 / 0
        assert not await db.exists("b")
        await users.compact()
        await db.drop_keyspace("users")
        with pytest.raises(middb.KeyspaceMissingError):
            await db.keyspace("users", create=False)


@on_loop
async def test_pipelines(url: str) -> None:
    async with middb.connect_async(url) as db:
        async with db.pipeline() as pipe:
            puts = [pipe.put(f"k{i}", f"v{i}", durability="nosync") for i in range(5000)]
            last = pipe.get("k4999")
        assert all(p.error is None for p in puts)
        assert last.value == b"v4999"
        pipe = db.pipeline()
        pipe.cas("k1", "x", 0)
        pipe.get("k1")
        pipe.put("k", b"v" * (17 << 20))
        results = await pipe.execute()
        assert [type(r) for r in results] == [middb.ExistsError, bytes, middb.FrameTooLargeError]
        with pytest.raises(middb.ExistsError):
            async with db.pipeline() as pipe:
                pipe.cas("k1", "x", 0)
        value = b"v" * (1 << 20)
        await db.put("large", value)
        async with db.pipeline() as pipe:
            gets = []
            for i in range(40):
                gets.append(pipe.get("large"))
                pipe.put(f"copy{i}", value, durability="nosync")
        assert all(g.value == value for g in gets)


@on_loop
async def test_transactions(url: str) -> None:
    async with middb.connect_async(url) as db:
        await db.keyspace("other")
        async with db.transaction(isolation="serializable") as txn:
            await txn.put("a", "1")
            save = await txn.savepoint()
            await txn.put("a", "2")
            await txn.rollback_to(save)
            await txn.keyspace("other").put("x", "y")
            assert list(await asyncio.gather(txn.get("a"), txn.get("b"))) == [b"1", None]
            assert [row async for row in txn.scan()] == [(b"a", b"1")]
            assert await db.get("a") is None
        assert await db.get("a") == b"1"
        with pytest.raises(ZeroDivisionError):
            async with db.transaction() as txn:
                await txn.put("a", "3")
                1 / 0
        with pytest.raises(middb.TxnDoneError):
            await txn.get("a")
        assert await db.get("a") == b"1"
        first, second = await db.transaction().begin(), await db.transaction().begin()
        await first.put("a", "4")
        await second.put("a", "5")
        await first.commit()
        with pytest.raises(middb.ConflictError):
            await second.commit()
        await second.rollback()


@on_loop
async def test_run_repeats_what_conflicts(url: str) -> None:
    async with middb.connect_async(url) as db:
        await db.put("n", "0")

        @db.transactional(tries=1000)
        async def add(txn: middb.AsyncTransaction, n: int) -> int:
            value = int(await txn.get("n") or b"") + n
            await txn.put("n", str(value))
            return value

        await asyncio.gather(*(add(1) for _ in range(40)))
        assert await db.get("n") == b"40"
        assert await db.run(lambda txn: txn.get("n"), read_only=True) == b"40"


@on_loop
async def test_more_transactions_than_a_connection_has(url: str) -> None:
    async with middb.connect_async(url, pool=2) as db:
        running = [await db.transaction().begin() for _ in range(100)]
        waiting = [asyncio.ensure_future(db.transaction().begin()) for _ in range(40)]
        await db.ping()
        for txn in running:
            await txn.rollback()
        for begun in waiting:
            await (await begun).rollback()
        assert all(s.txns == 0 for s in await db.sessions())


@on_loop
async def test_watches(url: str) -> None:
    async with middb.connect_async(url) as db:
        watch = db.watch(prefix="w")
        await watch.start()
        position = watch.position
        await db.put("w1", "a")
        await db.put("x", "a")
        await db.delete("w1")
        await watch.drain()
        changes = [c async for c in watch]
        assert [(c.kind, c.key) for c in changes] == [(ChangeKind.PUT, b"w1"), (ChangeKind.DELETE, b"w1")]
        async with db.watch(position, prefix="w") as again:
            assert await again.next() == changes[0]
            async with db.watch(again.position, prefix="w") as resumed:
                assert await resumed.next() == changes[1]
                assert await resumed.next(timeout=0.01) is None
        assert await again.next() is None
        closing = db.watch()
        await closing.start()
        reader = asyncio.ensure_future(closing.next())
        await db.put("x", "b")
        await reader
        reader = asyncio.ensure_future(closing.next())
        await asyncio.sleep(0)
        await closing.aclose()
        assert await reader is None
        with pytest.raises(middb.InvalidArgumentError):
            db.watch(-1)


@on_loop
async def test_cancelled_requests_are_cancelled(url: str) -> None:
    """The connection goes on, and what others have under way on it."""
    async with middb.connect_async(url, pool=1) as db:
        await db.put("k", "v")
        for _ in range(50):
            tasks = [asyncio.ensure_future(db.get("k")) for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert results[1::2] == [b"v"] * 10
            assert all(isinstance(r, (bytes, asyncio.CancelledError)) for r in results[::2])
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(db.watch().next(), 0.01)
        me = (await db.info()).session
        while [s.in_flight for s in await db.sessions() if s.session == me] != [1]:
            pass  # the watch is being dropped


@on_loop
async def test_a_cancelled_transaction_is_rolled_back(url: str) -> None:
    async with middb.connect_async(url, pool=1) as db:
        wrote = asyncio.Event()

        async def hold() -> None:
            async with db.transaction() as txn:
                await txn.put("k", "v")
                wrote.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(hold())
        await wrote.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await db.get("k") is None
        assert all(s.txns == 0 for s in await db.sessions())


@on_loop
async def test_a_transaction_that_is_cancelled_while_it_begins_is_rolled_back(url: str) -> None:
    async with middb.connect_async(url, pool=1) as db:
        for turns in range(6):
            tasks = [asyncio.ensure_future(db.transaction().begin()) for _ in range(20)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            for begun in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(begun, middb.AsyncTransaction):
                    await begun.rollback()
        while any(s.txns for s in await db.sessions()):
            pass  # the last replies are on their way
        running = [await db.transaction().begin() for _ in range(64)]  # as many as a connection has
        for txn in running:
            await txn.rollback()


@on_loop
async def test_a_transaction_that_is_forgotten_is_rolled_back(url: str) -> None:
    async with middb.connect_async(url, pool=1) as db:
        txn = await db.transaction().begin()
        await txn.put("k", "v")
        with pytest.warns(ResourceWarning, match="neither committed"):
            del txn
            gc.collect()
        while any(s.txns for s in await db.sessions()):
            pass
        assert await db.get("k") is None


@on_loop
async def test_compression_and_durability(url: str) -> None:
    async with middb.connect_async(url, compress=True, durability="nosync") as db:
        value = b"compress me " * 10_000
        await db.put("k", value)
        assert await db.get("k") == value


@on_loop
async def test_closed_clients_say_so(url: str) -> None:
    db = await middb.connect_async(url)
    await db.close()
    await db.close()
    with pytest.raises(middb.ClosedError):
        await db.get("k")
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(db)


def test_a_client_belongs_to_a_loop(tcp: str) -> None:
    async def connect() -> AsyncClient:
        return await middb.connect_async(tcp)

    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(connect())
    with pytest.raises(middb.InvalidArgumentError, match="another event loop"):
        asyncio.run(get(db))
    loop.run_until_complete(db.close())
    loop.close()


async def get(db: AsyncClient) -> object:
    return await db.get("k")


# --- Failures -----------------------------------------------------------------------------------------------------


def hang_up(c: Connection) -> None:
    c.greet()
    c.request()


@on_loop
async def test_reads_are_repeated_and_writes_are_unknown() -> None:
    with FakeServer(hang_up, store) as s:
        async with middb.connect_async(s.url) as db:
            assert await db.get("k") is None
    with FakeServer(hang_up, store) as s:
        async with middb.connect_async(s.url) as db:
            with pytest.raises(middb.CommitUnknownError):
                await db.put("k", "v")
            assert await db.get("k") is None
    with FakeServer(hang_up) as s:
        async with middb.connect_async(s.url, retries=1) as db:
            with pytest.raises(middb.ConnectionError):
                await db.get("k")
            pipe = db.pipeline()
            pipe.get("k")
            pipe.put("k", "v")
            results = await pipe.execute()
            assert [type(r).__name__ for r in results] == ["ConnectionError", "CommitUnknownError"]
    with pytest.raises(middb.ConnectionError, match="cannot connect"):
        await middb.connect_async(s.url)


@on_loop
async def test_a_server_that_says_it_will_stop_gets_no_more_requests() -> None:
    def stopping(c: Connection) -> None:
        c.greet()
        r = c.request()
        c.reply(0, {"kind": "shutdown", "message": "bye"}, f.NOTICE)
        c.reply(r.id, b"v")
        c.request()
        pytest.fail("there was a request after the notice")

    with FakeServer(stopping, store) as s:
        async with middb.connect_async(s.url, pool=1) as db:
            assert await db.get("k") == b"v"
            await db.put("k", "w")
            assert s.connections == 2


@on_loop
async def test_a_pipeline_that_is_cut_off_goes_on_where_that_is_safe() -> None:
    def half(c: Connection) -> None:
        c.greet()
        c.reply(c.request().id, b"1")
        for _ in range(3):
            c.request()

    with FakeServer(half, store) as s:
        async with middb.connect_async(s.url) as db:
            pipe = db.pipeline()
            pipe.get("a")
            pipe.get("b")
            pipe.put("c", "1")
            pipe.get("d")
            results = await pipe.execute()
    assert results[:2] == [b"1", None]
    assert isinstance(results[2], middb.CommitUnknownError)
    assert results[3] is None


@on_loop
async def test_the_server_is_told_what_is_cancelled() -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def cancelling(c: Connection) -> None:
        c.greet()
        slow = c.request()
        loop.call_soon_threadsafe(asked.set)
        cancel = c.request()
        assert (cancel.type, cancel.body) == (f.CANCEL, [slow.id])
        c.error(slow.id, 6006, "CANCELED")
        c.reply(cancel.id, True)
        c.reply(c.request().id, b"next")

    with FakeServer(cancelling) as s:
        async with middb.connect_async(s.url, retries=0) as db:
            slow = asyncio.ensure_future(db.put("k", "v"))
            await asked.wait()
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert await db.get("k") == b"next"


@on_loop
async def test_all_that_is_under_way_fails_with_the_connection() -> None:
    def three(c: Connection) -> None:
        c.greet()
        for _ in range(3):
            c.request()

    with FakeServer(three, store) as s:
        async with middb.connect_async(s.url) as db:
            results = await asyncio.gather(db.get("a"), db.put("b", "1"), db.put("c", "1"), return_exceptions=True)
            assert results[0] is None
            assert [type(r) for r in results[1:]] == [middb.CommitUnknownError] * 2


@on_loop
async def test_a_server_that_does_not_answer_is_given_up() -> None:
    def mute(c: Connection) -> None:
        c.greet()
        while True:
            c.request()

    with FakeServer(mute) as s:
        async with middb.connect_async(s.url, timeout=1) as db:
            attempts = (db.get("k"), db.put("k", "v"), db.scan().__anext__())
            errors = await asyncio.gather(*attempts, return_exceptions=True)
            assert [type(e) for e in errors] == [middb.TimeoutError, middb.CommitUnknownError, middb.TimeoutError]
    with FakeServer(silent) as s, pytest.raises(middb.Error, match="not answered"):
        await middb.connect_async(s.url, timeout=0.05)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400",
        b"\xff\xff\xff\xff<id>\x80\0\0\0",
        b"\0\0\0\1\0\0\xff\xff\x80\0\0\0\xc0",
        b"\0\0\0\1<id>\x80\0\0\0\5",
    ],
)
def test_hostile_answers_are_errors(data: bytes) -> None:
    def script(c: Connection) -> None:
        c.greet()
        c.send(data.replace(b"<id>", c.request().id.to_bytes(4, "big")))
        c.request()

    @on_loop
    async def test() -> None:
        with FakeServer(script) as s:
            async with middb.connect_async(s.url) as db:
                with pytest.raises((middb.ProtocolError, middb.FrameTooLargeError)):
                    await db.get("k")

    test()


@on_loop
async def test_a_watch_goes_on_where_it_was() -> None:
    def first(c: Connection) -> None:
        c.greet()
        r = c.request()
        c.reply(r.id, [5], flags=f.MORE)
        c.reply(r.id, [8, [[5, 1, b"pa", b"1"]]], f.EVENT, f.MORE)
        c.request()

    def second(c: Connection) -> None:
        c.greet()
        r = c.request()
        assert r.body == ["", 8]
        c.reply(r.id, [8], flags=f.MORE)
        c.reply(r.id, [12, [[11, 1, b"pc", b"3"]]], f.EVENT, f.MORE)
        c.reply(r.id, {"rows": 1}, f.END)
        c.request()

    with FakeServer(first, second) as s:
        async with middb.connect_async(s.url) as db:
            watch = db.watch()
            assert [c.seq async for c in watch] == [5, 11]
            assert watch.position == 12


@on_loop
async def test_the_client_finds_its_way_back(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        async with middb.connect_async(server.url, retries=100) as db:
            await db.put("k", "v")
            server.kill()
            server.start()
            assert await db.get("k") == b"v"
            with pytest.raises(middb.ConnectionError):
                async with db.transaction() as txn:
                    server.kill()
                    server.start()
                    await txn.get("k")
            await db.put("k", "w")


# --- The same methods ---------------------------------------------------------------------------------------------

PAIRS = [
    (middb.Client, middb.AsyncClient), (middb.Keyspace, middb.AsyncKeyspace), (middb.Database, middb.AsyncDatabase),
    (middb.Transaction, middb.AsyncTransaction), (middb.Batch, middb.AsyncBatch), (middb.Pipeline, middb.AsyncPipeline),
    (middb.Scan, middb.AsyncScan), (middb.Watch, middb.AsyncWatch),
]  # fmt: skip

# close is aclose where Python has that convention, and a blocking watch begins when it is made.
RENAMED = {"Scan": {"close": "aclose"}, "Watch": {"close": "aclose", "next": "next"}}
ONLY_ASYNC = {"AsyncWatch": {"start"}}


def methods(cls: type) -> dict[str, Any]:
    return {n: v for n, v in inspect.getmembers(cls, callable) if not n.startswith("_")}


@pytest.mark.parametrize(("sync", "on_asyncio"), PAIRS, ids=lambda c: c.__name__)
def test_both_clients_have_the_same_methods(sync: type, on_asyncio: type) -> None:
    renamed = RENAMED.get(sync.__name__, {})
    ours = {renamed.get(n, n): v for n, v in methods(sync).items()}
    theirs = {n: v for n, v in methods(on_asyncio).items() if n not in ONLY_ASYNC.get(on_asyncio.__name__, set())}
    internal = {"open_stream", "end_stream", "call", "number"}
    assert set(ours) - internal == set(theirs) - internal
    for name in set(ours) - internal:
        assert parameters(ours[name]) == parameters(theirs[name]), name


def parameters(method: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(method).parameters.values()]


def test_every_method_of_the_async_client_says_what_it_does() -> None:
    for pair in PAIRS:
        for cls in pair:
            assert cls.__doc__
            for name, method in methods(cls).items():
                assert method.__doc__, f"{cls.__name__}.{name}"


_: Callable[[AsyncClient], Awaitable[object]] = get
