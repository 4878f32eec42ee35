package exec

import (
	"github.com/middb/middb/catalog"
)

// spillParts is in how many parts rows are divided that do not fit into memory, 2^partBits.
const (
	partBits   = 4
	spillParts = 1 << partBits
)

// partitions divide rows among temporary files by some of their columns: rows that are equal in these are in one file, in
// the order in which they came.
type partitions struct {
	run     *run
	budget  *budget
	what    string
	columns int
	level   int // how often the rows were divided before
	encoder keyEncoder
	files   [spillParts]*spillFile
	lists   [spillParts][]int32
}

// part is a file of partitions, to be read.
type part struct {
	file  *spillFile
	level int
}

// newPartitions returns partitions by the columns at places, of rows of so many columns.
func newPartitions(r *run, budget *budget, what string, places []int, columns, level int) *partitions {
	keys := make([]sortKey, len(places))
	for i, at := range places {
		keys[i].place = at
	}
	return &partitions{run: r, budget: budget, what: what, columns: columns, level: level, encoder: keyEncoder{keys: keys}}
}

// add copies rows of columns to the files.
func (p *partitions) add(columns []*catalog.Vector, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	p.encoder.encode(columns, rows)
	for i := range p.lists {
		p.lists[i] = p.lists[i][:0]
	}
	for i, row := range rows {
		n := rehash(p.encoder.hash(i), p.level) >> (64 - partBits)
		p.lists[n] = append(p.lists[n], row)
	}
	for i, list := range p.lists {
		if len(list) == 0 {
			continue
		}
		if p.files[i] == nil {
			f, err := p.run.newSpillFile(p.budget, p.what)
			if err != nil {
				return err
			}
			p.files[i] = f
		}
		if err := p.files[i].write(columns, list); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the files and returns those that there are. They are the caller's.
func (p *partitions) finish() ([]part, error) {
	var all []part
	for i, f := range p.files {
		if f == nil {
			continue
		}
		if err := f.finish(); err != nil {
			return all, err
		}
		all = append(all, part{f, p.level + 1})
		p.files[i] = nil
	}
	return all, nil
}

// close removes the files that finish has not given away. Closing nil does nothing.
func (p *partitions) close() error {
	if p == nil {
		return nil
	}
	return closeFiles(p.files[:])
}

func closeParts(all []part) error {
	files := make([]*spillFile, len(all))
	for i, p := range all {
		files[i] = p.file
	}
	return closeFiles(files)
}
