"""Transactions on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from types import TracebackType
from typing import Optional, Sequence, Tuple, Type, TypeVar

from . import _frame as f
from . import _messages as m
from . import _retry
from ._aio_caller import AsyncCaller, first_frame
from ._aio_cursor import AsyncCursor
from ._aio_link import AsyncLink, Stream
from ._aio_scan import AsyncSource
from ._aio_verbs import AsyncVerbs
from ._codes import (
    ConflictError,
    ConnectionError,
    Error,
    FrameTooLargeError,
    TimeoutError,
    TxnDoneError,
    TxnTooOldError,
)
from ._sql import Parameter, exec_body, only_reads
from ._types import Data, to_name

T = TypeVar("T")


class AsyncTransaction(AsyncVerbs):
    """Reads one moment, with its own writes on top, and is committed as a whole or not at all. With async with it
    begins on entry, commits when the block ends, and is rolled back when the block raises or is cancelled, or when a
    write in it is: nobody knows then whether that is in it."""

    def __init__(self, caller: AsyncCaller, begin: m.Request[Tuple[int, int]], read_only: bool, keyspace: str) -> None:
        self._caller = caller
        self._begin = begin
        self._read_only = read_only
        self._keyspace = keyspace
        self._link: Optional[AsyncLink] = None
        self._given_up = False  # it was rolled back without its user, who must be told
        self.seq = 0
        """The sequence number of the newest commit that it sees."""

    async def begin(self) -> AsyncTransaction:
        """Begins the transaction, for those who do without async with; they must end it."""
        if self._txn:
            raise TxnDoneError("the transaction has begun already; make another one")
        self._link, (self._txn, self.seq) = await self._caller.begin(self._begin)
        return self

    async def commit(self) -> None:
        """Commits. With ConflictError or ConnectionError nothing was written, and it may be run again; with
        CommitUnknownError, or when the task is cancelled meanwhile, nobody knows: read to find out."""
        await self._end(m.commit(self._txn, self._read_only))

    async def rollback(self) -> None:
        """Ends the transaction without its writes. One that has ended is left alone."""
        self._given_up = False
        if self._link is not None:
            with contextlib.suppress(Error):  # then it has ended with its connection
                await self._end(m.rollback(self._txn))

    async def savepoint(self) -> int:
        """Returns a moment in the transaction that rollback_to can return to."""
        return await self._call(m.savepoint(self._txn))

    async def rollback_to(self, savepoint: int) -> None:
        """Takes back the writes since a savepoint. The transaction goes on."""
        await self._call(m.rollback(self._txn, savepoint))

    async def get_for_update(self, key: Data) -> Optional[bytes]:
        """Is get that makes the commit conflict with every other that writes key, as if this one wrote it."""
        return await self._call(m.get(key, self._keyspace, self._txn, for_update=True))

    def keyspace(self, name: str) -> AsyncVerbs:
        """Returns another keyspace, which must exist, within this transaction, which must have begun."""
        self._the_link()
        return AsyncTransactionKeyspace(self, to_name(name))

    def number(self) -> int:
        """Returns the number that the server knows it by; 0 before it begins."""
        return self._txn

    async def _end(self, request: m.Request[None]) -> None:
        link = self._the_link()
        try:
            if request.type == f.COMMIT and await link.stale():
                # Nobody would know what has become of a COMMIT that is sent on it.
                link.check()
                raise ConnectionError(f"the transaction was lost: {link.name} is about to close its connection")
            await self.call(request)
        except (ConflictError, TxnTooOldError):
            raise
        except (Error, asyncio.CancelledError):
            # Whether it has ended there is not known: this makes sure, and does nothing if it has.
            link.tell(f.ROLLBACK, m.rollback(self._txn).body)
            raise
        finally:
            self._link = None
            self._caller.end_txn(link)

    async def _call(self, request: m.Request[T]) -> T:
        return await self.call(request)

    async def call(self, request: m.Request[T]) -> T:
        """Makes a request on the connection of the transaction. For its keyspaces."""
        link = self._the_link()
        link.check()
        try:
            reply = await link.exchange(request)
        except FrameTooLargeError:
            raise
        except (Error, asyncio.CancelledError) as e:
            if isinstance(e, (TimeoutError, asyncio.CancelledError)) and not request.safe and request.type != f.COMMIT:
                self._give_up(link)
            error = _retry.final(e, request.safe or request.type != f.COMMIT, sent=True)
            if error is e:
                raise
            raise error from e
        return request.finish(*reply)

    def _give_up(self, link: AsyncLink) -> None:
        """Rolls back after a write for which nobody has waited: whether it is in the transaction is not known, so that
        nobody may commit it."""
        self._link = None
        self._given_up = True
        link.tell(f.ROLLBACK, m.rollback(self._txn).body)
        self._caller.end_txn(link)

    def _the_link(self) -> AsyncLink:
        if self._given_up:
            raise TxnDoneError("the transaction was rolled back, because a write in it was not waited for")
        if self._link is None:
            raise TxnDoneError("the transaction has ended" if self._txn else "the transaction has not begun")
        return self._link

    def _source(self) -> AsyncSource:
        return self

    async def execute(self, sql: str, params: Sequence[Parameter] = ()) -> AsyncCursor:
        """Runs a statement of SQL in the transaction. One that fails leaves nothing of itself."""
        body = exec_body(sql, params, self._txn, alone=False)
        return AsyncCursor(*await self.open_statement(body, only_reads(sql)))

    async def open_statement(self, body: bytes, safe: bool) -> Tuple[Stream, f.Frame]:
        """Sends an EXEC. When one that may have written is not waited for, the transaction is rolled back."""
        try:
            return await self.open_stream(f.EXEC, body)
        except (TimeoutError, asyncio.CancelledError):
            if self._link is not None and not safe:
                self._give_up(self._link)
            raise

    async def open_stream(self, kind: int, body: bytes) -> Tuple[Stream, f.Frame]:
        """Begins a scan. For AsyncScan."""
        link = self._the_link()
        link.check()
        stream = link.open_stream(kind, body)
        try:
            return stream, await first_frame(stream)
        except BaseException:
            stream.drop()
            raise

    async def __aenter__(self) -> AsyncTransaction:
        return await self.begin()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is not None:
            await self.rollback()
        elif self._link is not None or self._given_up:
            await self.commit()

    def __del__(self) -> None:
        link = self._link
        if link is not None and link.error is None and not link.loop.is_closed():
            warnings.warn("a transaction was neither committed nor rolled back", ResourceWarning, stacklevel=2)
            txn, caller = self._txn, self._caller

            def rollback() -> None:
                link.tell(f.ROLLBACK, m.rollback(txn).body)
                caller.end_txn(link)

            link.loop.call_soon_threadsafe(rollback)


class AsyncTransactionKeyspace(AsyncVerbs):
    """A keyspace within a transaction."""

    def __init__(self, txn: AsyncTransaction, name: str) -> None:
        self._transaction = txn
        self._keyspace = name
        self._txn = txn.number()

    async def _call(self, request: m.Request[T]) -> T:
        return await self._transaction.call(request)

    def _source(self) -> AsyncSource:
        return self._transaction
