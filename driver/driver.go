package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
)

func init() { sql.Register("middb", Driver{}) }

// Driver is the driver that is registered as middb.
type Driver struct{}

var (
	_ driver.Driver        = Driver{}
	_ driver.DriverContext = Driver{}
)

// Open implements driver.Driver. The connection alone keeps the database open.
func (Driver) Open(name string) (driver.Conn, error) {
	c, err := newConnector(name)
	if err != nil {
		return nil, err
	}
	made, err := c.Connect(context.Background())
	return made, errors.Join(err, c.Close())
}

// OpenConnector implements driver.DriverContext.
func (Driver) OpenConnector(name string) (driver.Connector, error) { return newConnector(name) }

// A Connector makes connections to one database. It is closed by sql.DB.Close.
type Connector struct {
	source source
	given  *engine.DB // by NewConnector, and not to be closed

	mu     sync.Mutex
	held   *opened // nil: there was no connection yet
	closed bool
}

var _ driver.Connector = (*Connector)(nil)

// NewConnector returns what makes connections to a database that is open, for sql.OpenDB. The caller closes the database,
// after the sql.DB.
func NewConnector(db *engine.DB) *Connector { return &Connector{given: db} }

func newConnector(name string) (*Connector, error) {
	s, err := parseSource(name)
	if err != nil {
		return nil, err
	}
	return &Connector{source: s}, nil
}

// Driver implements driver.Connector.
func (c *Connector) Driver() driver.Driver { return Driver{} }

// Connect implements driver.Connector. The first call opens the database.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.given != nil {
		return newConn(c.given, nil, false), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, sqlstate.New(sqlstate.ConnectionClosed, -1, "the connector is closed")
	}
	if c.held == nil {
		held, err := databases.hold(c.source)
		if err != nil {
			return nil, err
		}
		c.held = held
	}
	c.held.retain()
	return newConn(c.held.db, c.held, c.source.readOnly), nil
}

// Close gives the database up; connections that are open go on. It may be called again.
func (c *Connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held
	c.held, c.closed = nil, true
	if held == nil {
		return nil
	}
	return held.release()
}
