package driver

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

// A source is a data source.
type source struct {
	path      string // empty: in memory
	readOnly  bool
	mustExist bool
	noSync    bool
	memory    int64 // bytes; 0: the default
}

// parseSource reads the name of a data source.
func parseSource(name string) (s source, err error) {
	if name == "" {
		return s, badSource(name, "it is empty")
	}
	if strings.HasPrefix(name, "middb:") {
		return s, sqlstate.New(sqlstate.CannotConnect, -1, "%s is a server, and the driver opens directories only", name).
			WithHint("open the database in this process, by its path, or ask the server in SQL by package wire/client")
	}
	path, options := strings.TrimPrefix(name, "file:"), ""
	if path != name {
		path, options, _ = strings.Cut(path, "?")
		if path, err = url.PathUnescape(strings.TrimPrefix(path, "//")); err != nil {
			return s, badSource(name, err.Error())
		}
	}
	values, err := url.ParseQuery(options)
	if err != nil {
		return s, badSource(name, err.Error())
	}
	inMemory := path == ":memory:"
	for option, list := range values {
		value := list[len(list)-1]
		ok := true
		switch option {
		case "mode":
			switch value {
			case "ro":
				s.readOnly = true
			case "rw":
				s.mustExist = true
			case "rwc":
			case "memory":
				inMemory = true
			default:
				ok = false
			}
		case "sync":
			ok = value == "off" || value == "full"
			s.noSync = value == "off"
		case "memory":
			s.memory, ok = parseBytes(value)
		default:
			return s, badSource(name, fmt.Sprintf("there is no option %q, but mode, sync and memory", option))
		}
		if !ok {
			return s, badSource(name, fmt.Sprintf("%s cannot be %q", option, value))
		}
	}
	if inMemory {
		return s, nil
	}
	if path == "" {
		return s, badSource(name, "there is no path")
	}
	if s.path, err = filepath.Abs(path); err != nil {
		return s, badSource(name, err.Error())
	}
	return s, nil
}

func badSource(name, why string) error {
	return sqlstate.New(sqlstate.CannotConnect, -1, "the data source %q cannot be read: %s", name, why).
		WithHint("write a path, or file:path?mode=ro&sync=off&memory=64MB, or :memory:")
}

// parseBytes reads a number of bytes, such as 64MB.
func parseBytes(text string) (int64, bool) {
	factor := int64(1)
	upper := strings.ToUpper(text)
	for i, unit := range []string{"KB", "MB", "GB"} {
		if rest, found := strings.CutSuffix(upper, unit); found {
			upper, factor = rest, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(upper, 10, 32)
	return n * factor, err == nil && n > 0
}

func (s *source) config() engine.Config {
	c := engine.Config{Dir: s.path, ReadOnly: s.readOnly, MustExist: s.mustExist, MemoryBudget: s.memory}
	if s.noSync {
		c.Durability = engine.NoSync
	}
	if s.path == "" {
		c.Dir, c.FS, c.ReadOnly, c.MustExist = "memory", vfs.NewMem(), false, false
	}
	return c
}

// openDatabases are those that the process has open, by path.
type openDatabases struct {
	mu   sync.Mutex
	open map[string]*opened
}

var databases = openDatabases{open: make(map[string]*opened)}

// An opened database is counted, and closed with who gives it up last.
type opened struct {
	db       *engine.DB
	path     string // empty: nobody else finds it
	readOnly bool
	users    int
}

// hold returns the database of a source, opened now or before.
func (o *openDatabases) hold(s source) (*opened, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d := o.open[s.path]; d != nil && s.path != "" {
		if d.readOnly && !s.readOnly {
			return nil, sqlstate.New(sqlstate.CannotConnect, -1, "%s is open for reading only in this process", s.path).
				WithHint("close the sql.DB that was opened with mode=ro before")
		}
		d.users++
		return d, nil
	}
	db, err := engine.Spawn(s.config())
	if err != nil {
		e := sqlstate.New(sqlstate.CannotConnect, -1, "%v", err)
		e.Cause = err
		return nil, e
	}
	d := &opened{db: db, path: s.path, readOnly: s.readOnly, users: 1}
	if s.path != "" {
		o.open[s.path] = d
	}
	return d, nil
}

func (d *opened) retain() {
	databases.mu.Lock()
	defer databases.mu.Unlock()
	d.users++
}

// release gives the database up, and closes it if that was the last who had it.
func (d *opened) release() error {
	databases.mu.Lock()
	defer databases.mu.Unlock()
	if d.users--; d.users > 0 {
		return nil
	}
	if d.path != "" {
		delete(databases.open, d.path)
	}
	return errors.Join(d.db.Close())
}
