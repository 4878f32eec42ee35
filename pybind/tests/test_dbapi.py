"""PEP 249, against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

import middb
from middb import dbapi


@pytest.fixture
def address(tcp: str) -> str:
    with middb.connect(tcp) as db:
        db.execute("DROP TABLE IF EXISTS d; CREATE TABLE d (id INT PRIMARY KEY, name TEXT NOT NULL)")
    return tcp


def test_transactions_are_implicit(address: str) -> None:
    with dbapi.connect(address) as a, dbapi.connect(address) as b:
        cursor = a.cursor()
        cursor.execute("INSERT INTO d VALUES (?, ?)", (1, "Ada"))
        assert cursor.rowcount == 1
        assert a.in_transaction
        assert b.execute("SELECT count(*) FROM d").fetchone() == (0,)
        a.commit()
        assert b.execute("SELECT count(*) FROM d").fetchone() == (0,)  # it sees one moment
        b.rollback()
        assert b.execute("SELECT count(*) FROM d").fetchone() == (1,)
        b.rollback()
        cursor.executemany("INSERT INTO d VALUES (?, ?)", [(2, "b"), (3, "c")])
        assert cursor.rowcount == 2
        a.rollback()
        assert a.execute("SELECT count(*) FROM d").fetchone() == (1,)
        b.autocommit = True
        b.execute("INSERT INTO d VALUES (9, 'z')")
        assert not b.in_transaction
        a.commit()
        assert a.execute("SELECT name FROM d ORDER BY id").fetchall() == [("Ada",), ("z",)]


def test_a_block_commits_and_closing_rolls_back(address: str) -> None:
    with dbapi.connect(address) as connection:
        connection.execute("INSERT INTO d VALUES (1, 'a')")
    with pytest.raises(dbapi.InterfaceError):
        connection.cursor()
    other = dbapi.connect(address)
    other.execute("DELETE FROM d")
    other.close()
    other.close()
    with dbapi.connect(address) as connection:
        assert connection.execute("SELECT id FROM d").fetchall() == [(1,)]


def test_conflicts_are_operational(address: str) -> None:
    with dbapi.connect(address) as a, dbapi.connect(address) as b:
        a.execute("INSERT INTO d VALUES (1, 'a')")
        a.commit()
        a.execute("UPDATE d SET name = 'a'")
        b.execute("UPDATE d SET name = 'b'")
        a.commit()
        with pytest.raises(dbapi.OperationalError) as conflict:
            b.commit()
        assert conflict.value.sqlstate == "40001"
        assert b.execute("SELECT name FROM d").fetchone() == ("a",)


def test_errors_have_their_class(address: str) -> None:
    with dbapi.connect(address, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("INSERT INTO d VALUES (1, 'a')")
        for sql, kind, state in [
            ("SELEC 1", dbapi.ProgrammingError, "42601"),
            ("SELECT * FROM nothing", dbapi.ProgrammingError, "42P01"),
            ("INSERT INTO d VALUES (1, 'a')", dbapi.IntegrityError, "23505"),
            ("INSERT INTO d VALUES (2, NULL)", dbapi.IntegrityError, "23502"),
            ("SELECT 1 / (id - 1) FROM d", dbapi.DataError, "22012"),
        ]:
            with pytest.raises(kind) as error:
                cursor.execute(sql).fetchall()
            assert error.value.sqlstate == state
        with pytest.raises(dbapi.ProgrammingError):
            cursor.execute("SELECT ?", [object()])  # type: ignore[list-item]
        with pytest.raises(dbapi.ProgrammingError):
            connection.cursor().fetchone()
        assert issubclass(dbapi.IntegrityError, dbapi.DatabaseError)
        assert connection.Error is dbapi.Error
    with pytest.raises(dbapi.OperationalError):
        dbapi.connect("middb://127.0.0.1:1", retries=0)


def test_after_an_error_the_transaction_is_rolled_back(address: str) -> None:
    with dbapi.connect(address) as connection:
        connection.execute("INSERT INTO d VALUES (1, 'a')")
        with pytest.raises(dbapi.IntegrityError):
            connection.execute("INSERT INTO d VALUES (1, 'b')")
        with pytest.raises(dbapi.OperationalError) as failed:
            connection.execute("SELECT 1")
        assert failed.value.sqlstate == "25P02"
        with pytest.raises(dbapi.OperationalError):
            connection.commit()
        assert connection.execute("SELECT count(*) FROM d").fetchone() == (0,)


def test_descriptions_and_fetching(address: str) -> None:
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT i AS n, 'x' AS s, DATE '2024-01-01' AS day FROM generate_series(1, 10) AS g(i)")
        assert cursor.description is not None
        assert [(c[0], len(c)) for c in cursor.description] == [("n", 7), ("s", 7), ("day", 7)]
        assert cursor.description[0][1] == dbapi.NUMBER
        assert cursor.description[1][1] == dbapi.STRING
        assert cursor.description[2][1] == dbapi.DATETIME != dbapi.BINARY
        cursor.arraysize = 2
        assert [row[0] for row in cursor.fetchmany()] == [1, 2]
        assert [row[0] for row in cursor.fetchmany(3)] == [3, 4, 5]
        assert next(cursor.dicts())["n"] == 6
        assert [row[0] for row in cursor] == [7, 8, 9, 10]
        assert cursor.rowcount == 10
        cursor.execute("BEGIN")
        assert connection.in_transaction
        cursor.execute("COMMIT")
        assert not connection.in_transaction
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 1, "qmark")
    assert dbapi.DateFromTicks(0) == dbapi.Date(1970, 1, 1)
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchone()


def test_a_directory(tmp_path: Path) -> None:
    with dbapi.connect(str(tmp_path / "data")) as connection:
        connection.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (?)", [1])
    with dbapi.connect(str(tmp_path / "data")) as connection:
        assert connection.execute("SELECT * FROM t").fetchall() == [(1,)]
