"""The real server is killed, stopped, or slow, in the middle of what both clients do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Awaitable, Callable, Iterator, List

import pytest

import middb
from fake import FakeServer, silent, store
from middb import _aio_link, _link
from running import Certificates, Server
from test_aio import on_loop


@pytest.fixture(params=["tcp", "tls", "unix"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, short_dir: Path, certificates: Certificates
) -> Iterator[Server]:
    """A server of the test's own, over each kind of connection."""
    arguments: List[str] = []
    if request.param == "tls":
        arguments = ["--tls-cert", str(certificates.cert), "--tls-key", str(certificates.key)]
    with Server(tmp_path / "data", *arguments, unix=str(short_dir / "outage.sock")) as s:
        yield s


@pytest.fixture
def address(server: Server, request: pytest.FixtureRequest, certificates: Certificates) -> str:
    kind = request.node.callspec.params["server"]
    if kind == "unix":
        return server.unix_url
    return server.url if kind == "tcp" else f"{server.url}?ca={certificates.ca}"


def restart(server: Server) -> None:
    server.kill()
    server.start()


def graceful(server: Server) -> None:
    server.stop()
    server.start()


# --- Transactions -------------------------------------------------------------------------------------------------


def test_a_lost_transaction_is_not_taken_for_committed(server: Server, address: str) -> None:
    with middb.connect(address) as db:
        with pytest.raises(middb.ConnectionError, match="lost with its connection"), db.transaction() as txn:
            txn["a"] = "1"
            restart(server)
            with pytest.raises(middb.ConnectionError):
                txn.get("a")
            with pytest.raises(middb.ConnectionError):
                txn["b"] = "1"  # nor does it go on, without what it had written
        with db.transaction() as txn:
            txn["a"] = "1"
            restart(server)
            with pytest.raises(middb.ConnectionError):
                list(txn.scan())
            with pytest.raises(middb.ConnectionError):
                txn.commit()
            txn.rollback()  # that is what it comes to
        assert db.get("a") is None


def test_run_repeats_a_transaction_whose_loss_was_not_noticed_inside(server: Server, address: str) -> None:
    runs = 0

    def work(txn: middb.Transaction) -> None:
        nonlocal runs
        runs += 1
        txn["a"] = str(runs)
        if runs == 1:
            restart(server)
            with pytest.raises(middb.ConnectionError):
                txn.get("a")

    with middb.connect(address) as db:
        db.run(work)
        assert (runs, db["a"]) == (2, b"2")


@pytest.mark.parametrize("away", [restart, graceful])
def test_run_repeats_a_transaction_that_was_lost_before_its_commit(
    server: Server, address: str, away: Callable[[Server], None]
) -> None:
    runs = 0

    def work(txn: middb.Transaction) -> None:
        nonlocal runs
        runs += 1
        txn["a"] = str(runs)
        if runs == 1:
            away(server)

    with middb.connect(address) as db:
        db.run(work)
        assert (runs, db["a"]) == (2, b"2")


@pytest.mark.parametrize("away", [restart, graceful])
def test_run_repeats_a_transaction_that_was_lost_before_its_commit_on_asyncio(
    server: Server, address: str, away: Callable[[Server], None]
) -> None:
    @on_loop
    async def test() -> None:
        runs = 0

        async def work(txn: middb.AsyncTransaction) -> None:
            nonlocal runs
            runs += 1
            await txn.put("a", str(runs))
            if runs == 1:
                away(server)  # without a step of the event loop

        async with middb.connect_async(address) as db:
            await db.run(work)
            assert (runs, await db.get("a")) == (2, b"2")
            with pytest.raises((middb.ConnectionError, middb.ShuttingDownError)):
                async with db.transaction() as txn:
                    await txn.put("b", "1")
                    away(server)
                    with pytest.raises((middb.ConnectionError, middb.ShuttingDownError)):
                        await txn.get("b")
            assert await db.get("b") is None

    test()


@contextlib.contextmanager
def stopped(server: Server) -> Iterator[None]:
    """Makes the server do nothing at all, although its connections stay."""
    server.child.send_signal(signal.SIGSTOP)
    os.waitpid(server.child.pid, os.WUNTRACED)
    try:
        yield
    finally:
        server.child.send_signal(signal.SIGCONT)


async def cancelled(server: Server, request: Awaitable[object]) -> None:
    """Cancels a request after it was sent and before it is answered."""
    with stopped(server):
        task = asyncio.ensure_future(request)
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_write_that_is_cancelled_is_not_committed(server: Server, address: str) -> None:
    @on_loop
    async def test() -> None:
        async with middb.connect_async(address, pool=1) as db:
            writes: List[Callable[[middb.AsyncTransaction], Awaitable[object]]] = [
                lambda txn: txn.put("b", "1"),
                lambda txn: txn.keyspace("default").put("b", "1"),
                lambda txn: txn.delete_range(None, None),
                lambda txn: txn.rollback_to(1),
            ]
            for write in writes:
                with pytest.raises(middb.TxnDoneError, match="not waited for"):
                    async with db.transaction() as txn:
                        await txn.savepoint()
                        await txn.put("a", "1")
                        await cancelled(server, write(txn))
                        with pytest.raises(middb.TxnDoneError):
                            await txn.get("a")
                        with pytest.raises(middb.TxnDoneError):
                            await txn.commit()
                assert await db.get_many(["a", "b"]) == [None, None]
            assert all(s.txns == 0 for s in await db.sessions())
            async with db.transaction() as txn:
                await txn.put("a", "1")
                await cancelled(server, txn.get("a"))
            assert await db.get("a") == b"1"  # what was read does not matter

    test()


def test_a_write_that_takes_too_long_is_not_committed(server: Server, address: str) -> None:
    @on_loop
    async def test() -> None:
        async with middb.connect_async(address, timeout=1) as db:
            await db.put("a", "0")
            with pytest.raises((middb.TxnDoneError, middb.ConnectionError)):
                async with db.transaction() as txn:
                    with stopped(server), pytest.raises((middb.TimeoutError, middb.ConnectionError)):
                        await txn.put("a", "1")
        async with middb.connect_async(address) as db:
            assert await db.get("a") == b"0"

    test()
    with middb.connect(address, timeout=1) as db, pytest.raises(middb.ConnectionError):
        txn = db.transaction().begin()
        with stopped(server), pytest.raises(middb.TimeoutError):
            txn["a"] = "1"
        txn.commit()
    with middb.connect(address) as db:
        assert db["a"] == b"0"


@on_loop
async def test_a_transaction_that_begins_as_the_client_is_closed_says_so(tcp: str) -> None:
    db = await middb.connect_async(tcp)
    begun, closed = await asyncio.gather(db.transaction().begin(), db.close(), return_exceptions=True)
    assert isinstance(begun, middb.ClosedError)
    assert closed is None


# --- Servers that take nothing ------------------------------------------------------------------------------------


def test_a_server_that_takes_nothing_is_given_up(server: Server, address: str) -> None:
    value = b"v" * (10 << 20)

    async def attempts() -> List[object]:
        async with middb.connect_async(address, timeout=1) as db:
            with stopped(server):
                results: List[object] = list(await asyncio.gather(db.put("a", value), return_exceptions=True))
            await db.get("a")
            pipe = db.pipeline()
            for i in range(100):
                pipe.put(f"{i}", value[: 200 << 10])
            with stopped(server):
                return results + await pipe.execute()

    @on_loop
    async def test() -> None:
        results = await asyncio.wait_for(attempts(), 60)
        assert {type(r) for r in results} <= {middb.CommitUnknownError, middb.TimeoutError, middb.ConnectionError}

    test()
    unknown = (middb.TimeoutError, middb.CommitUnknownError)
    with middb.connect(address, timeout=1) as db, stopped(server), pytest.raises(unknown):
        db.put("a", value)


@on_loop
async def test_a_server_that_is_slow_to_take_a_request_is_not(tcp: str) -> None:
    async with middb.connect_async(tcp, timeout=5) as db:
        value = b"v" * (8 << 20)
        await asyncio.gather(*(db.put(f"{i}", value, durability="nosync") for i in range(8)))
        assert await db.count() == 8


def test_the_next_endpoint_has_its_turn_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_link, _aio_link):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.2)

    async def on_asyncio() -> object:
        async with middb.connect_async(f"{mute.url},127.0.0.1:{good.port}", timeout=1000) as db:
            return await db.get("k")

    with FakeServer(silent) as mute, FakeServer(store) as good:
        with middb.connect(f"{mute.url},127.0.0.1:{good.port}", timeout=1000) as db:
            assert db.get("k") is None
        assert asyncio.run(on_asyncio()) is None


# --- Watches ------------------------------------------------------------------------------------------------------


def test_a_watch_survives_an_outage_that_is_longer_than_its_patience(server: Server, address: str) -> None:
    with middb.connect(address, retries=1) as db, db.watch() as watch:
        db["a"] = "1"
        first = watch.next(60)
        assert first is not None
        position = watch.position
        server.kill()
        for _ in range(2):
            with pytest.raises(middb.ConnectionError):
                next(watch)
        server.start()
        with middb.connect(address) as other:
            other["a"] = "2"
        change = watch.next(60)
        assert change is not None
        assert (change.value, change.seq >= position) == (b"2", True)


def test_a_watch_survives_an_outage_that_is_longer_than_its_patience_on_asyncio(server: Server, address: str) -> None:
    @on_loop
    async def test() -> None:
        async with middb.connect_async(address, retries=1) as db, db.watch() as watch:
            await db.put("a", "1")
            await watch.next(60)
            server.kill()
            for _ in range(2):
                with pytest.raises(middb.ConnectionError):
                    await watch.__anext__()
            server.start()
            async with middb.connect_async(address) as other:
                await other.put("a", "2")
            change = await watch.next(60)
            assert change is not None
            assert change.value == b"2"

    test()


def test_the_timeout_of_a_step_holds_during_an_outage(server: Server, address: str) -> None:
    with middb.connect(address, retries=10_000) as db, db.watch() as watch:
        server.kill()
        for timeout in (0, 0.1, 0.1):
            assert watch.next(timeout) is None
        server.start()
        with middb.connect(address) as other:
            other["a"] = "1"
        while (change := watch.next(0)) is None:
            pass
        assert change.key == b"a"
        server.kill()
        watch.drain()
        server.start()
        assert list(watch) == []


def test_the_timeout_of_a_step_holds_during_an_outage_on_asyncio(server: Server, address: str) -> None:
    @on_loop
    async def test() -> None:
        async with middb.connect_async(address, retries=10_000) as db, db.watch() as watch:
            server.kill()
            for timeout in (0, 0.1, 0.1):
                assert await watch.next(timeout) is None
            server.start()
            async with middb.connect_async(address) as other:
                await other.put("a", "1")
            while (change := await watch.next(0)) is None:
                pass
            assert change.key == b"a"
            server.kill()
            assert await watch.next(0) is None
            await watch.drain()
            server.start()
            assert [c async for c in watch] == []

    test()
