"""The connections of the blocking client: who has them when, and what signals do to them."""

from __future__ import annotations

import contextlib
import gc
import random
import signal
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import pytest

import middb


def connections(db: middb.Client) -> Any:
    return db._caller._pool


def test_threads_have_their_turn_in_the_order_in_which_they_came(tcp: str) -> None:
    order: List[str] = []

    def work(name: str) -> None:
        with db.transaction():  # which holds the only connection
            order.append(name)

    with middb.connect(tcp, pool=1) as db:
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcde"]
        with db.transaction():
            for n, thread in enumerate(threads):
                thread.start()
                while len(connections(db)._waiting) == n:
                    time.sleep(0)  # until it waits
        work("last")
        for thread in threads:
            thread.join()
    assert order == [*"abcde", "last"]


@pytest.mark.parametrize(("pool", "threads"), [(16, 20), (2, 12)])
def test_no_thread_starves(tcp: str, pool: int, threads: int) -> None:
    counts = [0] * threads
    errors: List[Exception] = []
    enough = threading.Event()

    def work(n: int) -> None:
        try:
            while not enough.is_set():
                assert db.get("k") == b"v"
                counts[n] += 1
                if counts[n] == 400:
                    enough.set()
        except Exception as e:
            errors.append(e)

    with middb.connect(tcp, pool=pool) as db:
        db["k"] = "v"
        workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(db.sessions()) <= pool + 1
    assert not errors
    assert min(counts) > 100, counts


def test_who_waits_in_vain_is_told_and_leaves_the_queue(tcp: str) -> None:
    with middb.connect(tcp, pool=1, timeout=1) as db:
        with db.transaction(), pytest.raises(middb.TimeoutError, match="1 connections have been in use"):
            db.get("k")
        assert not connections(db)._waiting
        assert db.get("k") is None


def test_who_waits_when_the_client_is_closed_is_told(tcp: str) -> None:
    errors: List[Exception] = []

    def work() -> None:
        try:
            db.get("k")
        except middb.Error as e:
            errors.append(e)

    db = middb.connect(tcp, pool=1)
    txn = db.transaction().begin()
    thread = threading.Thread(target=work)
    thread.start()
    while not connections(db)._waiting:
        time.sleep(0)
    db.close()
    thread.join()
    assert [type(e) for e in errors] == [middb.ClosedError]
    txn.rollback()


# --- Signals ------------------------------------------------------------------------------------------------------


class Interrupt(Exception):
    """What the handler of a signal raises, such as KeyboardInterrupt."""


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[], object], float], bool]]:
    """Runs a function and interrupts it after a time; reports whether that was soon enough."""
    armed = False

    def handle(*_: object) -> None:
        if armed:
            raise Interrupt

    def run(function: Callable[[], object], after: float) -> bool:
        nonlocal armed
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, after)
            function()
            armed = False
        except Interrupt:
            armed = False
            return True
        return False

    before = signal.signal(signal.SIGALRM, handle)
    yield run
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def scan_a_little(db: middb.Client) -> None:
    for n, _ in enumerate(db.scan()):
        if n == 100:
            break


def pipeline(db: middb.Client) -> None:
    with db.pipeline() as pipe:
        gets = [pipe.get(f"{i:04}") for i in range(20)]
    assert [g.value for g in gets] == [f"{i:04}".encode() * 50 for i in range(20)]


def transaction(db: middb.Client) -> None:
    with db.transaction() as txn:
        assert txn.get("0001") == b"0001" * 50
        txn.put("t", "1")
        next(txn.scan())


def watch(db: middb.Client) -> None:
    with db.watch() as feed:
        feed.next(0)


def expect(got: object, wanted: object) -> None:
    assert got == wanted


VERBS: Dict[str, Callable[[middb.Client], object]] = {
    "get": lambda db: expect(db.get("0007"), b"0007" * 50),
    "get_many": lambda db: expect(db.get_many(["0007", "none"]), [b"0007" * 50, None]),
    "exists": lambda db: expect(db.exists("0007"), True),
    "count": lambda db: expect(db.count(prefix="0"), 1000),
    "put": lambda db: db.put("p", "v", durability="nosync"),
    "delete": lambda db: db.delete("p", durability="nosync"),
    "put_many": lambda db: db.put_many({"p": "v", "q": "v"}, durability="nosync"),
    "incr": lambda db: db.incr("n", durability="nosync"),
    "scan": scan_a_little,
    "pipeline": pipeline,
    "transaction": transaction,
    "run": lambda db: db.run(lambda txn: txn.put("t", "1"), durability="nosync"),
    "watch": watch,
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_interrupts_cost_no_connections(
    tcp: str,
    verb: str,
    interrupted: Callable[[Callable[[], object], float], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whenever a handler raises an exception, the pool has all its places afterwards, and no reply is taken for that of
    another request."""
    # An exception in a finalizer is a matter of Python's; pytest would keep it, with all that it refers to.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with middb.connect(tcp, pool=2) as db:
        db.put_many([(f"{i:04}", f"{i:04}" * 50) for i in range(1000)], durability="nosync")
        usual = 1.0
        for _ in range(10):
            start = time.perf_counter()
            VERBS[verb](db)
            usual = min(usual, time.perf_counter() - start)
        hits = 0
        while hits < 100:
            with contextlib.suppress(middb.ConflictError):  # with a transaction that was left to the server
                hits += interrupted(lambda: VERBS[verb](db), chance.uniform(1e-6, 1.2 * usual))
        gc.collect()
        pool = connections(db)
        assert [place() for place in pool._places if place() not in {None, *pool._idle}] == []
        assert not pool._waiting
        for use in VERBS.values():
            use(db)
        assert len(db.sessions()) <= 4  # two, and those of which the server does not know yet that they are closed
