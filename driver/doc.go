// Package driver makes middb a driver of database/sql. Import it for its effect and open a database with sql.Open:
//
//	import _ "github.com/middb/middb/driver"
//
//	db, err := sql.Open("middb", "file:./mydb?sync=off")
//
// A data source is a path, or file: and a path with options behind a question mark; or :memory:, a database of the sql.DB
// alone that is gone when that is closed:
//
//	mode=ro      open it for reading only; rw: it must be there; rwc: it is made if it is not there, the default; memory
//	sync=off     a commit answers before it is on disk; full, the default: after that
//	memory=64MB  what the database may keep in memory
//
// All connections of a process to one path share one engine.DB, which is opened with the first and closed with the last of
// them and of the sql.DBs. [NewConnector] makes connections of an engine.DB that is open already. A data source middb://host:port
// is a server's: ask that by package wire/client.
//
// It promises what database/sql asks of a driver: contexts end statements, transactions have the isolation that was asked for
// or a stricter one, connections are reset when they are given to somebody else, errors are *sqlstate.Error and match the
// context's error where that has ended. Values are int64, float64, bool, string, []byte and time.Time in UTC; DECIMAL, UUID,
// JSON and INTERVAL are strings. Parameters are $1, $2 or ?, and not named. There is no LastInsertId: use RETURNING.
//
// Everything is safe for concurrent use where database/sql says so. Programs call it through database/sql only.
package driver
