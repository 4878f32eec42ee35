package resp

import (
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/middb/middb/engine"
)

// databases are the keyspaces behind the numbers of SELECT, each opened when it is first needed.
type databases struct {
	open []atomic.Pointer[engine.Keyspace]
}

// keyspaceName returns the keyspace of database n.
func (f *Front) keyspaceName(n int) string {
	if n == 0 {
		return f.options.Keyspace
	}
	return f.options.Keyspace + "." + strconv.Itoa(n)
}

// database returns database n, and makes it if it is not there.
func (f *Front) database(n int) (*engine.Keyspace, error) {
	return f.openDatabase(n, engine.KeyspaceOptions{})
}

func (f *Front) openDatabase(n int, o engine.KeyspaceOptions) (*engine.Keyspace, error) {
	if ks := f.databases.open[n].Load(); ks != nil {
		return ks, nil
	}
	ks, err := f.db.Keyspace(f.keyspaceName(n), o)
	if err == nil {
		f.databases.open[n].Store(ks)
	}
	return ks, err
}

// reopen makes database n anew after somebody dropped the keyspace.
func (f *Front) reopen(n int, dropped *engine.Keyspace) (*engine.Keyspace, error) {
	f.databases.open[n].CompareAndSwap(dropped, nil)
	return f.database(n)
}

// existingDatabases calls fn with each database that there is.
func (f *Front) existingDatabases(fn func(n int, ks *engine.Keyspace) error) error {
	for n := range f.databases.open {
		ks, err := f.openDatabase(n, engine.KeyspaceOptions{MustExist: true})
		switch {
		case errors.Is(err, engine.ErrKeyspaceMissing):
			continue
		case err == nil:
			err = fn(n, ks)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
