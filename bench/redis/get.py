"""Reads random keys from Redis or middb, one after another, and prints how fast that was.

Arguments: URL (redis://HOST:PORT or middb://HOST:PORT), requests, keys, length of a value.
"""

import json
import random
import sys
import time


def connect(url):
    if url.startswith("redis://"):
        import redis

        return redis.Redis.from_url(url)
    import middb

    return middb.connect(url)


def main():
    url, requests, count, length = sys.argv[1], *map(int, sys.argv[2:5])
    draw = random.Random(1)
    keys = [b"key:%012d" % draw.randrange(count) for _ in range(min(requests, 100_000))]
    db = connect(url)
    get, clock = db.get, time.perf_counter
    for key in keys[:1000]:  # warm up, and check the answers
        value = get(key)
        if value is None or len(value) != length:
            sys.exit(f"get {key!r} returned {value!r}")
    latencies = []
    done = 0
    began = last = clock()
    while done < requests:
        for key in keys[: requests - done]:
            get(key)
            now = clock()
            latencies.append(now - last)
            last = now
        done = len(latencies)
    latencies.sort()
    print(
        json.dumps(
            {
                "rate": done / (last - began),
                "p50_ms": 1000 * latencies[done // 2],
                "p99_ms": 1000 * latencies[done * 99 // 100],
            }
        )
    )
    db.close()


main()
