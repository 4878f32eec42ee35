package relation

import (
	"encoding/binary"
	"fmt"

	"github.com/middb/middb/catalog"
)

// Beginnings of keys of the catalog. On disk; never change.
const (
	namePrefix       = "name/"
	tablePrefix      = "table/"
	sequencePrefix   = "sequence/"
	referencesPrefix = "references/"
	rowsPrefix       = "rows/"
	statisticsPrefix = "statistics/"
	objectPrefix     = "object/"
	nextIDKey        = "next-id"
)

var catalogSpace = Space{ID: CatalogSpace}

func nameKey(name string) []byte { return []byte(namePrefix + name) }

func idKey(prefix string, id uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte(prefix), id)
}

// behind returns the least key above all that begin with the prefix, or nil if there is none.
func behind(prefix []byte) []byte { return appendBehind(nil, prefix) }

func appendBehind(dst, prefix []byte) []byte {
	n := len(prefix)
	for n > 0 && prefix[n-1] == 0xff {
		n--
	}
	if n == 0 {
		return nil
	}
	dst = append(dst, prefix[:n]...)
	dst[len(dst)-1]++
	return dst
}

// eachKey calls f with the entries of the catalog whose keys begin with prefix.
func (t *Tables) eachKey(prefix string, f func(k, v []byte) error) error {
	lower := []byte(prefix)
	return t.each(catalogSpace, Bounds{Lower: lower, Upper: behind(lower)}, f)
}

// each calls f with the entries of a space within bounds. What f gets is lent.
func (t *Tables) each(s Space, o Bounds, f func(k, v []byte) error) (err error) {
	it, err := t.txn.Iterate(s, o)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		var v []byte
		if !o.KeysOnly {
			v = it.Value()
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Err()
}

// number reads a number of the catalog; 0 if it is not there.
func number(txn Txn, k []byte) (uint64, error) {
	v, found, err := txn.Get(catalogSpace, nil, k)
	if err != nil || !found {
		return 0, err
	}
	switch len(v) {
	case 4:
		return uint64(binary.BigEndian.Uint32(v)), nil
	case 8:
		return binary.BigEndian.Uint64(v), nil
	}
	return 0, &catalog.DamageError{What: "number", Why: fmt.Sprintf("key %q of the catalog has %d bytes", k, len(v))}
}
