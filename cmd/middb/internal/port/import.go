package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/key"
)

// A Format is a kind of file.
type Format uint8

// The formats.
const (
	CSV Format = iota
	TSV
	JSONL
)

// FormatNames lists the formats for help and messages.
const FormatNames = "csv, tsv or jsonl"

// ParseFormat returns the format of a name.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "csv":
		return CSV, nil
	case "tsv":
		return TSV, nil
	case "jsonl":
		return JSONL, nil
	default:
		return 0, fmt.Errorf("unknown format %q; it is %s", name, FormatNames)
	}
}

func (f Format) comma() byte {
	if f == TSV {
		return '\t'
	}
	return ','
}

// KeyRow as ImportOptions.Key makes the row number the key.
const KeyRow = ":row"

// ImportOptions say how to read a file.
type ImportOptions struct {
	Format Format
	// Key is the column or field that becomes the key: [KeyRow]; the name of a column of the
	// header, or of a field of jsonl objects; the number of a column from 1, unless a column has
	// that name. Empty, for jsonl only: the file was written by Export.
	Key      string
	NoHeader bool // csv, tsv: the first line is a row
	NoQuotes bool // csv, tsv: quotes mean themselves

	BatchRows  int // most rows in a batch; 0: 1,000
	BatchBytes int // a batch is full when its keys and values reach it; 0: 1 MiB

	// Progress, if set, is called after each batch with the rows committed so far.
	Progress func(rows int64)
}

// Check returns what is wrong with the options, as far as that shows without a file.
func (o ImportOptions) Check() error {
	if o.Format == JSONL {
		if o.NoHeader || o.NoQuotes {
			return errors.New("--no-header and --no-quotes are for csv and tsv")
		}
		return nil
	}
	if o.Key == "" {
		return fmt.Errorf("--key is missing: the name or number of a column, or %s", KeyRow)
	}
	n, err := strconv.Atoi(o.Key)
	if o.NoHeader && o.Key != KeyRow && (err != nil || n < 1) {
		return fmt.Errorf("--key %s: without a header the key is the number of a column, from 1, or %s", o.Key, KeyRow)
	}
	return nil
}

// A Sink takes entries in batches.
type Sink interface {
	// Put adds an entry to the batch. It copies key and value.
	Put(k, v []byte) error
	// Commit stores the batch, whole or not at all, and begins the next one. When it returns nil
	// the batch survives any crash.
	Commit() error
}

// A Report says what an import did. After an error, it says what was stored before it.
type Report struct {
	Rows       int64 // rows committed
	Duplicates int64 // rows among them whose key an earlier row had; the last row's value is kept
}

// A LineError is an error of one row.
type LineError struct {
	Line int // where the row starts, or the line in it that is wrong; from 1
	Err  error
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

func lineErrorf(line int, format string, args ...any) *LineError {
	return &LineError{Line: line, Err: fmt.Errorf(format, args...)}
}

// Import stores the rows of in in sink. It stops between rows when ctx ends. An error in a row is
// a *LineError; what was committed before stays.
func Import(ctx context.Context, in io.Reader, o ImportOptions, sink Sink) (Report, error) {
	if o.BatchRows == 0 {
		o.BatchRows = 1000
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 1 << 20
	}
	src, err := newSource(in, o)
	if err != nil {
		return Report{}, err
	}
	im := importer{o: o, sink: sink}
	if o.Key != KeyRow { // row numbers never repeat
		im.seen = make(map[xxh3.Uint128]struct{})
	}
	for {
		if err = ctx.Err(); err != nil {
			return im.done, err
		}
		r, err := src.next()
		if errors.Is(err, io.EOF) {
			err = im.commit()
			return im.done, err
		}
		if err == nil {
			err = im.add(r)
		}
		if err != nil {
			return im.done, err
		}
	}
}

// importer collects rows into batches.
type importer struct {
	o          ImportOptions
	sink       Sink
	seen       map[xxh3.Uint128]struct{} // hashes of the keys so far; nil if they cannot repeat
	done       Report
	rows       int // in the batch
	duplicates int
	bytes      int
}

func (im *importer) add(r row) error {
	switch {
	case len(r.key) == 0:
		return lineErrorf(r.line, "the key is empty")
	case len(r.key) > key.MaxKeyBytes:
		return lineErrorf(r.line, "the key has %d bytes; the longest has %d", len(r.key), key.MaxKeyBytes)
	case len(r.value) > key.MaxValueBytes:
		return lineErrorf(r.line, "the row is %d bytes of JSON; the longest value has %d", len(r.value), key.MaxValueBytes)
	}
	if err := im.sink.Put(r.key, r.value); err != nil {
		return &LineError{Line: r.line, Err: err}
	}
	if im.seen != nil {
		before := len(im.seen)
		im.seen[xxh3.Hash128(r.key)] = struct{}{}
		if len(im.seen) == before {
			im.duplicates++
		}
	}
	im.rows++
	im.bytes += len(r.key) + len(r.value)
	if im.rows < im.o.BatchRows && im.bytes < im.o.BatchBytes {
		return nil
	}
	return im.commit()
}

func (im *importer) commit() error {
	if im.rows == 0 {
		return nil
	}
	if err := im.sink.Commit(); err != nil {
		return fmt.Errorf("store a batch of %d rows after the first %d: %w", im.rows, im.done.Rows, err)
	}
	im.done.Rows += int64(im.rows)
	im.done.Duplicates += int64(im.duplicates)
	im.rows, im.duplicates, im.bytes = 0, 0, 0
	if im.o.Progress != nil {
		im.o.Progress(im.done.Rows)
	}
	return nil
}
