"""A database in a directory, by a private server."""

from __future__ import annotations

import asyncio
import atexit
from dataclasses import replace
from typing import Optional, Sequence

from . import _aio_link, _home, _pool, _retry
from ._home import Home, PathLike
from ._types import Durability, Seconds, to_seconds
from ._url import Target, with_arguments
from .aio import AsyncClient
from .client import Client

START_TIMEOUT = 120.0


@atexit.register
def _leave() -> None:
    """Ends the servers of this process. Each waits for those who read from it, such as a scan that is half done."""
    _pool.close_all()
    _aio_link.cut_all()
    _home.end_all()


def _target(
    keyspace: Optional[str], timeout: Optional[Seconds], pool: Optional[int], durability: Optional[Durability]
) -> Target:
    return with_arguments(Target(), keyspace=keyspace, timeout=timeout, pool=pool, durability=durability)


class Database(Client):
    """The database in a directory, which is made if it is not there, with all methods of Client. It starts a server for
    this process alone, and ends it when it is closed, or when the process ends, whatever way. One server has a
    directory open at a time: for another process the error is DatabaseLocked, which names the owner. With shared, that
    process attaches to the server of the first, if that has said shared, too; when the first has ended, the next who
    needs a server starts one.

    The program is binary, or that of the variable MIDDB_BINARY, or the one in this package, or the one on the PATH;
    server_args are further arguments of its command server, such as ["--memory-budget", "64MiB"]. To open a database
    after a crash takes as long as its log needs, but not longer than start_timeout. keyspace, timeout, pool, durability
    and retries are those of connect.

    A process that was forked may go on to use it: the server stays that of the parent."""

    def __init__(
        self,
        path: PathLike,
        *,
        shared: bool = False,
        binary: Optional[PathLike] = None,
        server_args: Sequence[str] = (),
        start_timeout: Seconds = START_TIMEOUT,
        keyspace: Optional[str] = None,
        timeout: Optional[Seconds] = None,
        pool: Optional[int] = None,
        durability: Optional[Durability] = None,
        retries: int = _retry.DEFAULT_RETRIES,
    ) -> None:
        self._home = Home(path, shared, binary, server_args, to_seconds(start_timeout))
        super().__init__(_target(keyspace, timeout, pool, durability), retries=retries)
        try:
            self.open()
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> str:
        """The directory."""
        return self._home.directory

    def _locate(self) -> Target:
        return replace(self._target, endpoints=(self._home.locate(),))

    def close(self) -> None:
        """Closes the connections and, in the process that has started it, ends the server, which closes the database.
        Closing again does nothing."""
        super().close()
        self._home.close()

    def __repr__(self) -> str:
        return f"<middb.Database {self.path!r}>"


class AsyncDatabase(AsyncClient):
    """Is Database with the methods of AsyncClient. Say async with, or await open and close."""

    def __init__(
        self,
        path: PathLike,
        *,
        shared: bool = False,
        binary: Optional[PathLike] = None,
        server_args: Sequence[str] = (),
        start_timeout: Seconds = START_TIMEOUT,
        keyspace: Optional[str] = None,
        timeout: Optional[Seconds] = None,
        pool: Optional[int] = None,
        durability: Optional[Durability] = None,
        retries: int = _retry.DEFAULT_RETRIES,
    ) -> None:
        self._home = Home(path, shared, binary, server_args, to_seconds(start_timeout))
        super().__init__(_target(keyspace, timeout, pool, durability), retries=retries)

    @property
    def path(self) -> str:
        """The directory."""
        return self._home.directory

    async def _locate(self) -> Target:
        # Starting a process and waiting for it takes its time, and threads are what loops have for that.
        where = await asyncio.get_running_loop().run_in_executor(None, self._home.locate)
        return replace(self._target, endpoints=(where,))

    async def close(self) -> None:
        """Closes the connections and ends the server, which closes the database. Closing again does nothing."""
        try:
            await super().close()
        finally:
            await asyncio.get_running_loop().run_in_executor(None, self._home.close)

    def __repr__(self) -> str:
        return f"<middb.AsyncDatabase {self.path!r}>"
