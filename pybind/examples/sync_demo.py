"""A guest book on middb, with the blocking client: python sync_demo.py [URL]

Without a URL it starts a private server for a database in a temporary directory."""

from __future__ import annotations

import sys
import tempfile

import middb


def sign(db: middb.Client, guest: str, text: str) -> None:
    """Adds an entry, counts it, and remembers when the guest was last here: all of it, or nothing."""
    with db.batch() as batch:
        batch.put(f"entry/{guest}", text)
        batch.incr("entries")
        batch.put(f"seen/{guest}", "today", ttl=24 * 3600)


def transfer(txn: middb.Transaction, source: str, target: str, points: int) -> None:
    """Moves points between guests. It may be run again, if another transaction was faster."""
    left = int(txn[f"points/{source}"]) - points
    if left < 0:
        raise ValueError(f"{source} does not have {points} points")
    txn[f"points/{source}"] = str(left)
    txn[f"points/{target}"] = str(int(txn.get(f"points/{target}", b"0")) + points)


def demo(db: middb.Client) -> None:
    """Shows what the client can do."""
    feed = db.watch(prefix="points/")

    sign(db, "ada", "What a lovely engine!")
    sign(db, "grace", "I found no bug in it.")
    print(db["entry/ada"].decode())
    print("entries:", db.counter("entries"))
    for key, text in db.scan(prefix="entry/", reverse=True):
        print(key.decode(), "->", text.decode())

    db["points/ada"] = "10"
    db.run(lambda txn: transfer(txn, "ada", "grace", 7), isolation="serializable")
    try:
        db.run(lambda txn: transfer(txn, "ada", "grace", 7))
    except ValueError as e:
        print("refused:", e)

    with db.pipeline() as pipe:
        points = [pipe.get(f"points/{guest}") for guest in ("ada", "grace", "nobody")]
    print("points:", [p.value for p in points])

    feed.drain()
    for change in feed:
        print("feed:", change.kind.name, change.key, change.value)

    _, seq = db.get_with_seq("entry/ada") or (b"", 0)
    db["entry/ada"] = "changed meanwhile"
    try:
        db.cas("entry/ada", "What an engine!", seq)
    except middb.SeqMismatchError:
        print("somebody else was faster")

    drafts = db.keyspace("drafts")
    drafts["1"] = "Dear"
    print("keyspaces:", db.keyspaces(), "keys in drafts:", list(drafts))
    db.drop_keyspace("drafts")
    db.delete_range("entry/", "entry0")
    print("entries left:", db.count(prefix="entry/"))


def main() -> None:
    """Runs the demonstration."""
    if len(sys.argv) > 1:
        with middb.connect(sys.argv[1]) as db:
            demo(db)
        return
    with tempfile.TemporaryDirectory() as directory, middb.Database(f"{directory}/guestbook") as db:
        demo(db)


if __name__ == "__main__":
    main()
