// Package port carries rows between files and the database: import and export of csv, tsv and
// jsonl.
//
// # Formats
//
// csv is RFC 4180, read with care: fields may be quoted, a quote inside quotes is doubled, a
// quoted field may span lines and keeps its line ends as they are; a quote inside a field that
// does not begin with one means itself; a backslash means itself, so \N is the text \N. Lines end
// in LF or CRLF. Blank lines are skipped. A UTF-8 byte order mark at the start is skipped. Every
// row must have the columns of the first line, and must be UTF-8, as its value becomes JSON.
//
// tsv is the same with a tab for the comma, as DuckDB, pandas, spreadsheets and Python's excel-tab
// do it, so that a tab or a line end in a field survives. Files in which quotes mean nothing are
// read with ImportOptions.NoQuotes.
//
// jsonl is one JSON object a line; blank lines are skipped.
//
// # What becomes what
//
// A csv or tsv row becomes the value {"column":"text",...} in column order under a header, else
// ["text",...]. A jsonl object becomes the value it is, without blanks between its tokens; its
// numbers, escapes and order of fields stay as they were written. The key is one column's text,
// or with [KeyRow] the row's number: 20 digits from 00000000000000000001, so that keys sort as
// the rows stood. A number in a jsonl key field is its text.
//
// Export writes keys in ascending order. jsonl writes {"key":"text","value":"text"} a line, and
// for a key or value that is not UTF-8 the field key_b64 or value_b64 in standard base64 instead.
// Import of jsonl without a key field reads exactly this form back, so any database survives the
// way through jsonl. csv and tsv give the columns of the values back: a row of text fields is the
// same after import and export; the other JSON values appear as true, false, numbers as written,
// nothing for null, and JSON text for arrays and objects inside a row.
//
// # Promises
//
// Rows reach the [Sink] in batches of at most BatchRows rows and about BatchBytes bytes. An error
// in a row names its line; the batch being collected is given up and earlier ones stay. Memory is
// one row, one batch, and 16 bytes (some 40 with the table that holds them) for each distinct key,
// by which duplicates are counted: keys are told apart by their 128-bit xxh3 hash.
//
// The package is for cmd/middb only. It does no I/O but through the reader, writer and sink given.
package port
