package bplustree_test

import (
	"fmt"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/page"
)

// A snapshot stays as it is while the tree is changed.
func Example() {
	pages := page.NewMemory()
	tree := bplustree.Open(pages, bplustree.Root{})
	for _, city := range []string{"Lisbon", "Bern", "Oslo"} {
		if _, err := tree.Put([]byte(city), []byte("capital")); err != nil {
			panic(err)
		}
	}
	before := tree.Snapshot()
	pages.Seal()
	if _, err := tree.Delete([]byte("Bern")); err != nil {
		panic(err)
	}
	for _, s := range []bplustree.Snapshot{before, tree.Snapshot()} {
		c := s.Cursor()
		fmt.Println(s.Len(), "capitals")
		for ok := c.First(); ok; ok = c.Next() {
			fmt.Println("-", string(c.Key()))
		}
	}
	// Output:
	// 3 capitals
	// - Bern
	// - Lisbon
	// - Oslo
	// 2 capitals
	// - Lisbon
	// - Oslo
}

// String draws a tree.
func ExampleSnapshot_String() {
	tree := bplustree.Open(page.NewMemory(), bplustree.Root{})
	for i := range 400 {
		if _, err := tree.Put(fmt.Appendf(nil, "user/%04d", i), []byte("somebody")); err != nil {
			panic(err)
		}
	}
	fmt.Println(tree.Snapshot())
	// Output:
	// branch 3: 2 keys, 0 % full, generation 1, "user/015" to "user/03"
	//   leaf 1: 150 keys, 99 % full, generation 1, "user/0000" to "user/0149"
	//   leaf 2: 150 keys, 77 % full, generation 1, "user/0150" to "user/0299", prefix "user/0"
	//   leaf 4: 100 keys, 66 % full, generation 1, "user/0300" to "user/0399"
	// 400 entries, 3 leaves, 1 branches, height 2
}
