package sstable

import (
	"bufio"
	"fmt"
	"io"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// Dump prints the table for people: footer, metaindex, properties, filter and blocks; with verbose
// set every entry too, values cut to a few bytes.
func (r *Reader) Dump(w io.Writer, verbose bool) error {
	out := bufio.NewWriter(w)
	p := &r.props
	fmt.Fprintf(out, "table %d: %d bytes, format version %d\n", r.fileNum, r.size, r.version)
	fmt.Fprintf(out, "entries %d, tombstones %d, sequence numbers %d to %d\n", p.Entries, p.Tombstones, p.MinSeq, p.MaxSeq)
	if p.Expiring > 0 {
		fmt.Fprintf(out, "expiring %d, from %s to %s\n", p.Expiring, key.FormatTime(p.EarliestExpiry), key.FormatTime(p.LatestExpiry))
	}
	fmt.Fprintf(out, "keys \"%s\" to \"%s\", order %s\n", key.Format(p.Smallest), key.Format(p.Largest), p.Comparer)
	fmt.Fprintf(out, "keys %d bytes, values %d bytes, stored as %d bytes in %d blocks, compression %v\n",
		p.RawKeyBytes, p.RawValueBytes, p.DataBytes, p.Blocks, p.Codec)
	for _, m := range []struct {
		kind byte
		name string
	}{{metaFilter, "filter"}, {metaRanges, "range deletes"}, {metaIndex, "index"}, {metaProperties, "properties"}} {
		if h, ok := r.meta[m.kind]; ok {
			fmt.Fprintf(out, "%s at %d, %d bytes\n", m.name, h.offset, h.length)
		}
	}
	if r.filter.Lines() > 0 {
		fmt.Fprintf(out, "filter of %d lines, %.1f %% of the bits set\n", r.filter.Lines(), 100*r.filter.Saturation())
	}
	for _, d := range r.RangeDeletes() {
		fmt.Fprintf(out, "range delete \"%s\" to \"%s\", sequence number %d\n", key.Format(d.Start), key.Format(d.End), d.Seq)
	}
	if err := r.dumpBlocks(out, verbose); err != nil {
		_ = out.Flush() // what was read before the damage is worth seeing
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("print table %d: %w", r.fileNum, err)
	}
	return nil
}

func (r *Reader) dumpBlocks(out *bufio.Writer, verbose bool) error {
	for i := range r.index.blocks() {
		h := r.index.handle(i)
		fmt.Fprintf(out, "block %d at %d, %d bytes, up to \"%s\"\n", i, h.offset, h.length, key.Format(r.index.separator(i)))
	}
	if !verbose {
		return nil
	}
	it := r.fresh().NewIter(IterOptions{Readahead: true})
	for ok := it.First(); ok; ok = it.Next() {
		e := merge.Entry{Kind: it.Trailer().Kind(), Value: it.Value()}
		fmt.Fprintf(out, "%d+%d \"%s\" %v, %d bytes: %v\n", it.bi, it.off, key.Format(it.Key()), it.Trailer(), len(e.Value), e)
	}
	return it.Close()
}
