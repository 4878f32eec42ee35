"""The client on asyncio."""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from dataclasses import replace
from types import TracebackType
from typing import Any, Awaitable, Callable, Generator, List, Mapping, NoReturn, Optional, Sequence, Type, TypeVar

from . import _admin, _retry
from . import _messages as m
from ._aio_caller import AsyncCaller
from ._aio_cursor import AsyncCursor
from ._aio_keyspace import AsyncKeyspace
from ._aio_transaction import AsyncTransaction
from ._sql import Parameter, exec_body, only_reads
from ._types import Durability, Info, Isolation, Role, Seconds, Session, User
from ._url import DEFAULT_URL, Target, parse, with_arguments

T = TypeVar("T")
C = TypeVar("C", bound="AsyncClient")

# How often run tries a transaction; under contention each try is likely to succeed.
DEFAULT_TRIES = 20


class AsyncClient(AsyncKeyspace):
    """A client of a middb server, with the methods of the keyspace that its URL names. Any task of
    one event loop may call any method at any time; all share a connection. Make it with connect_async, and close it, or
    use it in an async with block."""

    def __init__(self, target: Target, *, retries: int = _retry.DEFAULT_RETRIES) -> None:
        self._target = replace(target, ssl_context=target.context())
        super().__init__(AsyncCaller(self._locate, target, retries), "")

    async def _locate(self) -> Target:
        """Returns where to connect. It is asked each time that a connection is opened."""
        return self._target

    async def open(self) -> None:
        """Opens a first connection, so that a wrong address or password is found out. connect does it."""
        await self._caller.open()

    async def close(self) -> None:
        """Closes the connections. What is under way on them fails. Closing again does nothing."""
        await self._caller.close()

    async def ping(self) -> float:
        """Returns how many seconds it takes to get an answer from the server."""
        start = time.perf_counter()
        await self._call(m.ping())
        return time.perf_counter() - start

    async def stats(self) -> Mapping[str, Any]:
        """Returns what the server and the engine say of themselves: counters, sizes in bytes, times in nanoseconds."""
        return await self._call(_admin.stats())

    async def info(self) -> Info:
        """Returns who the server is."""
        return await self._call(_admin.info())

    async def flush(self) -> None:
        """Writes what is in memory to sstables, and returns when that is done. Durability does not need it."""
        await self._call(_admin.flush())

    async def compact_all(self) -> None:
        """Is compact of all keyspaces."""
        await self._call(_admin.compact(None, None, None))

    # --- SQL --------------------------------------------------------------------------------------------------------

    async def execute(self, sql: str, params: Sequence[Parameter] = ()) -> AsyncCursor:
        """Runs a statement of SQL, or several with semicolons between them, and returns the rows of the last one and
        what became of it. params are the values of $1, $2 and so on, or of each ?. Every call has a session of its own:
        for a transaction use transaction or run."""
        return AsyncCursor(*await self._caller.open_statement(exec_body(sql, params, 0, alone=True), only_reads(sql)))

    # --- Keyspaces ------------------------------------------------------------------------------------------------

    async def keyspace(self, name: str, *, create: bool = True) -> AsyncKeyspace:
        """Returns a keyspace, which is made if it does not exist. Without create the error is KeyspaceMissingError."""
        await self._call(_admin.open_keyspace(name, create))
        return AsyncKeyspace(self._caller, name)

    async def keyspaces(self) -> List[str]:
        """Returns the names of the keyspaces."""
        return await self._call(_admin.list_keyspaces())

    async def drop_keyspace(self, name: str) -> None:
        """Removes a keyspace with all its keys."""
        await self._call(_admin.drop_keyspace(name))

    # --- Transactions ---------------------------------------------------------------------------------------------

    def transaction(
        self,
        *,
        isolation: Isolation = "snapshot",
        read_only: bool = False,
        timeout: Optional[Seconds] = None,
        durability: Optional[Durability] = None,
    ) -> AsyncTransaction:
        """Returns a transaction, for a with block; it commits at the end. Its commit may raise ConflictError: then
        the whole must be run again, which run does by itself. Snapshot isolation refuses to commit if another commit
        wrote what this one writes, serializable isolation also if it wrote what this one has read. After timeout
        seconds the server rolls it back."""
        begin = m.begin(isolation, read_only, timeout, durability)
        return AsyncTransaction(self._caller, begin, read_only, self._keyspace)

    async def run(
        self,
        function: Callable[[AsyncTransaction], Awaitable[T]],
        *,
        isolation: Isolation = "snapshot",
        read_only: bool = False,
        timeout: Optional[Seconds] = None,
        durability: Optional[Durability] = None,
        tries: int = DEFAULT_TRIES,
    ) -> T:
        """Calls function with a transaction, commits it, and returns what function returned. If it conflicts, or the
        connection is lost before the commit was sent, the whole is run again, up to as often as tries says, so that
        function must have no other effects that matter. If function raises, the transaction is rolled back."""
        backoff = _retry.Backoff(tries - 1)
        while True:
            try:
                async with self.transaction(
                    isolation=isolation, read_only=read_only, timeout=timeout, durability=durability
                ) as txn:
                    return await function(txn)
            except _retry.AGAIN:
                delay = backoff.next()
                if delay is None:
                    raise
                await asyncio.sleep(delay)

    def transactional(
        self,
        *,
        isolation: Isolation = "snapshot",
        read_only: bool = False,
        timeout: Optional[Seconds] = None,
        durability: Optional[Durability] = None,
        tries: int = DEFAULT_TRIES,
    ) -> Callable[[Callable[..., Awaitable[T]]], Callable[..., Awaitable[T]]]:
        """Returns a decorator: a function that takes a transaction first becomes one that runs in a new one, as run
        does, each time it is called.

            @db.transactional(isolation="serializable")
            async def transfer(txn, source, target, amount): ...

            await transfer("ada", "bob", 10)
        """

        def decorate(function: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
            @functools.wraps(function)
            async def call(*args: Any, **kwargs: Any) -> T:
                return await self.run(
                    lambda txn: function(txn, *args, **kwargs),
                    isolation=isolation,
                    read_only=read_only,
                    timeout=timeout,
                    durability=durability,
                    tries=tries,
                )

            return call

        return decorate

    # --- Users and sessions, for admins ---------------------------------------------------------------------------

    async def users(self) -> List[User]:
        """Returns the users of the server."""
        return await self._call(_admin.list_users())

    async def add_user(self, name: str, password: str, grants: Mapping[str, Role]) -> None:
        """Adds a user with a role for each keyspace, "*" being all. From the first on the server asks for logins."""
        await self._call(_admin.change_user("add", name, password, grants))

    async def set_password(self, name: str, password: str) -> None:
        """Changes the password of a user. Users may change their own."""
        await self._call(_admin.change_user("passwd", name, password))

    async def grant(self, name: str, grants: Mapping[str, Role]) -> None:
        """Changes what a user may do, to exactly this."""
        await self._call(_admin.change_user("grant", name, grants=grants))

    async def remove_user(self, name: str) -> None:
        """Removes a user."""
        await self._call(_admin.change_user("remove", name))

    async def sessions(self) -> List[Session]:
        """Returns the connections that the server has."""
        return await self._call(_admin.sessions())

    async def kill(self, session: int) -> bool:
        """Ends a connection of the server with all that is under way on it; reports whether there was one."""
        return await self._call(_admin.kill(session))

    async def __aenter__(self: C) -> C:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<middb.{type(self).__name__} of {self._target.names()}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be pickled: it has connections; pass its URL on and connect there")


def connect_async(
    url: str = DEFAULT_URL,
    *,
    user: Optional[str] = None,
    password: Optional[str] = None,
    keyspace: Optional[str] = None,
    timeout: Optional[Seconds] = None,
    pool: Optional[int] = None,
    durability: Optional[Durability] = None,
    compress: Optional[bool] = None,
    ssl_context: Optional[ssl.SSLContext] = None,
    retries: int = _retry.DEFAULT_RETRIES,
) -> Connecting:
    """Connects to a server, on asyncio: await it to get a client, or say async with.

        middb://user:password@host:7878,host2:7878/keyspace?tls=verify-full&ca=ca.pem
        unix:///run/middb.sock?keyspace=name

    Settings after the ? are tls (disable, require, verify-full), ca, cert, key, server_name, user, keyspace, durability
    (sync, nosync), timeout (5s), pool (a number of connections), compress (zlib). Arguments win over the URL. Several
    hosts are tried in turn, for five seconds each. What is safe to repeat is repeated up to retries times when a
    connection is lost; timeout is how long the client waits without any sign of an answer."""
    target = with_arguments(
        parse(url),
        user=user,
        password=password,
        keyspace=keyspace,
        timeout=timeout,
        pool=pool,
        durability=durability,
        compress=compress,
        ssl_context=ssl_context,
    )
    return Connecting(AsyncClient(target, retries=retries))


class Connecting:
    """A client that is about to connect."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    def __await__(self) -> Generator[Any, None, AsyncClient]:
        return self._connect().__await__()

    async def _connect(self) -> AsyncClient:
        try:
            await self._client.open()
        except BaseException:
            await self._client.close()
            raise
        return self._client

    async def __aenter__(self) -> AsyncClient:
        return await self._connect()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self._client.close()
