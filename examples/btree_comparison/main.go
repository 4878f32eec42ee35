// Btree_comparison puts the same keys into a B+Tree and a skiplist, and compares how long that takes, how long lookups and
// scans take, and how much memory. Then it draws a small tree.
//
// Both find a key among a million in about twenty comparisons. But each step in a skiplist is a pointer to somewhere else
// in memory, which the processor must wait for, while a B+Tree has hundreds of keys side by side in a page: three or four
// pages lie on the way to any key. And pages can be written to disk as they are.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/page"
)

func main() {
	keys := flag.Int("keys", 1_000_000, "how many keys")
	flag.Parse()
	if err := run(os.Stdout, *keys); err != nil {
		log.Fatal(err)
	}
}

func run(out io.Writer, keys int) error {
	order := rand.New(rand.NewPCG(1, 1)).Perm(keys)
	name := func(i int) []byte { return fmt.Appendf(nil, "user/%010d", i) }
	value := []byte("8 bytes.")

	var err error
	tree := bplustree.Open(page.NewMemory(), bplustree.Root{})
	list := newSkiplist()
	var rows []row
	compare := func(what string, ofTree func() error, ofList func()) {
		began := time.Now()
		if e := ofTree(); e != nil {
			err = e
		}
		middle := time.Now()
		ofList()
		rows = append(rows, row{what, middle.Sub(began), time.Since(middle)})
	}

	before := heap()
	var treeBytes, listBytes int64
	compare("insert", func() error {
		for _, i := range order {
			if _, err := tree.Put(name(i), value); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		treeBytes = heap() - before
		for _, i := range order {
			list.put(name(i), value)
		}
	})
	listBytes = heap() - before - treeBytes

	snapshot := tree.Snapshot()
	compare("look up", func() error {
		var v []byte
		for _, i := range order {
			var found bool
			var err error
			if v, found, err = snapshot.Get(v[:0], name(i)); err != nil || !found {
				return fmt.Errorf("the tree has lost %s: %w", name(i), err)
			}
		}
		return nil
	}, func() {
		for _, i := range order {
			if _, found := list.get(name(i)); !found {
				err = fmt.Errorf("the skiplist has lost %s", name(i))
			}
		}
	})

	var fromTree, fromList int // sums, so that both look at what they pass
	compare("scan", func() error {
		c := snapshot.Cursor()
		defer c.Close()
		for ok := c.First(); ok; ok = c.Next() {
			fromTree += int(c.Key()[14]) + len(c.Value())
		}
		return c.Err()
	}, func() {
		for t := list.head.next[0]; t != nil; t = t.next[0] {
			fromList += int(t.key[14]) + len(t.value)
		}
	})
	switch {
	case err != nil:
		return err
	case fromTree != fromList || tree.Len() != list.len:
		return fmt.Errorf("the tree has %d entries and the skiplist %d", tree.Len(), list.len)
	}
	if err = print(out, rows, keys, treeBytes, listBytes); err != nil {
		return err
	}
	return draw(out)
}

// A row is what something took.
type row struct {
	what       string
	tree, list time.Duration
}

func print(out io.Writer, rows []row, keys int, treeBytes, listBytes int64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d keys\tB+Tree\tskiplist\t\n", keys)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d ns\t%d ns\t\n", r.what, int(r.tree)/keys, int(r.list)/keys)
	}
	fmt.Fprintf(w, "memory\t%d bytes\t%d bytes\t\n", int(treeBytes)/keys, int(listBytes)/keys)
	return w.Flush()
}

// heap returns how many bytes of memory are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// draw shows how a tree grows by splitting pages, and shrinks by merging them.
func draw(out io.Writer) error {
	tree := bplustree.Open(page.NewMemory(), bplustree.Root{})
	for i := range 500 {
		if _, err := tree.Put(fmt.Appendf(nil, "%04d", i), bytes.Repeat([]byte{'v'}, 10)); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n500 keys in order, so that pages are left full:\n%s\n", tree.Snapshot())
	for i := range 500 {
		if i%10 != 0 {
			if _, err := tree.Delete(fmt.Appendf(nil, "%04d", i)); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(out, "\nAnd without nine of ten:\n%s\n", tree.Snapshot())
	return err
}
