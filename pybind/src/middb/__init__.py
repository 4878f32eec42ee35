"""middb is an ordered key-value database with serializable transactions, keyspaces and a change feed. This package
talks to it: over the network, or to a private server that it starts for a directory.

    import middb

    with middb.connect("middb://127.0.0.1:7878") as db:
        db["user/1"] = "Ada"
        print(db["user/1"])                     # b"Ada"
        for key, value in db.scan(prefix="user/"):
            print(key, value)

Keys and values are bytes. A str is stored as its UTF-8 bytes; what is read is always bytes. Every error is a
middb.Error."""

from ._aio_cursor import AsyncCursor
from ._aio_keyspace import AsyncBatch, AsyncKeyspace, AsyncPipeline
from ._aio_scan import AsyncScan
from ._aio_transaction import AsyncTransaction
from ._aio_watch import AsyncWatch
from ._codes import *  # noqa: F403
from ._codes import __all__ as _errors
from ._cursor import Cursor
from ._keyspace import Batch, Keyspace, Pipeline
from ._pipeline import Result
from ._scan import Scan
from ._sql import Column, Notice, Parameter, Row
from ._transaction import Transaction
from ._types import Change, ChangeKind, Data, Durability, Info, Isolation, Role, Session, User
from ._version import __version__
from ._watch import Watch
from .aio import AsyncClient, connect_async
from .client import Client, connect
from .database import AsyncDatabase, Database

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "AsyncCursor",
    "AsyncDatabase",
    "AsyncKeyspace",
    "AsyncPipeline",
    "AsyncScan",
    "AsyncTransaction",
    "AsyncWatch",
    "Batch",
    "Change",
    "ChangeKind",
    "Client",
    "Column",
    "Cursor",
    "Data",
    "Database",
    "Durability",
    "Info",
    "Isolation",
    "Keyspace",
    "Notice",
    "Parameter",
    "Pipeline",
    "Result",
    "Role",
    "Row",
    "Scan",
    "Session",
    "Transaction",
    "User",
    "Watch",
    "__version__",
    "connect",
    "connect_async",
]
__all__ += [name for name in _errors if name != "BY_CODE"]
