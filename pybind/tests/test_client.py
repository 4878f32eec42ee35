"""The blocking client and the real server, over each kind of connection."""

from __future__ import annotations

import contextlib
import gc
import pickle
import threading
from datetime import timedelta
from typing import List

import pytest

import middb
from middb import ChangeKind, Client


def test_values_come_back(db: Client) -> None:
    db.put(b"k", b"v")
    db["text"] = "Zürich"
    db[bytearray(b"b")] = memoryview(b"\0\xff")
    assert db.get("k") == b"v"
    assert db["text"] == "Zürich".encode()
    assert db[b"b"] == b"\0\xff"
    assert db.get("none") is None
    assert db.get("none", 7) == 7
    assert "k" in db
    assert "none" not in db
    assert db.exists("k")
    del db["k"]
    assert db.get("k") is None
    db.delete("never there")
    with pytest.raises(middb.NotFoundError, match="k"):
        db["k"]
    with pytest.raises(KeyError):
        db["k"]
    db["empty"] = b""
    assert db["empty"] == b""


def test_large_values_come_back(db: Client) -> None:
    for n in (255, 256, 65535, 65536, 1 << 20, 12 << 20):
        value = bytes([n % 251]) * n
        db.put("large", value, durability="nosync")
        assert db["large"] == value


def test_what_is_no_key_or_value_is_refused(db: Client) -> None:
    with pytest.raises(TypeError, match="int"):
        db.put("k", 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="NoneType"):
        db.get(None)  # type: ignore[call-overload]
    with pytest.raises(middb.EmptyKeyError):
        db.put("", "v")
    with pytest.raises(middb.KeyTooLargeError):
        db.put("k" * 70_000, "v")
    with pytest.raises(middb.FrameTooLargeError, match="16777216"):
        db.put("k", b"v" * (17 << 20))
    with pytest.raises(middb.InvalidTTLError):
        db.put("k", "v", ttl=-1)
    with pytest.raises(middb.InvalidArgumentError, match="nosync"):
        db.put("k", "v", durability="never")  # type: ignore[arg-type]
    db.ping()  # the connection is as good as before


def test_many_keys_at_once(db: Client) -> None:
    db.put_many({"a": "1", "b": "2"})
    db.put_many([("c", b"3"), (b"d", "4")], durability="nosync")
    assert db.get_many(["d", "none", "a"]) == [b"4", None, b"1"]
    assert db.get_many([]) == []
    db.delete_range("b", "d")
    assert list(db) == [b"a", b"d"]


def test_counters_and_appends(db: Client) -> None:
    assert db.counter("n") == 0
    db.incr("n")
    db.incr("n", 41)
    db.incr("m", -5)
    assert (db.counter("n"), db.counter("m")) == (42, -5)
    with pytest.raises(middb.InvalidArgumentError, match="64 bits"):
        db.incr("n", 1 << 63)
    db.append("log", "a;")
    db.append("log", "b;")
    assert db["log"] == b"a;b;"
    with pytest.raises(middb.InvalidArgumentError, match="no counter"):
        db.counter("log")
    with pytest.raises(middb.MergeOperatorError):
        db.merge("n", "no such operator", b"")


def test_compare_and_set(db: Client) -> None:
    assert db.put_if_absent("k", "1")
    assert not db.put_if_absent("k", "2")
    with pytest.raises(middb.ExistsError):
        db.cas("k", "2", 0)
    value, seq = db.get_with_seq("k") or (b"", 0)
    assert value == b"1"
    newer = db.cas("k", "2", seq)
    assert newer > seq
    with pytest.raises(middb.SeqMismatchError):
        db.cas("k", "3", seq)
    assert db["k"] == b"2"
    assert db.get_with_seq("none") is None


def test_time_to_live(db: Client) -> None:
    db.put("short", "v", ttl=0.001)
    db.put("long", "v", ttl=timedelta(hours=2))
    db.put("ever", "v")
    left = db.ttl("long")
    assert left is not None
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert db.ttl("ever") is None
    assert db.get_with_expiry("none") is None
    with pytest.raises(middb.NotFoundError):
        db.ttl("none")
    while db.get("short") is not None:
        pass


ROWS = [(f"k{i:04}".encode(), f"v{i}".encode()) for i in range(3000)]


def test_scans(db: Client) -> None:
    db.put_many(ROWS, durability="nosync")
    assert list(db.scan()) == ROWS
    assert list(db.scan(reverse=True)) == ROWS[::-1]
    assert list(db.scan(prefix="k00", keys_only=True)) == [k for k, _ in ROWS[:100]]
    assert list(db.scan(start="k0005", stop="k0008")) == ROWS[5:8]
    assert list(db.scan(start="k0005", limit=2, reverse=False)) == ROWS[5:7]
    assert list(db.scan(limit=1, reverse=True)) == ROWS[-1:]
    assert list(db.scan(prefix="x")) == []
    assert list(db) == [k for k, _ in ROWS]
    assert (db.count(), db.count(prefix="k01"), db.count(start="k0010", stop="k0020")) == (3000, 100, 10)
    with pytest.raises(middb.InvalidArgumentError):
        db.scan(limit=-1)


def test_a_scan_sees_one_moment(db: Client) -> None:
    db.put_many(ROWS[:10])
    scan = db.scan()
    assert next(scan) == ROWS[0]
    db.delete_range(None, None)
    assert list(scan) == ROWS[1:10]


def test_scans_given_up_half_way_end_their_cursors(db: Client) -> None:
    db.put_many([(f"{i:05}", b"v" * 1000) for i in range(8000)], durability="nosync")  # more than the credit
    for row in db.scan():
        if row[0] == b"00010":
            break
    with db.scan() as scan:
        next(scan)
    scan = db.scan()
    next(scan)
    scan.close()
    scan = db.scan()
    next(scan)
    del scan
    unused = db.scan()
    gc.collect()
    assert db["00001"] == b"v" * 1000
    assert sum(1 for _ in db.scan(keys_only=True)) == 8000
    del unused
    assert [s.cursors for s in db.sessions()] == [0] * len(db.sessions())


def test_many_scans_at_once(tcp: str) -> None:
    with middb.connect(tcp, pool=3, timeout=1) as db:
        db.put_many(ROWS[:10])
        scans = [db.scan() for _ in range(3)]
        assert [next(s) for s in scans] == ROWS[:1] * 3
        with pytest.raises(middb.TimeoutError, match="pool=N"):
            db.get("k")
        scans.pop().close()
        assert db.get("k") is None
        for s in scans:
            s.close()


def test_keyspaces(db: Client) -> None:
    users = db.keyspace("users")
    users["k"] = "in users"
    assert users.name == "users"
    assert db.get("k") is None
    assert db.keyspaces() == ["default", "users"]
    assert list(db.keyspace("users", create=False)) == [b"k"]
    with pytest.raises(middb.KeyspaceMissingError):
        db.keyspace("others", create=False)
    with db.batch() as batch:
        batch.put("k", "in default")
        batch.keyspace("users").put("k", "changed")
    assert (db["k"], users["k"]) == (b"in default", b"changed")
    users.compact()
    db.drop_keyspace("users")
    with pytest.raises((middb.KeyspaceMissingError, middb.KeyspaceDroppedError)):
        users.get("k")
    with pytest.raises(middb.KeyspaceNameError):
        db.keyspace("n" * 300)


def test_the_url_names_a_keyspace(url: str) -> None:
    with middb.connect(url) as db:
        db.keyspace("mine")["k"] = "v"
    with middb.connect(url, keyspace="mine") as db:
        assert db["k"] == b"v"
        db.put_many({"l": "w"})
        with db.transaction() as txn:
            assert txn["l"] == b"w"
        assert db.count() == 2
        with db.watch() as watch:
            db["m"] = "x"
            assert next(watch).key == b"m"


def test_batches(db: Client) -> None:
    db["old"] = "1"
    db["range"] = "1"
    with db.batch(durability="sync") as batch:
        batch["a"] = "1"
        batch.put("b", "2", ttl=60)
        batch.delete("old")
        batch.delete_range("range", "rangf")
        batch.incr("n", 3)
        batch.append("s", "x")
        batch.put_many({"c": "3"})
        assert len(batch) == 7
        assert db.get("a") is None
    assert list(db) == [b"a", b"b", b"c", b"n", b"s"]
    with pytest.raises(RuntimeError, match="no"), db.batch() as batch:
        batch.put("never", "x")
        raise RuntimeError("no")
    assert "never" not in db
    batch = db.batch()
    batch.put("d", "4")
    del batch["a"]
    batch.commit()
    batch.commit()  # empty now
    assert "a" not in db
    with pytest.raises(middb.KeyspaceMissingError), db.batch() as batch:
        batch.put("e", "5")
        batch.keyspace("missing").put("e", "5")
    assert "e" not in db


def test_pipelines(db: Client) -> None:
    with db.pipeline() as pipe:
        puts = [pipe.put(f"k{i}", f"v{i}", durability="nosync") for i in range(5000)]
        one, none = pipe.get("k4999"), pipe.get("none")
        with pytest.raises(RuntimeError, match="not been executed"):
            one.value
    assert all(p.error is None for p in puts)
    assert (one.value, none.value) == (b"v4999", None)
    pipe = db.pipeline()
    pipe.get("k1")
    pipe.cas("k1", "x", 0)
    pipe.exists("k1")
    pipe.count(prefix="k499")
    pipe.get_many(["k1", "none"])
    pipe.incr("n", 2)
    pipe.append("s", "x")
    pipe.delete("k1")
    pipe.delete_range("k2", "k3")
    pipe.get("k1")
    pipe.put("k", b"v" * (17 << 20))
    results = pipe.execute()
    assert results[0] == b"v1"
    assert isinstance(results[1], middb.ExistsError)
    assert results[2:5] == [True, 11, [b"v1", None]]
    assert results[5:10] == [None] * 5
    assert isinstance(results[10], middb.FrameTooLargeError)
    assert pipe.execute() == []
    with pytest.raises(middb.ExistsError), db.pipeline() as pipe:
        pipe.cas("n", "x", 0)
        late = pipe.put("late", "1")
    assert late.error is None
    assert db["late"] == b"1"


def test_a_pipeline_of_large_requests_and_replies_does_not_stand_still(db: Client) -> None:
    """Both sides write more than the sockets hold."""
    value = b"v" * (1 << 20)
    db.put("large", value, durability="nosync")
    with db.pipeline() as pipe:
        gets = []
        for i in range(40):
            gets.append(pipe.get("large"))
            pipe.put(f"copy{i}", value, durability="nosync")
    assert all(g.value == value for g in gets)


def test_transactions(db: Client) -> None:
    db["a"] = "1"
    other = db.keyspace("other")
    with db.transaction(isolation="serializable") as txn:
        assert txn.seq > 0
        assert txn["a"] == b"1"
        txn["a"] = "2"
        txn.put("b", "1", ttl=60)
        save = txn.savepoint()
        txn.delete("a")
        assert "a" not in txn
        txn.rollback_to(save)
        txn.keyspace("other").put("x", "y")
        txn.incr("n", 4)
        assert txn.counter("n") == 4
        assert txn.get_many(["a", "b"]) == [b"2", b"1"]
        assert list(txn.scan()) == [(b"a", b"2"), (b"b", b"1"), (b"n", (4).to_bytes(8, "little"))]
        assert txn.count() == 3
        assert db["a"] == b"1"
        assert other.get("x") is None
        with pytest.raises(middb.InvalidArgumentError, match="begins"):
            txn.put("c", "1", durability="nosync")
    assert (db["a"], other["x"]) == (b"2", b"y")
    with pytest.raises(middb.TxnDoneError):
        txn.get("a")
    with pytest.raises(middb.TxnDoneError):
        txn.begin()
    txn.rollback()


def test_transactions_that_raise_are_rolled_back(db: Client) -> None:
    with pytest.raises(ZeroDivisionError), db.transaction() as txn:
        txn["a"] = "1"
        1 / 0
    assert "a" not in db
    assert all(s.txns == 0 for s in db.sessions())


def test_transactions_without_a_with_block(db: Client) -> None:
    with pytest.raises(middb.TxnDoneError, match="not begun"):
        db.transaction().get("a")
    txn = db.transaction(durability="nosync").begin()
    txn["a"] = "1"
    txn.commit()
    txn = db.transaction().begin()
    txn["a"] = "2"
    txn.rollback()
    assert db["a"] == b"1"
    reader = db.transaction(read_only=True).begin()
    with pytest.raises(middb.TxnReadOnlyError):
        reader.put("a", "3")
    reader.commit()


def test_a_transaction_that_is_forgotten_is_rolled_back(db: Client) -> None:
    txn = db.transaction().begin()
    txn["a"] = "1"
    with pytest.warns(ResourceWarning, match="neither committed"):
        del txn
        gc.collect()
    while any(s.txns for s in db.sessions()):
        pass  # its connection is being closed
    assert "a" not in db


def test_conflicts(db: Client) -> None:
    db["n"] = "0"
    first = db.transaction().begin()
    second = db.transaction().begin()
    for txn in (first, second):
        txn["n"] = str(int(txn["n"]) + 1)
    first.commit()
    with pytest.raises(middb.ConflictError) as caught:
        second.commit()
    assert caught.value.retryable
    assert caught.value.details["key"] == b"n"
    skew = db.transaction().begin()
    skew.get_for_update("n")
    db["n"] = "5"
    with pytest.raises(middb.ConflictError):
        skew.commit()


def test_run_repeats_what_conflicts(db: Client) -> None:
    db["n"] = "0"

    @db.transactional(isolation="serializable", tries=1000)
    def add(txn: middb.Transaction, n: int) -> int:
        value = int(txn["n"]) + n
        txn["n"] = str(value)
        return value

    def work() -> None:
        for _ in range(25):
            add(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert db["n"] == b"100"
    assert add(n=1) == 101


def test_run_gives_up(db: Client) -> None:
    calls = 0

    def conflicting(txn: middb.Transaction) -> None:
        nonlocal calls
        calls += 1
        txn["n"] = "1"
        db["n"] = "2"

    with pytest.raises(middb.ConflictError):
        db.run(conflicting, tries=3)
    assert calls == 3
    with pytest.raises(KeyError):
        db.run(lambda txn: txn["none"])
    assert db.run(lambda txn: txn.get("n"), read_only=True) == b"2"


def test_a_scan_in_a_transaction_that_is_dropped_does_no_harm(db: Client) -> None:
    db.put_many([(f"{i:05}", b"v" * 1000) for i in range(6000)], durability="nosync")
    with db.transaction() as txn:
        for key, _ in txn.scan():
            if key >= b"00003":
                break
            assert txn.get(key) is not None
        assert txn["00004"] == b"v" * 1000
        assert sum(1 for _ in txn.scan()) == 6000
        left = txn.scan()
        next(left)
    with pytest.raises(middb.Error):
        list(left)
    assert db["00001"] == b"v" * 1000


def test_watches(db: Client) -> None:
    start = db.watch(prefix="w")
    position = start.position
    db["w1"] = "a"
    db["other"] = "x"
    with db.transaction() as txn:
        txn.delete("w1")
        txn.incr("wn", 3)
        txn.put("w2", "b", ttl=3600)
    db.delete_range("w", "x")
    start.drain()
    changes = list(start)
    assert [(c.kind, c.key) for c in changes] == [
        (ChangeKind.PUT, b"w1"), (ChangeKind.DELETE, b"w1"), (ChangeKind.MERGE, b"wn"), (ChangeKind.PUT, b"w2"),
        (ChangeKind.DELETE_RANGE, b"w"),
    ]  # fmt: skip
    assert changes[0].value == b"a"
    assert changes[2].operator == "counter"
    assert changes[3].expires is not None
    assert changes[4].end == b"x"
    again = db.watch(position, prefix="w")
    assert again.next() == changes[0]
    resumed = db.watch(again.position, prefix="w")
    again.close()
    assert resumed.next() == changes[1]
    resumed.close()
    assert start.next() is None
    with db.watch(changes[-1].seq + 1, prefix="w") as later:
        assert later.next(timeout=0.01) is None
        db["w3"] = "c"
        change = later.next(timeout=30)
        assert change is not None
        assert change.value == b"c"
    with pytest.raises(middb.InvalidArgumentError):
        db.watch(-1)
    with pytest.raises(middb.KeyspaceMissingError):
        middb.Keyspace(db.keyspace("x")._caller, "missing").watch()


def test_a_watch_is_closed_by_another_thread(db: Client) -> None:
    watch = db.watch()
    seen: List[middb.Change] = []
    thread = threading.Thread(target=lambda: seen.extend(watch))
    thread.start()
    db["k"] = "v"
    while not seen:
        pass
    watch.close()
    thread.join(10)
    assert not thread.is_alive()


def test_threads_share_a_client(db: Client) -> None:
    def work(n: int) -> None:
        for i in range(200):
            db.put(f"{n}/{i}", f"{n}.{i}", durability="nosync")
            if db[f"{n}/{i}"] != f"{n}.{i}".encode():
                wrong.append((n, i))

    wrong: List[object] = []
    threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]  # more than there are connections
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert db.count() == 24 * 200


def test_administration(db: Client) -> None:
    db["k"] = "v"
    assert db.ping() > 0
    info = db.info()
    assert (info.server, info.read_only, info.user) == ("middb", False, None)
    stats = db.stats()
    assert stats["engine"]["last_seq"] > 0
    db.flush()
    db.compact("a", "z")
    db.compact_all()
    assert db["k"] == b"v"
    with middb.connect(db_url(db)) as other:
        session = other.info().session
        assert session in [s.session for s in db.sessions()]
        assert db.kill(session)
        assert not db.kill(999_999_999)
        with contextlib.suppress(middb.KilledError):
            other.get("k")
        assert other["k"] == b"v"  # by another connection
        assert other.info().session != session


def db_url(db: Client) -> str:
    target = db._target
    endpoint = target.endpoints[0]
    if isinstance(endpoint, str):
        return f"unix://{endpoint}"
    tls = f"?tls=1&ca={target.ca}" if target.ca else ""
    return f"middb://{endpoint[0]}:{endpoint[1]}{tls}"


def test_compression(url: str) -> None:
    with middb.connect(url, compress=True) as db:
        value = b"compress me " * 10_000
        db["k"] = value
        assert db["k"] == value
        db.put_many([(f"{i:04}", b"v" * 500) for i in range(2000)])
        assert sum(len(v) for _, v in db.scan(stop="k")) == 1_000_000
        with db.pipeline() as pipe:
            got = pipe.get("k")
        assert got.value == value
        stats = db.stats()["server"]
    assert stats is not None


def test_default_durability(url: str) -> None:
    with middb.connect(url, durability="nosync") as db:
        db["k"] = "v"
        assert db["k"] == b"v"


def test_closed_clients_say_so(db: Client) -> None:
    db["k"] = "v"
    db.close()
    db.close()
    with pytest.raises(middb.ClosedError):
        db.get("k")
    with pytest.raises(middb.ClosedError):
        db.transaction().begin()
    assert "middb.Client" in repr(db)


def test_clients_cannot_be_pickled(db: Client) -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(db)
    error = pickle.loads(pickle.dumps(middb.ConflictError("m", details={"key": b"k"})))
    assert (error.code, error.details) == (4001, {"key": b"k"})
