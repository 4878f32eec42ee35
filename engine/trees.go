package engine

import (
	"errors"
	"fmt"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// openForest opens the B+Trees as the manifest has them. Without any, their file is made when the first are flushed.
func (db *DB) openForest() (*bplustree.Forest, error) {
	trees := db.set.Trees()
	if trees == nil {
		return bplustree.OpenForest(page.Create(db.createPages, db.cache), nil), nil
	}
	return trees.OpenPages(db.cfg.FS, db.cfg.Dir, db.cache, db.openPages)
}

func (db *DB) openPages(name string) (vfs.File, error) {
	if db.cfg.ReadOnly {
		return db.cfg.FS.Open(name)
	}
	return db.cfg.FS.OpenReadWrite(name)
}

// createPages makes the file of pages. A try that fails leaves none.
func (db *DB) createPages() (f vfs.File, number uint64, err error) {
	fs, dir := db.cfg.FS, db.cfg.Dir
	number = db.set.NextFileNum()
	path := fs.Join(dir, levels.PagesName(number))
	f, err = fs.Create(path)
	if err != nil {
		return nil, 0, fmt.Errorf("create the pages of indexes: %w", err)
	}
	if err = fs.SyncDir(dir); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("create the pages of indexes: sync directory: %w", err), f.Close(), fs.Remove(path))
	}
	return f, number, nil
}
