package sstable

// Reading ahead begins with minAhead bytes and doubles up to maxAhead. It begins after
// patientBlocks blocks were read from the file in sequence.
const (
	minAhead      = 64 << 10
	maxAhead      = 512 << 10
	patientBlocks = 2
)

// A readahead is a range of the file that an iterator has read, in whole blocks, and how much to
// read next time.
type readahead struct {
	mem    *scratch
	offset uint64 // of mem.p in the file
	want   int    // bytes; below minAhead: one block
	misses int    // in sequence
}

func (a *readahead) start(now bool) {
	a.want, a.misses = 0, 0
	if now {
		a.want = maxAhead / 2
	}
}

func (a *readahead) stop() {
	if a.mem != nil {
		putScratch(a.mem)
		a.mem = nil
	}
}

// holds returns the bytes of the block if they were read.
func (a *readahead) holds(h blockHandle) []byte {
	if a.mem == nil || h.offset < a.offset || h.offset+h.length > a.offset+uint64(len(a.mem.p)) {
		return nil
	}
	return a.mem.p[h.offset-a.offset:][:h.length]
}

// fetch returns the content of data block i: from the cache, from what was read ahead, or from the
// file. The pinned buffer is in it.buf, or the bytes are in it.own.
func (it *Iter) fetch(i, direction int) ([]byte, error) {
	if buf := it.r.slots[i].Acquire(); buf != nil {
		it.buf = buf
		return buf.Bytes(), nil
	}
	h := it.r.index.handle(i)
	stored := it.ahead.holds(h)
	if stored == nil {
		var err error
		if stored, err = it.read(i, h, direction); err != nil {
			return nil, err
		}
	}
	if it.fill {
		buf, err := it.r.decode(i, stored, true)
		if err != nil {
			return nil, err
		}
		it.buf = buf
		return buf.Bytes(), nil
	}
	s, err := openStored(stored, it.r.file, it.r.fileNum, h.offset)
	if err != nil {
		return nil, err
	}
	if s.codec == None && len(s.payload) == s.raw {
		return s.payload, nil // valid until the next block is read
	}
	if cap(it.own) < s.raw {
		it.own = make([]byte, s.raw)
	}
	it.own = it.own[:s.raw]
	if err := decompress(it.own, s.payload, s.codec); err != nil {
		return nil, it.r.file.at(h.offset, "decompress %v block: %v", s.codec, err)
	}
	return it.own, nil
}

// read reads block i from the file, with blocks after it (or before it, going backwards) when the
// iterator moves in sequence.
func (it *Iter) read(i int, h blockHandle, direction int) ([]byte, error) {
	a := &it.ahead
	if direction == 0 {
		a.misses = 0
		if a.want < maxAhead/2 {
			a.want = 0
		}
	} else if a.misses++; a.misses >= patientBlocks {
		a.want = min(max(2*a.want, minAhead), maxAhead)
	}
	first, last := i, i // the blocks to read
	offsets := it.r.index.offsets
	if direction < 0 {
		for first > 0 && offsets[i+1]-offsets[first-1] <= uint64(a.want) {
			first--
		}
	} else {
		for last+1 < it.r.index.blocks() && offsets[last+2]-offsets[i] <= uint64(a.want) {
			last++
		}
	}
	from, to := offsets[first], offsets[last+1]
	if a.mem != nil && cap(a.mem.p) < int(to-from) {
		a.stop()
	}
	if a.mem == nil {
		a.mem = getScratch(int(to - from))
	}
	a.mem.p = a.mem.p[:to-from]
	a.offset = from
	if err := readFull(it.r.f, a.mem.p, from); err != nil {
		a.mem.p = a.mem.p[:0]
		return nil, err
	}
	return a.mem.p[h.offset-from:][:h.length], nil
}
