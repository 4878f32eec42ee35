// Package sstable writes and reads the sorted files in which middb keeps most of its data.
package sstable
