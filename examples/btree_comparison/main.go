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
	c := comparison{
		order: rand.New(rand.NewPCG(1, 1)).Perm(keys), value: []byte("8 bytes."),
		tree: bplustree.Open(page.NewMemory(), bplustree.Root{}), list: newSkiplist(),
	}
	before := heap()
	if err := c.time("insert", c.insertTree, func() error {
		c.treeBytes = heap() - before
		return c.insertList()
	}); err != nil {
		return err
	}
	c.listBytes = heap() - before - c.treeBytes
	if err := c.time("look up", c.lookUpInTree, c.lookUpInList); err != nil {
		return err
	}
	if err := c.time("scan", c.scanTree, c.scanList); err != nil {
		return err
	}
	if c.sums[0] != c.sums[1] || c.tree.Len() != c.list.len {
		return fmt.Errorf("the tree has %d entries and the skiplist %d, or they differ", c.tree.Len(), c.list.len)
	}
	if err := c.print(out); err != nil {
		return err
	}
	return draw(out)
}

// A comparison is of a tree and a list with the same entries.
type comparison struct {
	order                []int // in which keys are inserted and looked up
	value                []byte
	tree                 *bplustree.Tree
	list                 *skiplist
	sums                 [2]int // of what scans saw
	treeBytes, listBytes int64
	rows                 []row
}

func (c *comparison) key(i int) []byte { return fmt.Appendf(nil, "user/%010d", i) }

// time notes how long two functions take.
func (c *comparison) time(what string, ofTree, ofList func() error) error {
	began := time.Now()
	if err := ofTree(); err != nil {
		return err
	}
	middle := time.Now()
	err := ofList()
	c.rows = append(c.rows, row{what, middle.Sub(began), time.Since(middle)})
	return err
}

func (c *comparison) insertTree() error {
	for _, i := range c.order {
		if _, err := c.tree.Put(c.key(i), c.value); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) insertList() error {
	for _, i := range c.order {
		c.list.put(c.key(i), c.value)
	}
	return nil
}

func (c *comparison) lookUpInTree() error {
	snapshot, room := c.tree.Snapshot(), []byte(nil)
	for _, i := range c.order {
		v, found, err := snapshot.Get(room[:0], c.key(i))
		if err != nil || !found {
			return fmt.Errorf("the tree has lost %s (%w)", c.key(i), err)
		}
		room = v
	}
	return nil
}

func (c *comparison) lookUpInList() error {
	for _, i := range c.order {
		if _, found := c.list.get(c.key(i)); !found {
			return fmt.Errorf("the skiplist has lost %s", c.key(i))
		}
	}
	return nil
}

func (c *comparison) scanTree() error {
	at := c.tree.Snapshot().Cursor()
	defer at.Close()
	for ok := at.First(); ok; ok = at.Next() {
		c.sums[0] += int(at.Key()[14]) + len(at.Value())
	}
	return at.Err()
}

func (c *comparison) scanList() error {
	for t := c.list.head.next[0]; t != nil; t = t.next[0] {
		c.sums[1] += int(t.key[14]) + len(t.value)
	}
	return nil
}

// A row is what something took.
type row struct {
	what       string
	tree, list time.Duration
}

func (c *comparison) print(out io.Writer) error {
	keys := len(c.order)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d keys\tB+Tree\tskiplist\t\n", keys)
	for _, r := range c.rows {
		fmt.Fprintf(w, "%s\t%d ns\t%d ns\t\n", r.what, int(r.tree)/keys, int(r.list)/keys)
	}
	fmt.Fprintf(w, "memory\t%d bytes\t%d bytes\t\n", int(c.treeBytes)/keys, int(c.listBytes)/keys)
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
