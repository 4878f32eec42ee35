"""Databases with a private server: whose it is, who may use it, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List

import pytest

import middb
from middb import _home
from running import Server, binary, python_environment
from test_aio import on_loop


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDDB_BINARY", binary())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def servers_of(directory: Path) -> List[int]:
    """Returns the processes that have a directory open."""
    out = subprocess.run(["ps", "-eww", "-o", "pid=,stat=,args="], check=True, capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in out.splitlines()]
    return [int(pid) for pid, stat, args in rows if f"--data-dir {directory}" in args and "Z" not in stat]


def wait_gone(directory: Path) -> None:
    """Waits until no server has the directory open; the time limit is that of the test run."""
    while servers_of(directory):
        pass


def run_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=python_environment(),
    )


@pytest.fixture
def holder(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the database open, and ends when its input does."""
    child = run_python(HOLD, data, "")
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    with child:
        yield child
        assert child.stdin is not None
        child.stdin.close()


HOLD = """
import middb, sys
with middb.Database(sys.argv[1], shared=bool(sys.argv[2])) as db:
    db["from holder"] = "1"
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_directory_is_a_database(data: Path) -> None:
    with middb.Database(data) as db:
        db["k"] = "v"
        assert db.path == str(data)
        assert db.info().path == str(data)
        socket = db._home.locate()
        assert os.stat(os.path.dirname(socket)).st_mode & 0o777 == 0o700
        assert "Database" in repr(db)
        assert len(servers_of(data)) == 1
    assert servers_of(data) == []
    assert not os.path.exists(os.path.dirname(socket))
    with middb.Database(str(data), keyspace="", durability="nosync", pool=2) as db:
        assert db["k"] == b"v"
    db.close()
    with pytest.raises(middb.ClosedError):
        db.get("k")


def test_settings_of_other_servers_are_not_for_this_one(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDDB_UNIX", str(data / "elsewhere"))
    monkeypatch.setenv("MIDDB_CONFIG", str(data / "missing.toml"))
    with middb.Database(data) as db:
        db.ping()


def test_server_arguments_are_passed_on(data: Path) -> None:
    with middb.Database(data, server_args=["--max-frame", "64KiB"]) as db, pytest.raises(middb.FrameTooLargeError):
        db.put("k", b"v" * 70_000)
    with pytest.raises(middb.ConnectionError, match="no-such-flag"):
        middb.Database(data, server_args=["--no-such-flag"])


def test_a_second_opener_is_told_who_has_it(data: Path, holder: subprocess.Popen[str]) -> None:
    (server,) = servers_of(data)
    with pytest.raises(middb.DatabaseLocked, match=f"process {holder.pid} has .* process {server}") as caught:
        middb.Database(data)
    assert caught.value.details == {"pid": holder.pid, "server": server}
    with pytest.raises(middb.DatabaseLocked, match=str(holder.pid)):
        asyncio.run(middb.AsyncDatabase(data).open())


def test_a_server_that_is_nobodys_is_named_itself(data: Path) -> None:
    with Server(data) as server, pytest.raises(middb.DatabaseLocked) as caught:
        middb.Database(data)
    assert caught.value.details["server"] == server.child.pid


def test_one_that_is_not_shared_cannot_be_attached_to(
    data: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_home, "ATTACH_WAIT", 0.05)
    with pytest.raises(middb.DatabaseLocked, match="shared=True"):
        middb.Database(data, shared=True)


def test_a_directory_with_other_files_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("hello")
    with pytest.raises(middb.Error, match="not a database"):
        middb.Database(tmp_path)


def test_the_program_is_looked_for(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = os.path.abspath(binary())
    with pytest.raises(middb.BinaryMissingError, match="is no program"):
        middb.Database(data, binary=tmp_path / "none")
    monkeypatch.setenv("MIDDB_BINARY", str(tmp_path))
    with pytest.raises(middb.BinaryMissingError, match="MIDDB_BINARY"):
        middb.Database(data)
    monkeypatch.delenv("MIDDB_BINARY")
    monkeypatch.setattr(_home, "__file__", str(tmp_path / "_home.py"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(middb.BinaryMissingError, match="PATH"):
        middb.Database(data)
    (tmp_path / "middb").symlink_to(program)
    assert _home.find_binary() == str(tmp_path / "middb")
    (tmp_path / "bin").mkdir()
    bundled = tmp_path / "bin" / "middb"
    bundled.symlink_to(tmp_path / "middb")
    assert _home.find_binary() == str(bundled)


def test_the_server_ends_when_its_owner_is_killed(data: Path) -> None:
    child = run_python(HOLD, data, "")
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        assert len(servers_of(data)) == 1
        child.send_signal(signal.SIGKILL)
    wait_gone(data)
    with middb.Database(data) as db:
        assert db["from holder"] == b"1"


def test_the_server_ends_with_a_program_that_forgets_to_close(data: Path) -> None:
    code = "import middb, sys; db = middb.Database(sys.argv[1]); db['k'] = 'v'; print(db._home.locate())"
    with run_python(code, data) as child:
        assert child.stdout is not None
        home = os.path.dirname(child.stdout.read().strip())
    assert child.returncode == 0
    assert servers_of(data) == []
    assert not os.path.exists(home)


HALF_READ = """
import asyncio, middb, sys
db = middb.Database(sys.argv[1])
db.put_many([(str(i), b"v" * 1000) for i in range(5000)], durability="nosync")
scan = db.scan()
next(scan)
watch = db.watch()
txn = db.transaction().begin()
txn.put("z", "1")
"""

HALF_READ_ON_ASYNCIO = """
import asyncio, middb, sys
async def main():
    global db, scan, watch
    db = middb.AsyncDatabase(sys.argv[1])
    await db.put_many([(str(i), b"v" * 1000) for i in range(5000)], durability="nosync")
    scan, watch = db.scan(), db.watch()
    await scan.__anext__()
    await watch.start()
asyncio.run(main())
"""


@pytest.mark.parametrize("code", [HALF_READ, HALF_READ_ON_ASYNCIO], ids=["blocking", "asyncio"])
def test_a_program_need_not_wait_for_itself_when_it_ends(data: Path, code: str) -> None:
    """Its server gives those who read from it the time of STOP_TIMEOUT."""
    code += "\nprint('ends', flush=True)\n"
    with run_python(code, data) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ends\n"
        start = time.monotonic()
        child.wait(60)
        took = time.monotonic() - start
    assert child.returncode == 0
    assert servers_of(data) == []
    assert took < float(_home.STOP_TIMEOUT.rstrip("s")) / 2


def test_what_owners_leave_behind_when_they_are_killed_is_removed(
    data: Path, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = short_dir / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    old, recent, running, foreign = (place / name for name in ("middb-py-a", "middb-py-b", "middb-py-c", "middb-d"))
    for home in (old, recent, running, foreign):
        home.mkdir()
    (running / "middb.sock").touch()
    for home in (old, running, foreign):
        os.utime(home, (0, 0))
    with middb.Database(data):
        assert {h for h in (old, recent, running, foreign) if h.exists()} == {recent, running, foreign}
    assert len(list(place.iterdir())) == 3


def test_ctrl_c_is_for_the_program_and_not_for_its_server(data: Path) -> None:
    code = """
import middb, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have it ignored
with middb.Database(sys.argv[1]) as db:
    try:
        os.killpg(0, signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt:
        db["k"] = "v"
        print(db["k"].decode())
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(data)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=python_environment(),
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.read() == "v\n"
    assert child.returncode == 0


def test_a_server_that_dies_is_started_again(data: Path) -> None:
    with middb.Database(data) as db:
        db["k"] = "v"
        (pid,) = servers_of(data)
        os.kill(pid, signal.SIGKILL)
        while servers_of(data) == [pid]:
            pass
        assert db["k"] == b"v"
        db["l"] = "w"
        assert servers_of(data) != [pid]


# --- Fork ---------------------------------------------------------------------------------------------------------


def in_child(work: object) -> None:
    """Runs a function in a child made by fork, which ends as an ordinary program does, and checks that it succeeded."""
    assert callable(work)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert status == 0


def test_a_forked_child_uses_connections_of_its_own(data: Path) -> None:
    with middb.Database(data) as db:
        db["k"] = "v"
        scan = db.scan()
        next(scan)
        txn = db.transaction().begin()
        txn["t"] = "1"
        mine = {s.session for s in db.sessions()}

        def child() -> None:
            assert db["k"] == b"v"
            assert db.info().session not in mine
            db["from child"] = "1"
            for use in (lambda: txn.get("k"), lambda: list(scan)):
                with contextlib.suppress(middb.ConnectionError, StopIteration):
                    use()
            db.close()  # must not end the server

        in_child(child)
        assert db["from child"] == b"1"
        assert db.info().session in mine
        txn.commit()
        assert db["t"] == b"1"
        assert len(servers_of(data)) == 1
    assert servers_of(data) == []


def test_a_child_that_exits_leaves_the_server_alone(data: Path) -> None:
    code = """
import middb, os, sys
db = middb.Database(sys.argv[1])
db["k"] = "v"
if os.fork() == 0:
    sys.exit()  # runs what runs at exit
os.wait()
print(db["k"].decode())
if os.fork() == 0:
    sys.stdin.read()  # a child that stays must not keep the server alive
    os._exit(0)
db.close()
print("closed", flush=True)
"""
    with run_python(code, data) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "v\n"
        assert child.stdout.readline() == "closed\n"
        wait_gone(data)
        assert child.stdin is not None
        child.stdin.close()


def test_a_child_is_told_that_the_server_of_its_parent_has_ended(data: Path) -> None:
    with middb.Database(data, retries=1) as db:
        db["k"] = "v"
        (server,) = servers_of(data)

        def child() -> None:
            os.kill(server, signal.SIGKILL)
            while servers_of(data) == [server]:
                pass
            with pytest.raises(middb.ConnectionError, match=r"process that forked.*shared=True"):
                db.get("k")

        in_child(child)
        assert db["k"] == b"v"  # from another server


def test_a_database_that_was_not_opened_before_a_fork_is_opened_after_it(data: Path) -> None:
    db = middb.AsyncDatabase(data)

    async def use() -> None:
        async with db:
            await db.put("k", "v")
        assert servers_of(data) == []

    in_child(lambda: asyncio.run(use()))
    asyncio.run(use())


def test_a_fork_while_the_server_starts_does_not_keep_it_alive(data: Path, tmp_path: Path) -> None:
    slow, started, go = tmp_path / "slow", tmp_path / "started", tmp_path / "go"
    slow.write_text(f'#!/bin/sh\ntouch {started}\nread x < {go}\nexec {os.path.abspath(binary())} "$@"\n')
    slow.chmod(0o755)
    os.mkfifo(go)
    code = """
import middb, os, sys, threading, warnings
warnings.simplefilter("ignore")  # of threads and fork
thread = threading.Thread(target=lambda: opened.append(middb.Database(sys.argv[1], binary=sys.argv[2])))
opened = []
thread.start()
while not os.path.exists(sys.argv[3]):
    pass
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
open(sys.argv[4], "w").write("go\\n")
thread.join()
print("open", flush=True)
sys.stdin.read()
"""
    with run_python(code, data, slow, started, go) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "open\n"
        child.send_signal(signal.SIGKILL)
        wait_gone(data)  # although the child of the child lives
        child.stdin.close()


def test_tls_connections_survive_a_fork(tls_server: object, certificates: object) -> None:
    url = f"{tls_server.url}?tls=1&ca={certificates.ca}"  # type: ignore[attr-defined]
    with middb.connect(url) as db:
        db["k"] = "v"

        def child() -> None:
            for _ in range(20):
                assert db["k"] == b"v"

        in_child(child)
        for _ in range(20):
            assert db["k"] == b"v"


# --- Shared -------------------------------------------------------------------------------------------------------


def test_shared_databases_have_one_server(data: Path) -> None:
    child = run_python(HOLD, data, "shared")
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "open\n"
        with middb.Database(data, shared=True) as db:
            assert db["from holder"] == b"1"
            db["from here"] = "1"
            assert len(servers_of(data)) == 1
        assert len(servers_of(data)) == 1
        with middb.Database(data, shared=True, retries=100) as db:
            child.stdin.close()
            child.wait()
            wait_gone(data)
            db["after"] = "1"  # by a server of its own
            assert db["from here"] == b"1"
    assert servers_of(data) == []
    assert not (data / _home.ENDPOINT).exists()


def test_who_was_attached_waits_until_the_first_has_closed(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_home, "ATTACH_WAIT", 0.0)
    child = run_python(HOLD, data, "shared")
    refused = threading.Event()
    start = _home.Home._start

    def starting(home: _home.Home) -> str:
        try:
            return start(home)
        except middb.DatabaseLocked:
            refused.set()
            raise

    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    with child, middb.Database(data, shared=True) as db:
        db.put_many([(f"{i}", b"v" * 1000) for i in range(5000)], durability="nosync")
        scan = db.scan()
        next(scan)  # the server waits for it to go on
        monkeypatch.setattr(_home.Home, "_start", starting)
        child.stdin.close()
        with ThreadPoolExecutor() as threads:
            put = threads.submit(db.put, "after", "1")
            while not refused.wait(0.01):
                if put.done():  # before the first had begun to close, or while it did so
                    with contextlib.suppress(middb.CommitUnknownError):
                        put.result()
                    put = threads.submit(db.put, "after", "1")
            with contextlib.suppress(middb.Error):
                list(scan)
            put.result()
        assert db["after"] == b"1"


def test_a_place_that_is_out_of_date_is_no_obstacle(data: Path) -> None:
    middb.Database(data).close()
    for stale in ('{"unix": "/none/at/all"}', "nonsense", '{"unix": 5}', "[]"):
        (data / _home.ENDPOINT).write_text(stale)
        with middb.Database(data, shared=True) as db:
            db.ping()
    (data / _home.ENDPOINT).write_text("nonsense")
    with middb.Database(data) as db:
        db.ping()


def test_many_open_a_shared_database_at_once(data: Path) -> None:
    databases: List[middb.Database] = []
    threads = [threading.Thread(target=lambda: databases.append(middb.Database(data, shared=True))) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(databases) == 6
    assert len(servers_of(data)) == 1
    databases[0]["k"] = "v"
    assert [db["k"] for db in databases] == [b"v"] * 6
    for db in databases:
        db.close()
    assert servers_of(data) == []


# --- On asyncio ---------------------------------------------------------------------------------------------------


@on_loop
async def test_async_databases(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with middb.AsyncDatabase(data) as db:
        await db.put("k", "v")
        assert db.path == str(data)
        assert "AsyncDatabase" in repr(db)
        async with db.transaction() as txn:
            await txn.put("l", "w")
        with pytest.raises(middb.DatabaseLocked):
            await middb.AsyncDatabase(data).open()
        (pid,) = servers_of(data)
        os.kill(pid, signal.SIGKILL)
        assert await db.get("k") == b"v"
    assert servers_of(data) == []
    db = middb.AsyncDatabase(data, shared=True)
    await db.open()
    assert await db.get("l") == b"w"
    await db.close()
    assert servers_of(data) == []


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_async_database_can_be_closed_in_another_loop(data: Path) -> None:
    db = middb.AsyncDatabase(data)
    asyncio.run(db.open())
    assert len(servers_of(data)) == 1
    asyncio.run(db.close())
    assert servers_of(data) == []
    gc.collect()


@on_loop
async def test_an_opening_that_is_cancelled_leaves_no_server(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def use() -> None:
        async with middb.AsyncDatabase(data):
            pytest.fail("it was to be cancelled before")

    for steps in range(4):
        task = asyncio.ensure_future(use())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert servers_of(data) == []
