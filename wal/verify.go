package wal

import (
	"github.com/middb/middb/vfs"
)

// A VerifyReport counts what Verify found in order.
type VerifyReport struct {
	Segments int   // segments read; those of which the successor is not flushed may be fewer
	Records  int64 // commit groups
	Ops      int64
	Bytes    int64 // of operations
	State    State // as Recover would return it
}

// Verify reads every segment of the log in dir as Recover does, the flushed ones too, and decodes
// every operation. It changes nothing and syncs nothing. progress, which may be nil, learns from time
// to time how many bytes of how many have been read.
func Verify(fs vfs.FS, dir string, o RecoverOptions, progress func(done, total int64)) (VerifyReport, error) {
	var rep VerifyReport
	o.ReadOnly = true
	r := &recovery{fs: fs, dir: dir, o: o, all: true, logID: o.LogID}
	total, before, last := int64(0), int64(0), uint64(0)
	var reported int64
	r.fn = func(rec Record) error {
		if rec.Segment != last {
			rep.Segments++
			total, before = r.sizes(rec.Segment)
			last = rec.Segment
		}
		n, err := countOps(rec.Ops)
		rep.Records++
		rep.Ops += n
		rep.Bytes += int64(len(rec.Ops))
		if done := before + rec.Offset; progress != nil && done-reported >= pieceBytes {
			reported = done
			progress(done, total)
		}
		return err
	}
	state, err := r.run()
	rep.State = state
	if err == nil && progress != nil {
		total, _ = r.sizes(0)
		progress(total, total)
	}
	return rep, err
}

// sizes returns the bytes of all segments and of those before one.
func (r *recovery) sizes(number uint64) (total, before int64) {
	for _, s := range r.segs {
		total += s.size
		if s.number < number {
			before += s.size
		}
	}
	return total, before
}

func countOps(p []byte) (n int64, err error) {
	for ; len(p) > 0; n++ {
		if _, _, _, p, err = DecodeOp(p); err != nil {
			return n, err
		}
	}
	return n, nil
}
