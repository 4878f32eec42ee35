package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
)

// maxJoinLevel is how often the rows of a hash join are divided. What is too large even then has hardly more than one key,
// and is joined in memory, whatever that takes.
const maxJoinLevel = 4

// A joinSpill is the files of a hash join: pairs of files, whose rows have the same hashes in some bits.
type joinSpill struct {
	join    *hashJoin
	build   *partitions // while the build side is read
	tasks   []joinTask
	current joinTask
	reader  *spillReader
}

// A joinTask is a pair of files. A nil one has no rows.
type joinTask struct {
	build, probe *spillFile
	level        int
}

// newJoinSpill writes what the join has in its buffer to files.
func newJoinSpill(h *hashJoin) (*joinSpill, error) {
	s := &joinSpill{join: h, build: h.partitions(h.buildKeys, 0)}
	err := s.build.add(h.buffer.columns, ascendingPlaces(h.buffer.n))
	h.buffer.clear()
	h.force(0)
	return s, err
}

func (h *hashJoin) partitions(k keyColumns, level int) *partitions {
	return newPartitions(h.run, h.budget, "the rows of a join", k.places, k.width, level)
}

// add writes rows of the build side.
func (s *joinSpill) add(b *catalog.Batch) error { return s.build.add(b.Columns, selected(b)) }

// begin reads the probe side, when the build side was read.
func (s *joinSpill) begin(ctx context.Context) error {
	h := s.join
	probe := h.partitions(h.probeKeys, 0)
	var wide catalog.Batch
	for {
		b, err := h.probe.Next(ctx)
		if err == nil && b != nil {
			err = h.probeKeys.widen(&wide, b)
		}
		if err == nil && b != nil {
			err = probe.add(wide.Columns, selected(&wide))
		}
		if err != nil {
			return errors.Join(err, probe.close())
		}
		if b == nil {
			return s.pair(s.build, probe, 1)
		}
	}
}

// pair makes tasks of the files of both sides.
func (s *joinSpill) pair(build, probe *partitions, level int) error {
	for i := range build.files {
		t := joinTask{build.files[i], probe.files[i], level}
		build.files[i], probe.files[i] = nil, nil
		s.tasks = append(s.tasks, t)
		for _, f := range []*spillFile{t.build, t.probe} {
			if f == nil {
				continue
			}
			if err := f.finish(); err != nil {
				return errors.Join(err, build.close(), probe.close())
			}
		}
	}
	return nil
}

// load reads the build side of the next task into the buffer of the join. It returns false if there is none.
func (s *joinSpill) load(ctx context.Context) (bool, error) {
	h := s.join
	for {
		if err := s.current.close(); err != nil {
			return false, err
		}
		if s.current, s.reader = (joinTask{}), nil; len(s.tasks) == 0 {
			return false, nil
		}
		s.current = s.tasks[len(s.tasks)-1]
		s.tasks = s.tasks[:len(s.tasks)-1]
		t := &s.current
		if t.build == nil && h.drops() || t.probe == nil && !h.joiner.keepBuild {
			continue
		}
		h.buffer.clear()
		h.force(0)
		fits, err := s.read(ctx)
		if err != nil {
			return false, err
		}
		if fits {
			if t.probe != nil {
				s.reader = t.probe.reader(h.probeKeys.width)
			}
			return true, nil
		}
	}
}

func (t *joinTask) close() error {
	err := errors.Join(t.build.close(), t.probe.close())
	t.build, t.probe = nil, nil
	return err
}

// read reads the build side of the present task. If it does not fit, the task is divided.
func (s *joinSpill) read(ctx context.Context) (fits bool, err error) {
	h, t := s.join, &s.current
	if t.build == nil {
		return true, nil
	}
	r := t.build.reader(h.buildKeys.width)
	var parts *partitions
	for {
		if err := ctx.Err(); err != nil {
			return false, errors.Join(err, parts.close())
		}
		b, err := r.next()
		switch {
		case err != nil:
			return false, errors.Join(err, parts.close())
		case b == nil && parts == nil:
			return true, nil
		case b == nil:
			return false, s.divide(ctx, parts)
		case parts != nil:
			err = parts.add(b.Columns, selected(b))
		default:
			if err = h.buffer.append(b, nil); err != nil {
				break
			}
			if h.fits(h.buffer.bytes+int64(h.buffer.n)*joinRowBytes) || t.level >= maxJoinLevel {
				break
			}
			parts = h.partitions(h.buildKeys, t.level)
			err = parts.add(h.buffer.columns, ascendingPlaces(h.buffer.n))
			h.buffer.clear()
			h.force(0)
		}
		if err != nil {
			return false, errors.Join(err, parts.close())
		}
	}
}

// divide divides the probe side of the present task as the build side was.
func (s *joinSpill) divide(ctx context.Context, build *partitions) error {
	h, t := s.join, &s.current
	probe := h.partitions(h.probeKeys, t.level)
	if t.probe != nil {
		r := t.probe.reader(h.probeKeys.width)
		for {
			b, err := r.next()
			if err == nil && b != nil {
				err = errors.Join(ctx.Err(), probe.add(b.Columns, selected(b)))
			}
			if err != nil {
				return errors.Join(err, build.close(), probe.close())
			}
			if b == nil {
				break
			}
		}
	}
	return s.pair(build, probe, t.level+1)
}

// next returns the next batch of the probe side of the present task, keys included.
func (s *joinSpill) next() (*catalog.Batch, error) {
	if s.reader == nil {
		return nil, nil
	}
	return s.reader.next()
}

// close removes all files. Closing nil does nothing.
func (s *joinSpill) close() error {
	if s == nil {
		return nil
	}
	err := errors.Join(s.build.close(), s.current.close())
	for i := range s.tasks {
		err = errors.Join(err, s.tasks[i].close())
	}
	s.tasks = nil
	return err
}
