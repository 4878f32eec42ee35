"""Servers that fail, or lie: what the blocking client makes of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, List

import msgpack
import pytest

import middb
from fake import Connection, FakeServer, Script, silent, store
from middb import _frame as f
from running import Server


def hang_up(c: Connection) -> None:
    """Greets, takes one request, and closes without an answer."""
    c.greet()
    c.request()


def refuse(code: int, name: str) -> Script:
    def script(c: Connection) -> None:
        c.greet()
        c.error(c.request().id, code, name, retryable=True)

    return script


def nobody() -> str:
    """Returns an address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return f"127.0.0.1:{s.getsockname()[1]}"


# --- Connecting ---------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with pytest.raises(middb.ConnectionError, match="cannot connect to 127") as caught:
        middb.connect(f"middb://{nobody()}")
    assert isinstance(caught.value, ConnectionError)
    with pytest.raises(middb.ConnectionError, match="none"):
        middb.connect("unix:///none/at.all")


def test_the_next_endpoint_is_tried() -> None:
    with FakeServer(store) as s:
        with middb.connect(f"middb://{nobody()},127.0.0.1:{s.port}") as db:
            db["k"] = "v"
            assert db["k"] == b"v"
        with pytest.raises(middb.ConnectionError, match=r"(?s)127.*;.*127"):
            middb.connect(f"middb://{nobody()},{nobody()}")


@pytest.mark.parametrize("code", [6002, 6008])
def test_a_server_that_is_full_is_not_the_only_one(code: int) -> None:
    def full(c: Connection) -> None:
        c.read(8)
        c.send(f.PREFACE)
        c.error(0, code, "NOT_NOW", retryable=True)
        c.request()

    with FakeServer(full) as a, FakeServer(store) as b, middb.connect(f"{a.url},127.0.0.1:{b.port}") as db:
        assert db.get("k") is None
        with pytest.raises(middb.Error) as caught:
            middb.connect(a.url)
        assert caught.value.code == code


def test_a_login_that_is_not_given() -> None:
    with FakeServer(lambda c: c.greet(auth=True, mechanisms=["SCRAM-SHA-256"])) as s:
        with pytest.raises(middb.AuthRequiredError, match="user and a password"):
            middb.connect(s.url)
        with pytest.raises(middb.AuthRequiredError, match="ada"):
            middb.connect(s.url, user="ada")
    with (
        FakeServer(lambda c: c.greet(auth=True, mechanisms=["MAGIC"])) as s,
        pytest.raises(middb.AuthFailedError, match="MAGIC"),
    ):
        middb.connect(s.url, user="ada", password="pw")


# --- Connections that are lost ------------------------------------------------------------------------------------


def test_reads_are_repeated() -> None:
    with FakeServer(hang_up, hang_up, store) as s, middb.connect(s.url) as db:
        assert db.get("k") is None
        assert s.connections == 3


def test_reads_are_not_repeated_for_ever() -> None:
    with (
        FakeServer(hang_up) as s,
        middb.connect(s.url, retries=2) as db,
        pytest.raises(middb.ConnectionError, match="closed by the server"),
    ):
        db.get("k")
    assert s.connections == 3


def test_nothing_is_repeated_if_that_is_not_wanted() -> None:
    with FakeServer(hang_up) as s, middb.connect(s.url, retries=0) as db, pytest.raises(middb.ConnectionError):
        db.get("k")
    assert s.connections == 1


WRITES: List[Callable[[middb.Client], Any]] = [
    lambda db: db.put("k", "v"),
    lambda db: db.delete("k"),
    lambda db: db.put_many({"k": "v"}),
    lambda db: db.delete_range(None, None),
    lambda db: db.incr("k"),
    lambda db: db.cas("k", "v", 1),
    lambda db: db.drop_keyspace("k"),
    lambda db: db.remove_user("k"),
]


@pytest.mark.parametrize("write", WRITES)
def test_writes_without_an_answer_are_unknown(write: Callable[[middb.Client], Any]) -> None:
    with FakeServer(hang_up, store) as s, middb.connect(s.url) as db:
        with pytest.raises(middb.CommitUnknownError, match="closed by the server") as caught:
            write(db)
        assert isinstance(caught.value.__cause__, middb.ConnectionError)
        assert s.connections == 1
        assert db.get("k") is None


def test_writes_that_were_refused_are_repeated() -> None:
    with FakeServer(refuse(6002, "SHUTTING_DOWN"), store) as s, middb.connect(s.url) as db:
        db["k"] = "v"
        assert db["k"] == b"v"


def test_a_write_notices_beforehand_that_the_connection_is_gone() -> None:
    gone = threading.Event()

    def leave(c: Connection) -> None:
        c.greet()
        c.socket.shutdown(socket.SHUT_RDWR)
        gone.set()

    with FakeServer(leave, store) as s, middb.connect(s.url) as db:
        assert gone.wait(10)
        db["k"] = "v"
        assert s.connections == 2


def test_a_write_to_a_server_that_has_gone_was_not_sent() -> None:
    with FakeServer(store) as s:
        db = middb.connect(s.url, retries=1)
        db["k"] = "v"  # the connection is a good one, up to here
    with pytest.raises(middb.ConnectionError, match="cannot connect"):
        db["k"] = "w"
    pipe = db.pipeline()
    pipe.put("k", "w")
    assert isinstance(pipe.execute()[0], middb.ConnectionError)
    db.close()


def test_a_server_that_says_it_will_stop_gets_no_more_requests() -> None:
    said = threading.Event()

    def stopping(c: Connection) -> None:
        c.greet()
        c.reply(0, {"kind": "shutdown", "message": "bye"}, f.NOTICE)
        said.set()
        c.request()
        pytest.fail("there was a request after the notice")

    with FakeServer(stopping, store) as s, middb.connect(s.url) as db:
        assert said.wait(10)
        db["k"] = "v"
        assert s.connections == 2


def test_an_idle_connection_that_the_server_has_closed_is_replaced() -> None:
    def idle(c: Connection) -> None:
        c.greet()
        c.error(0, 6007, "TIMEOUT")

    with FakeServer(idle, store) as s, middb.connect(s.url) as db:
        assert db.get("k") is None


def test_a_commit_without_an_answer_is_unknown() -> None:
    def begin(c: Connection) -> None:
        c.greet()
        c.reply(c.request().id, [1, 7])
        c.reply(c.request().id, None)
        assert c.request().type == f.COMMIT

    with FakeServer(begin) as s, middb.connect(s.url) as db:
        with pytest.raises(middb.CommitUnknownError), db.transaction() as txn:
            assert txn.seq == 7
            txn.put("k", "v")
        with pytest.raises(middb.CommitUnknownError):
            db.run(lambda txn: txn.put("k", "v"))  # not run again
        assert s.connections == 2


def test_a_transaction_whose_connection_is_lost_can_be_run_again() -> None:
    def lose(c: Connection) -> None:
        c.greet()
        c.reply(c.request().id, [1, 7])
        c.request()

    def keep(c: Connection) -> None:
        c.greet()
        c.reply(c.request().id, [1, 7])
        c.reply(c.request().id, b"v")
        c.reply(c.request().id, None)

    with FakeServer(lose, keep) as s, middb.connect(s.url) as db:
        assert db.run(lambda txn: txn.get("k")) == b"v"
    with FakeServer(lose) as s, middb.connect(s.url) as db:
        with pytest.raises(middb.ConnectionError), db.transaction() as txn:
            txn.put("k", "v")  # nothing of it was written: that is known
        txn.rollback()


def test_a_pipeline_that_is_cut_off_goes_on_where_that_is_safe() -> None:
    def half(c: Connection) -> None:
        c.greet()
        c.reply(c.request().id, b"1")
        for _ in range(3):
            c.request()

    with FakeServer(half, store) as s, middb.connect(s.url) as db:
        pipe = db.pipeline()
        pipe.get("a")
        pipe.get("b")
        pipe.put("c", "1")
        pipe.get("d")
        results = pipe.execute()
    assert results[0] == b"1"
    assert results[1] is None
    assert isinstance(results[2], middb.CommitUnknownError)
    assert results[3] is None


def test_a_pipeline_gives_up() -> None:
    with FakeServer(hang_up) as s, middb.connect(s.url, retries=1) as db:
        pipe = db.pipeline()
        pipe.get("a")
        pipe.put("b", "1")
        results = pipe.execute()
    assert [type(r).__name__ for r in results] == ["ConnectionError", "CommitUnknownError"]


def test_a_scan_that_is_cut_off_says_so() -> None:
    def cut(c: Connection) -> None:
        c.greet()
        r = c.request()
        c.reply(r.id, [b"a", b"1"], f.ROWS, f.MORE)
        assert c.request().type == f.FETCH

    with FakeServer(hang_up, cut) as s, middb.connect(s.url) as db:
        scan = db.scan()
        assert next(scan) == (b"a", b"1")  # the first try failed before the first row
        with pytest.raises(middb.ConnectionError):
            next(scan)


def test_a_watch_goes_on_where_it_was() -> None:
    def first(c: Connection) -> None:
        c.greet()
        r = c.request()
        assert r.body == ["", 0, b"p"]
        c.reply(r.id, [5], flags=f.MORE)
        c.reply(r.id, [8, [[5, 1, b"pa", b"1"], [7, 2, b"pb"]]], f.EVENT, f.MORE)
        assert c.request().type == f.FETCH

    def second(c: Connection) -> None:
        c.greet()
        r = c.request()
        assert r.body == ["", 8, b"p"]
        c.reply(r.id, [8], flags=f.MORE)
        c.reply(r.id, [10, []], f.EVENT, f.MORE)
        c.reply(r.id, [12, [[11, 1, b"pc", b"3"]]], f.EVENT, f.MORE)
        c.reply(r.id, {"rows": 1}, f.END)
        with contextlib.suppress(EOFError):
            while True:
                c.request()

    with FakeServer(first, second) as s, middb.connect(s.url) as db:
        watch = db.watch(prefix="p")
        assert [(c.seq, c.key) for c in watch] == [(5, b"pa"), (7, b"pb"), (11, b"pc")]
        assert watch.position == 12


def test_a_watch_that_the_log_does_not_reach_says_so() -> None:
    def truncated(c: Connection) -> None:
        c.greet()
        r = c.request()
        c.reply(r.id, [5], flags=f.MORE)
        c.reply(r.id, {"code": 3014, "name": "FEED_TRUNCATED", "message": "gone", "next": 5, "oldest": 9}, f.ERROR)
        c.request()

    with FakeServer(truncated) as s, middb.connect(s.url) as db, pytest.raises(middb.FeedTruncatedError) as caught:
        next(db.watch())
    assert caught.value.details == {"next": 5, "oldest": 9}


# --- Servers that are slow, or lie --------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_given_up() -> None:
    def mute(c: Connection) -> None:
        c.greet()
        while True:
            c.request()

    def pipeline() -> object:
        pipe = db.pipeline()
        pipe.get("k")
        raise pipe.execute()[0]

    # Long enough to connect, however busy the machine is; so the requests wait at the same time.
    with FakeServer(mute) as s, middb.connect(s.url, timeout=1) as db, ThreadPoolExecutor() as threads:
        attempts: List[Callable[[], object]] = [
            lambda: db.get("k"),
            lambda: db.put("k", "v"),
            pipeline,
            lambda: next(db.scan()),
        ]
        errors = [future.exception() for future in [threads.submit(a) for a in attempts]]
    assert [type(e) for e in errors] == [
        middb.TimeoutError, middb.CommitUnknownError, middb.TimeoutError, middb.TimeoutError,
    ]  # fmt: skip
    assert isinstance(errors[0], TimeoutError)


def test_a_server_that_does_not_greet_is_given_up() -> None:
    with FakeServer(silent) as s, pytest.raises(middb.Error, match="not answered"):
        middb.connect(s.url, timeout=0.05)


def raw(data: bytes) -> Script:
    """Greets and answers the first request with bytes."""

    def script(c: Connection) -> None:
        c.greet()
        r = c.request()
        c.send(data.replace(b"<id>", r.id.to_bytes(4, "big")))
        with contextlib.suppress(EOFError, OSError):
            while True:
                c.request()

    return script


def answer(kind: int, body: bytes, flags: int = 0) -> bytes:
    return len(body).to_bytes(4, "big") + b"<id>" + bytes([kind, flags, 0, 0]) + body


HOSTILE = {
    "noise": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a frame of 4 GiB": b"\xff\xff\xff\xff<id>\x80\0\0\0",
    "an id of nobody": answer(f.OK, b"\xc0").replace(b"<id>", b"\0\0\xff\xff"),
    "an unknown type": answer(0x99, b"\xc0"),
    "a false length": answer(f.OK, b"\xc6\xff\xff\xff\xff"),
    "deep nesting": answer(f.OK, b"\x91" * 50_000),
    "nothing": answer(f.OK, b""),
    "two values": answer(f.OK, b"\xc0\xc0"),
    "an integer for a value": answer(f.OK, b"\x05"),
    "a map for a value": answer(f.OK, b"\x80"),
    "an extension": answer(f.OK, b"\xd4\x05\x05"),
    "a reserved bit": b"\0\0\0\1<id>\x80\0\0\1\xc0",
    "compression that was not asked for": answer(f.OK, b"\0\0\0\1x", f.COMPRESSED),
    "an error that is none": answer(f.ERROR, b"\x05"),
    "an error with nonsense": answer(f.ERROR, msgpack.packb({"code": "x"})),
    "a notice that is none": answer(f.ROWS, b"\x90").replace(b"<id>", b"\0\0\0\0"),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers_are_errors(data: bytes) -> None:
    with FakeServer(raw(data), store) as s, middb.connect(s.url) as db:
        with pytest.raises((middb.ProtocolError, middb.FrameTooLargeError)):
            db.get("k")
        assert db.get("k") is None  # by a connection of its own, or the old one if that is sound


HOSTILE_ROWS = {
    "no array": b"\x05",
    "a key without a value": msgpack.packb([b"k"]),
    "strings": msgpack.packb(["k", "v"]),
    "nil": msgpack.packb([None, None]),
}


@pytest.mark.parametrize("body", HOSTILE_ROWS.values(), ids=HOSTILE_ROWS.keys())
def test_hostile_rows_are_errors(body: bytes) -> None:
    data = answer(f.ROWS, body, f.MORE)
    with FakeServer(raw(data)) as s, middb.connect(s.url) as db, pytest.raises(middb.ProtocolError):
        list(db.scan())


@pytest.mark.parametrize("event", [5, [], [1], [1, [[1, 9, b"k"]]], [1, [[1, 1]]], [1, [["x", 1, b"k"]]]])
def test_hostile_events_are_errors(event: object) -> None:
    data = answer(f.OK, b"\x91\x05", f.MORE) + answer(f.EVENT, msgpack.packb(event), f.MORE)
    with FakeServer(raw(data)) as s, middb.connect(s.url) as db, pytest.raises(middb.ProtocolError):
        next(db.watch())


def test_a_greeting_of_something_else() -> None:
    def http(c: Connection) -> None:
        c.read(8)
        c.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with FakeServer(http) as s, pytest.raises(middb.ProtocolError, match="HTTP/1"):
        middb.connect(s.url)
    with FakeServer(lambda c: c.greet(server="other")) as s, pytest.raises(middb.ProtocolError, match="other"):
        middb.connect(s.url)
    with FakeServer(lambda c: c.greet(limits=5)) as s, pytest.raises(middb.ProtocolError):
        middb.connect(s.url)


# --- The real server is killed ------------------------------------------------------------------------------------


def test_what_was_acknowledged_survives_the_server(tmp_path: Path) -> None:
    """Kills the server again and again while threads write: whatever was acknowledged must be there afterwards, and the
    client must find its way back."""
    acknowledged: List[str] = []
    unknown: List[str] = []
    stop = threading.Event()
    with Server(tmp_path / "data") as server, middb.connect(server.url, retries=100) as db:

        def write(n: int) -> None:
            i = 0
            while not stop.is_set():
                key = f"{n}/{i}"
                i += 1
                try:
                    db.put(key, key)
                except middb.CommitUnknownError:
                    unknown.append(key)
                else:
                    acknowledged.append(key)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for _ in range(3):
            before = len(acknowledged)
            while len(acknowledged) < before + 50:
                time.sleep(0)  # lets the writers run
            server.kill()
            server.start()
        stop.set()
        for t in threads:
            t.join(60)
        found = {k.decode() for k in db}
    assert not set(acknowledged) - found
    assert found <= set(acknowledged) | set(unknown)
    assert len(acknowledged) >= 150


def test_a_transaction_does_not_outlive_the_server(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, middb.connect(server.url) as db:
        with pytest.raises(middb.ConnectionError), db.transaction() as txn:
            txn["k"] = "v"
            server.kill()
            server.start()
            txn.get("k")
        assert db.get("k") is None
        db["k"] = "w"
        watch = db.watch()
        server.kill()
        server.start()
        db["k"] = "x"
        change = watch.next(timeout=60)
        assert change is not None
        assert change.value == b"x"
        watch.close()


def test_a_graceful_stop_loses_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, middb.connect(server.url, retries=100) as db:
        db["k"] = "v"
        server.stop()
        server.start()
        db["l"] = "w"  # the connection had ended before this was sent
        assert list(db.scan()) == [(b"k", b"v"), (b"l", b"w")]
