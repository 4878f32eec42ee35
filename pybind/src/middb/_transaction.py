"""Transactions, blocking."""

from __future__ import annotations

import contextlib
import warnings
from types import TracebackType
from typing import Optional, Sequence, Tuple, Type, TypeVar

from . import _frame as f
from . import _messages as m
from . import _retry
from ._caller import Caller
from ._codes import ConflictError, ConnectionError, Error, TxnDoneError, TxnTooOldError
from ._cursor import Cursor
from ._link import Link
from ._scan import Source
from ._sql import Parameter, exec_body
from ._types import Data, to_name
from ._verbs import Verbs

T = TypeVar("T")


class Transaction(Verbs):
    """Reads one moment, with its own writes on top, and is committed as a whole or not at all. As a context manager it
    begins on entry, commits when the block ends, and is rolled back when the block raises. It holds a connection, and
    is for one thread at a time."""

    def __init__(self, caller: Caller, begin: m.Request[Tuple[int, int]], read_only: bool, keyspace: str) -> None:
        self._caller = caller
        self._begin = begin
        self._read_only = read_only
        self._keyspace = keyspace
        self._link: Optional[Link] = None
        self._lost = ""  # why it has ended without its user, who must be told
        self.seq = 0
        """The sequence number of the newest commit that it sees."""

    def begin(self) -> Transaction:
        """Begins the transaction, for those who do without a with block; they must end it."""
        if self._txn:
            raise TxnDoneError("the transaction has begun already; make another one")
        self._link, (self._txn, self.seq) = self._caller.call_and_keep(self._begin)
        return self

    def commit(self) -> None:
        """Commits. With ConflictError or ConnectionError nothing was written, and it may be run again; with
        CommitUnknownError nobody knows: read to find out."""
        link = self._the_link()
        if link.stale():  # nobody would know what has become of a COMMIT that is sent on it
            self._lose(link, None)
            self._the_link()
        self._end(m.commit(self._txn, self._read_only))

    def rollback(self) -> None:
        """Ends the transaction without its writes. One that has ended is left alone."""
        self._lost = ""
        if self._link is not None:
            with contextlib.suppress(Error):  # then it has ended with its connection
                self._end(m.rollback(self._txn))

    def savepoint(self) -> int:
        """Returns a moment in the transaction that rollback_to can return to."""
        return self._call(m.savepoint(self._txn))

    def rollback_to(self, savepoint: int) -> None:
        """Takes back the writes since a savepoint. The transaction goes on."""
        self._call(m.rollback(self._txn, savepoint))

    def get_for_update(self, key: Data) -> Optional[bytes]:
        """Is get that makes the commit conflict with every other that writes key, as if this one wrote it."""
        return self._call(m.get(key, self._keyspace, self._txn, for_update=True))

    def keyspace(self, name: str) -> Verbs:
        """Returns another keyspace, which must exist, within this transaction, which must have begun."""
        self._the_link()
        return TransactionKeyspace(self, to_name(name))

    def number(self) -> int:
        """Returns the number that the server knows it by; 0 before it begins."""
        return self._txn

    def _end(self, request: m.Request[None]) -> None:
        link = self._the_link()
        try:
            self.call(request)
        except BaseException as e:
            if not isinstance(e, (ConflictError, TxnTooOldError)):
                link.busy = True  # whether it has ended there is not known: end it with its connection
            raise
        finally:
            self._link, self._lost = None, ""
            self._caller.give_back(link)

    def _call(self, request: m.Request[T]) -> T:
        return self.call(request)

    def call(self, request: m.Request[T]) -> T:
        """Makes a request on the connection of the transaction. For its keyspaces."""
        link = self._the_link()
        try:
            reply = link.exchange(request)
        except BaseException as e:
            self._failed(link, e)
            error = _retry.final(e, request.safe or request.type != f.COMMIT, link.sent)
            if error is e:
                raise
            raise error from e
        return request.finish(*reply)

    def _the_link(self) -> Link:
        if self._lost:
            raise ConnectionError(self._lost)
        if self._link is None:
            raise TxnDoneError("the transaction has ended" if self._txn else "the transaction has not begun")
        return self._link

    def _failed(self, link: Link, error: BaseException) -> None:
        """Gives up a connection that failed, or that was being used when something interrupted that: nobody knows how
        far it had come. One that was not even written to goes on."""
        if link.busy or not isinstance(error, Error):
            self._lose(link, error)

    def _lose(self, link: Link, error: Optional[BaseException]) -> None:
        """Gives up a connection, and the transaction with it: nothing of it will be written."""
        self._link = None
        why = f": {error.message}" if isinstance(error, Error) else ""
        self._lost = f"the transaction was lost with its connection{why}"
        link.busy = True
        self._caller.give_back(link)

    def _source(self) -> Source:
        return self

    def execute(self, sql: str, params: Sequence[Parameter] = ()) -> Cursor:
        """Runs a statement of SQL in the transaction. One that fails leaves nothing of itself."""
        return Cursor(self, exec_body(sql, params, self._txn, alone=False), safe=False)

    def open_statement(self, body: bytes, safe: bool) -> Tuple[Link, int, f.Frame]:
        """Sends an EXEC. For Cursor."""
        del safe  # nothing is repeated in a transaction
        return self.open_stream(f.EXEC, body)

    def open_stream(self, kind: int, body: bytes) -> Tuple[Link, int, f.Frame]:
        """Begins a scan. For Scan."""
        link = self._the_link()
        try:
            number = link.open_stream(kind, body)
            return link, number, link.next_of(number)
        except BaseException as e:
            self._failed(link, e)
            raise

    def end_stream(self, link: Link, number: int) -> None:
        """Ends a scan. For Scan."""
        if link is self._link:
            if link.busy:
                self._lose(link, None)
            else:
                link.drop_stream(number, now=False)

    def __enter__(self) -> Transaction:
        return self.begin()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if error is not None:
            self.rollback()
        elif self._link is not None or self._lost:
            self.commit()

    def __del__(self) -> None:
        if self._link is not None and not self._link.inherited:
            warnings.warn("a transaction was neither committed nor rolled back", ResourceWarning, stacklevel=2)
            self._link.busy = True
            self._caller.give_back(self._link)


class TransactionKeyspace(Verbs):
    """A keyspace within a transaction."""

    def __init__(self, txn: Transaction, name: str) -> None:
        self._transaction = txn
        self._keyspace = name
        self._txn = txn.number()

    def _call(self, request: m.Request[T]) -> T:
        return self._transaction.call(request)

    def _source(self) -> Source:
        return self._transaction
