"""Many workers on one connection of middb, on asyncio: python async_demo.py [URL]

Without a URL it starts a private server for a database in a temporary directory."""

from __future__ import annotations

import asyncio
import sys
import tempfile

import middb

JOBS, WORKERS = 12, 4


async def take(db: middb.AsyncClient) -> bytes | None:
    """Takes the next job, so that nobody else does."""

    async def next_job(txn: middb.AsyncTransaction) -> bytes | None:
        async for key in txn.scan(prefix="job/", keys_only=True, limit=1):
            await txn.delete(key)
            return key
        return None

    return await db.run(next_job, isolation="serializable", tries=1000)


async def work(db: middb.AsyncClient) -> int:
    """Does jobs until there are none; returns how many."""
    done = 0
    while (job := await take(db)) is not None:
        number = int(job.split(b"/")[1])
        await db.put(f"result/{number:03}", str(number * number))
        done += 1
    return done


async def follow(db: middb.AsyncClient, ready: asyncio.Event) -> int:
    """Counts results as they come in."""
    count = 0
    async with db.watch(prefix="result/") as feed:
        ready.set()
        async for _ in feed:
            count += 1
            if count == JOBS:
                break
    return count


async def demo(db: middb.AsyncClient) -> None:
    """Shows what the client can do."""
    ready = asyncio.Event()
    follower = asyncio.ensure_future(follow(db, ready))
    await ready.wait()

    await db.put_many((f"job/{n:03}", b"") for n in range(JOBS))
    done = await asyncio.gather(*(work(db) for _ in range(WORKERS)))
    print("jobs done:", sum(done), "seen by the follower:", await follower)

    results = [int(value) async for _, value in db.scan(prefix="result/")]
    print("results:", results)

    async with db.pipeline() as pipe:
        first, none = pipe.get("result/000"), pipe.get("job/000")
    print("pipeline:", first.value, none.value)

    slow = asyncio.ensure_future(db.watch().next())
    try:
        await asyncio.wait_for(slow, timeout=0.01)
    except asyncio.TimeoutError:
        print("nothing happened in time; the request is cancelled, the connection goes on")

    async with db.transaction() as txn:
        await txn.delete_range("result/", "result0")
        print("inside the transaction:", await txn.count(), "outside:", await db.count())
    print("after the commit:", await db.count())


async def main() -> None:
    """Runs the demonstration."""
    if len(sys.argv) > 1:
        async with middb.connect_async(sys.argv[1]) as db:
            await demo(db)
        return
    with tempfile.TemporaryDirectory() as directory:
        async with middb.AsyncDatabase(f"{directory}/jobs") as db:
            await demo(db)


if __name__ == "__main__":
    asyncio.run(main())
