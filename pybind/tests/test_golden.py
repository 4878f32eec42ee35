"""The frames of wire/testdata/golden.json, which the Go suite reads, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import msgpack
import pytest

from middb import _admin, _decode, _handshake, _scram
from middb import _frame as f
from middb import _messages as m
from middb._types import ChangeKind
from middb._url import Target

GOLDEN = Path(__file__).parents[2] / "wire" / "testdata" / "golden.json"
FRAMES: List[Dict[str, Any]] = json.loads(GOLDEN.read_text())
BY_NAME = {g["name"]: g for g in FRAMES}


def plain(v: Any) -> Any:
    """Returns the value that the JSON of a golden frame stands for."""
    if isinstance(v, list):
        return [plain(e) for e in v]
    if isinstance(v, dict):
        if "bin" in v:
            return bytes.fromhex(v["bin"])
        if "float" in v:
            return float(v["float"])
        return {k: plain(e) for k, e in v["map"]}
    return v


def body(name: str) -> bytes:
    return bytes.fromhex(BY_NAME[name]["hex"])[f.HEADER_BYTES :]


@pytest.mark.parametrize("golden", FRAMES, ids=lambda g: g["name"])
def test_frame_is_read_and_written_alike(golden: Dict[str, Any]) -> None:
    whole = bytes.fromhex(golden["hex"])
    inbox = f.Inbox()
    inbox.feed(f.PREFACE + f.frame(golden["type"], golden["id"], whole[12:], golden["flags"] & f.MORE))
    frame = inbox.next()
    assert frame is not None
    assert (frame.type, frame.id) == (golden["type"], golden["id"])
    value = plain(golden["body"])
    assert msgpack.unpackb(frame.body) == value
    assert f.frame(golden["type"], golden["id"], msgpack.packb(value), golden["flags"]) == whole


KEY, VALUE, BINARY = b"user/1", b"Ada", b"\0\xff\x80\n"

BATCH = [
    m.op_put(KEY, VALUE, "", 1),
    m.op_delete(BINARY, "users"),
    m.op_delete_range(KEY, None, ""),
    m.op_merge("n", m.COUNTER, m.counter_operand(1), ""),
]

REQUESTS: List[Tuple[str, m.Request[Any]]] = [
    ("get", m.get("user/1", "", 0)),
    ("get in a keyspace", m.get(KEY, "users", 0)),
    ("get for update", m.get(bytearray(KEY), "", 3, for_update=True)),
    ("put", m.put("user/1", memoryview(VALUE), "", 0, None, None)),
    ("put of nothing", m.put(KEY, "", "", 0, None, None)),
    ("put without reply", m.put(KEY, VALUE, "", 0, 90, "nosync")),
    ("put in a transaction", m.put(KEY, VALUE, "users", 300, None, None)),
    ("put of 300 bytes", m.put(KEY, "v" * 300, "", 0, None, None)),
    ("del", m.delete(KEY, "", 0, None)),
    ("del with everything", m.delete(KEY, "users", 1, "sync")),
    ("mget", m.get_many([KEY, BINARY], "", 0)),
    ("mget in a transaction", m.get_many([], "", 2)),
    ("batch", m.batch(BATCH, "", 0, None)),
    ("batch with everything", m.batch([m.op_delete_range(None, KEY, "")], "users", 5, "sync")),
    ("cas", m.cas(KEY, VALUE, 0, "", None)),
    ("cas with everything", m.cas(KEY, VALUE, 2**64 - 1, "users", "nosync")),
    ("delrange", m.delete_range(None, None, "", 0, None)),
    ("delrange with everything", m.delete_range(KEY, BINARY, "users", 1, "sync")),
    ("count", m.count(None, None, "user/", "", 0)),
    ("merge", m.merge(KEY, m.APPEND, VALUE, "", 0, None)),
    ("begin", m.begin("snapshot", False, None, None)),
    ("begin with everything", m.begin("serializable", True, 5, "nosync")),
    ("commit", m.commit(1, False)),
    ("rollback", m.rollback(1)),
    ("rollback to a savepoint", m.rollback(1, 2)),
    ("savepoint", m.savepoint(1)),
    ("stats", _admin.stats()),
    ("flush", _admin.flush()),
    ("compact everything", _admin.compact(None, None, None)),
    ("compact", _admin.compact("users", KEY, None)),
    ("compact the default keyspace", _admin.compact("", None, None)),
    ("kill", _admin.kill(7)),
    ("users", _admin.change_user("add", "ada", "secret", {"*": "read"})),
    ("keyspaces", _admin.open_keyspace("users", create=True)),
]


@pytest.mark.parametrize(("name", "request_"), REQUESTS, ids=[name for name, _ in REQUESTS])
def test_request_is_built_as_the_go_client_builds_it(name: str, request_: m.Request[Any]) -> None:
    assert request_.type == BY_NAME[name]["type"]
    assert request_.body == body(name)


def test_bodies_without_reply_are_built_alike() -> None:
    assert m.scan(m.Range(), "", 0) == body("scan")
    everything = m.scan(m.Range("u", KEY, BINARY, True, 100_000, True), "users", 1)
    assert everything is not None
    assert msgpack.unpackb(everything) == msgpack.unpackb(body("scan with everything"))[:-1]  # the credit
    assert m.watch("", 0, None) == body("watch")
    assert msgpack.unpackb(m.watch("users", 99, "u")) == msgpack.unpackb(body("watch with everything"))[:-1]
    assert m.unwatch(37) == body("unwatch when all is delivered")
    assert m.fetch(17, 4) == body("fetch")
    assert m.one(17) == body("close")
    assert m.one(4) == body("cancel")


def test_an_empty_bound_is_sent() -> None:
    """A missing one would be no bound: delete_range(b"a", b"") would delete everything from a on."""
    assert msgpack.unpackb(m.delete_range(b"a", b"", "", 0, None).body) == [b"a", b""]
    assert msgpack.unpackb(m.count(None, b"", None, "", 0).body) == ["", 0, None, b""]
    scan = m.scan(m.Range(stop=b""), "", 0)
    assert scan is not None
    assert msgpack.unpackb(scan) == ["", 0, None, b""]
    assert msgpack.unpackb(m.batch([m.op_delete_range(b"a", b"", "")], "", 0, None).body) == [[[3, b"a", b""]]]


def test_hello_and_login_are_read() -> None:
    steps = _handshake.handshake(Target(user="ada", password="pw", compress=True), inbox := f.Inbox())
    first = next(steps)
    assert first.startswith(f.PREFACE)
    hello = f.Frame(f.OK, 0, 1, body("reply to hello"))
    auth = steps.send(hello)
    assert auth[8] == f.AUTH
    assert inbox.compressed
    assert msgpack.unpackb(auth[12:])["mechanism"] == _handshake.SCRAM


def test_replies_are_read() -> None:
    get, put = m.get(KEY, "", 0), m.put(KEY, VALUE, "", 0, None, None)
    assert get.finish(f.OK, body("value")) == VALUE
    assert get.finish(f.OK, body("no value")) is None
    assert put.finish(f.OK, body("no value")) is None
    assert m.get_with_seq(KEY, "").finish(f.OK, body("value and sequence number")) == (VALUE, 1 << 40)
    assert m.get_many([KEY, BINARY], "", 0).finish(f.OK, body("values")) == [VALUE, None]
    assert m.cas(KEY, VALUE, 0, "", None).finish(f.OK, body("sequence number")) == 70_000
    assert m.begin("snapshot", False, None, None).finish(f.OK, body("reply to begin")) == (1, 12345)
    assert list(_decode.decode_rows(body("rows"))) == [(KEY, VALUE)]
    assert _decode.decode_keys(body("keys")) == [KEY]
    assert _admin.stats().finish(f.OK, body("reply to stats"))["engine"]["last_seq"] == 9
    info = _admin.info().finish(f.OK, body("reply to info"))
    assert (info.pid, info.user, info.started.timestamp()) == (42, None, 1_700_000_000)
    assert _admin.sessions().finish(f.OK, body("reply to sessions"))[0].remote == "127.0.0.1:5000"
    assert _admin.list_users().finish(f.OK, body("reply to users")) == [("ada", {"*": "read"})]
    assert _admin.list_keyspaces().finish(f.OK, body("reply to keyspaces")) == ["default", "users"]


def test_changes_are_read() -> None:
    position, changes = _decode.decode_event(body("event"))
    assert position == 104
    assert [c.kind for c in changes] == [
        ChangeKind.PUT, ChangeKind.PUT, ChangeKind.DELETE, ChangeKind.DELETE_RANGE, ChangeKind.MERGE,
    ]  # fmt: skip
    assert changes[0].expires is not None
    assert changes[0].expires.timestamp() == 1_700_000_000
    assert (changes[1].value, changes[1].expires) == (b"", None)
    assert (changes[3].key, changes[3].end) == (None, KEY)
    assert (changes[4].operator, changes[4].value) == ("append", VALUE)


def test_errors_are_read() -> None:
    error = _decode.decode_error(body("error"))
    assert (type(error).__name__, error.code, error.retryable) == ("KeyspaceMissingError", 3011, False)
    conflict = _decode.decode_error(body("conflict"))
    assert type(conflict).__name__ == "ConflictError"
    assert conflict.retryable
    assert conflict.details["key"] == KEY
    truncated = _decode.decode_error(body("truncated feed"))
    assert (truncated.details["next"], truncated.details["oldest"]) == (5, 0)
    unknown = _decode.decode_error(msgpack.packb({"code": 7999, "name": "NEW", "message": "?", "retryable": True}))
    assert (type(unknown).__name__, unknown.code, unknown.name, unknown.retryable) == ("Error", 7999, "NEW", True)


def test_login_is_that_of_rfc_7677() -> None:
    scram = _scram.Scram("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    final = scram.final(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode())
    assert final == f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()
    scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
