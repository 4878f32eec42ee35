"""Statements of SQL, blocking and on asyncio, against a real server."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, List, Tuple
from uuid import UUID

import pytest

import middb
from middb import _sql
from running import Server
from test_aio import on_loop
from test_golden import body

TABLE = """CREATE TABLE t (id INT PRIMARY KEY, f DOUBLE PRECISION, d DECIMAL(10,2), b BOOLEAN, s TEXT, raw BYTEA,
    day DATE, at TIMESTAMPTZ, u UUID, j JSON)"""
AT = datetime(2024, 2, 29, 12, 30, 1, 5, timezone.utc)
ROW: Tuple[Any, ...] = (
    1,
    1.5,
    Decimal("9.99"),
    True,
    "größe",
    b"\0\xff",
    date(1969, 12, 31),
    AT,
    UUID(int=7),
    '{"a": 1}',
)
INSERT = "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@pytest.fixture
def sql(url: str) -> str:
    """The address of a server whose database has no tables of these tests."""
    with middb.connect(url) as db:
        for name in ("t", "u", "big"):
            db.execute(f"DROP TABLE IF EXISTS {name}")
    return url


def test_golden_bodies() -> None:
    assert _sql.exec_body("SELECT 1", (), 0, False) == body("exec")
    assert _sql.exec_body("SELECT 1", (), 3, False) == body("exec in a transaction")
    assert _sql.exec_body("SELECT 1", [], 0, True) == body("exec alone")
    values: List[Any] = [None, -1, 2**63 - 1, 2**64 - 1, 1.5, True, False, "größe", b"\0\xff", ""]
    assert _sql.exec_body("SELECT $1, $2", values, 0, False) == body("exec with parameters")
    columns = _sql.decode_head(body("rowhead"))
    assert [(c.name, c.type, c.precision, c.scale, c.length) for c in columns] == [
        ("id", "BIGINT", None, None, None),
        ("price", "DECIMAL(10,2)", 10, 2, None),
        ("name", "VARCHAR(20)", None, None, 20),
        ("nothing", "NULL", None, None, None),
    ]
    assert _sql.decode_rows(body("rows of a statement"), columns) == [
        (1, Decimal("9.99"), "pen", None),
        (2, None, "", None),
    ]
    assert _sql.decode_end(body("end of a query")) == (2, "SELECT 2", [])
    assert _sql.decode_end(body("end with a notice")).notices[0].code == "25P01"


def test_values_of_all_types(sql: str) -> None:
    with middb.connect(sql) as db:
        created = db.execute(TABLE)
        assert (created.tag, created.description, created.fetchone()) == ("CREATE TABLE", None, None)
        assert db.execute(INSERT, ROW).rowcount == 1
        db.execute(INSERT, [2] + [None] * 9)
        cursor = db.execute("SELECT * FROM t ORDER BY id")
        assert cursor.rowcount == -1
        assert list(cursor) == [ROW, (2, *[None] * 9)]
        assert (cursor.rowcount, cursor.tag) == (2, "SELECT 2")
        assert cursor.description is not None
        assert cursor.description[2][:1] + cursor.description[2][4:] == ("d", 10, 2, True)
        assert db.execute("SELECT id FROM t WHERE at = $1 AND u = $2 AND d = $3", (AT, ROW[8], ROW[2])).fetchall() == [
            (1,)
        ]
        assert db.execute("SELECT day FROM t WHERE day = ?", [datetime(1969, 12, 31, 23)]).fetchone() == (ROW[6],)
        assert next(db.execute("SELECT id, s FROM t").dicts()) == {"id": 1, "s": "größe"}
        assert db.execute(
            "SELECT ? + TIMESTAMPTZ '2024-01-01 00:00:00Z'", [timedelta(days=-1, seconds=1.5)]
        ).fetchone() == (datetime(2023, 12, 31, 0, 0, 1, 500000, timezone.utc),)


def test_errors_say_what_and_where(sql: str) -> None:
    with middb.connect(sql) as db:
        db.execute("CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)")
        with pytest.raises(middb.UndefinedError) as name:
            db.execute("SELECT nam FROM t")
        assert (name.value.details["sqlstate"], name.value.details["position"]) == ("42703", 8)
        with pytest.raises(middb.ConstraintError) as unique:
            db.execute("INSERT INTO t VALUES (?)", [1])
        assert unique.value.details["constraint"] == "t_pkey"
        with pytest.raises(middb.StatementError):
            db.execute("SELEC 1")
        with pytest.raises(middb.InvalidArgumentError):
            db.execute("SELECT ?", [2**70])
        with pytest.raises(middb.InvalidArgumentError):
            db.execute("SELECT ?", "x")
        with pytest.raises(middb.InvalidArgumentError):
            db.execute("SELECT ?", [object()])  # type: ignore[list-item]
        cursor = db.execute("SELECT 1 / (2000 - i), repeat('x', 1000) FROM generate_series(1, 2500) AS g(i)")
        with pytest.raises(middb.DataError):
            cursor.fetchall()
        assert db.execute("SELECT 1").fetchall() == [(1,)]


def test_long_results_are_read_in_parts(sql: str) -> None:
    query = "SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) AS g(i)"
    with middb.connect(sql) as db:
        cursor = db.execute(query)
        assert cursor.fetchone() == (1, "x" * 1000)
        assert [row[0] for row in cursor.fetchmany(3)] == [2, 3, 4]
        assert len(cursor.fetchmany(1000)) == 1000
        assert len(cursor.fetchall()) == 3996
        assert cursor.fetchmany(5) == []
        with db.execute(query) as given_up:
            given_up.fetchone()
        dropped = db.execute(query)
        del dropped
        assert db.execute("SELECT count(*) FROM generate_series(1, 10) AS g(i)").fetchone() == (10,)


def test_transactions(sql: str) -> None:
    with middb.connect(sql) as db:
        db.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0)")
        with db.transaction() as txn:
            txn.execute("UPDATE t SET n = ? WHERE id = 1", [5])
            txn["k"] = "v"
            assert txn.execute("SELECT n FROM t").fetchone() == (5,)
            assert db.execute("SELECT n FROM t").fetchone() == (0,)
            with pytest.raises(middb.ConstraintError):
                txn.execute("INSERT INTO t VALUES (1, 1)")
        assert db.execute("SELECT n FROM t").fetchone() == (5,)
        assert db["k"] == b"v"

        def add(txn: middb.Transaction) -> None:
            row = txn.execute("SELECT n FROM t").fetchone()
            assert row is not None
            txn.execute("UPDATE t SET n = ?", [row[0] + 1])

        db.run(add)
        assert db.execute("SELECT n FROM t").fetchone() == (6,)
        with pytest.raises(middb.TxnReadOnlyError), db.transaction(read_only=True) as txn:
            txn.execute("DELETE FROM t")


@pytest.mark.skipif(importlib.util.find_spec("pandas") is not None, reason="pandas is there")
def test_without_pandas_the_error_says_so(tcp: str) -> None:
    with middb.connect(tcp) as db, pytest.raises(ImportError, match="pip install pandas"):
        db.execute("SELECT 1 AS one").df()


def test_on_asyncio(sql: str) -> None:
    @on_loop
    async def main() -> None:
        async with middb.connect_async(sql) as db:
            await db.execute(TABLE)
            assert (await db.execute(INSERT, ROW)).rowcount == 1
            cursor = await db.execute("SELECT * FROM t")
            assert [row async for row in cursor] == [ROW]
            assert cursor.tag == "SELECT 1"
            assert [r async for r in (await db.execute("SELECT id FROM t")).dicts()] == [{"id": 1}]
            async with db.transaction() as txn:
                await txn.execute("DELETE FROM t")
                assert await (await txn.execute("SELECT count(*) FROM t")).fetchone() == (0,)
                assert await (await db.execute("SELECT count(*) FROM t")).fetchall() == [(1,)]
            with pytest.raises(middb.UndefinedError):
                await db.execute("SELECT nam FROM t")
            long = await db.execute("SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) AS g(i)")
            assert len(await long.fetchmany(1200)) == 1200
            assert len(await long.fetchall()) == 3800
            async with await db.execute("SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) AS g(i)") as some:
                assert await some.fetchone() is not None

    main()


def test_a_database_of_its_own(tmp_path: Path) -> None:
    with middb.Database(tmp_path / "data") as db:
        db.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        db.execute("INSERT INTO t VALUES (1), (2)")
    with middb.Database(tmp_path / "data") as db:
        assert db.execute("SELECT count(*) FROM t").fetchall() == [(2,)]


def test_roles_hold(tmp_path: Path, short_dir: Path) -> None:
    with Server(tmp_path / "data", unix=str(short_dir / "sql.sock")) as s:
        with middb.connect(s.unix_url) as admin:
            admin.execute("CREATE TABLE t (id INT PRIMARY KEY)")
            admin.add_user("root", "secret", {"*": "admin"})
            admin.add_user("reader", "secret", {"*": "read"})
        with middb.connect(s.url, user="reader", password="secret") as db:
            assert db.execute("SELECT * FROM t").fetchall() == []
            with pytest.raises(middb.PermissionDeniedError):
                db.execute("INSERT INTO t VALUES (1)")
