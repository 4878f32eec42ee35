// Package statistics finds out what ANALYZE keeps about a table: how many rows it has and, of each column, how many values
// are NULL, how many are different, how wide they are, which are the most common ones, how the others are spread, and
// whether the order of the values is that of the rows.
//
// A [Builder] is given all rows once, batch by batch. Rows, NULLs, widths and different values (HyperLogLog, with an error
// of about 1 %) are of all rows; all else is of a sample of 30,000 rows, which has each row with the same probability. Of a
// table with no more rows everything is exact. The sample depends on the seed only.
//
// It is called by package session. A Builder is for one goroutine; what it returns does not change.
//
// # Format
//
// [Encode] makes the bytes in which the catalog keeps statistics.
//
//	u8       1: the version of the format
//	f64      rows
//	uvarint  how many columns; of each:
//	         uvarint  id of the column
//	         f64      part of the rows that is NULL: 0 to 1
//	         f64      different values, without NULL
//	         f64      average bytes of a value
//	         f64      correlation: -1 to 1
//	         u8       kind of the values (see package catalog); 0: there are neither common values nor bounds
//	         u8       scale, 0 unless they are DECIMAL
//	         uvarint  how many common values; their frequencies, f64 each: 0 to 1, descending; and themselves
//	         uvarint  how many bounds of the histogram; and those, ascending
//
// A uvarint is as in encoding/binary, without bytes that could be left out. An f64 is the 8 bytes of a float64, little-endian.
// It is neither infinite nor NaN, and not negative but for correlations. Values are those of keys: as package key writes
// them, ascending, and none is NULL. All other bytes, and such as follow, are damage, which Decode reports as a
// *catalog.DamageError. A reader refuses other versions of the format.
//
// Two rows with a BIGINT column, whose id is 3, that has the values 5 and 7 in this order:
//
//	01 0000000000000040 01              version, 2 rows, 1 column
//	03 0000000000000000                 id, no NULLs
//	   0000000000000040                 2 different values
//	   0000000000002040                 of 8 bytes
//	   000000000000f03f                 correlation 1
//	   01 00 02                         BIGINT, no scale, 2 common values
//	      000000000000e03f 000000000000e03f  half of the rows each
//	      8105 8107
//	   00                               no bounds
package statistics
