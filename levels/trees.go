package levels

import (
	"errors"
	"fmt"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// OpenPages opens the file of the B+Trees that the manifest names, with open, at their checkpoint.
func (t *Trees) OpenPages(fs vfs.FS, dir string, cache *page.Cache, open func(name string) (vfs.File, error)) (*bplustree.Forest, error) {
	f, err := open(fs.Join(dir, PagesName(t.File)))
	if err != nil {
		return nil, fmt.Errorf("open the pages of indexes: %w", err)
	}
	file, err := page.Open(f, t.File, cache, t.State)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the pages of indexes: %w", err), f.Close())
	}
	return bplustree.OpenForest(file, t.Roots), nil
}

// verifyTrees checks the B+Trees as the manifest has them.
func (s *Set) verifyTrees(r *Report) {
	if s.trees == nil {
		return
	}
	forest, err := s.trees.OpenPages(s.o.FS, s.o.Dir, s.o.Cache, s.o.FS.Open)
	if err != nil {
		r.Problems = append(r.Problems, err)
		return
	}
	census, problems := forest.Verify()
	r.Trees = census
	name := PagesName(s.trees.File)
	for _, err := range append(problems, forest.Close()) {
		if err != nil {
			r.Problems = append(r.Problems, fmt.Errorf("%s: %w", name, err))
		}
	}
}
