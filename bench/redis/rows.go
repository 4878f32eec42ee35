package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A mode is how durable writes are, of both servers alike.
type mode string

const (
	unsynced mode = "unsynced" // appendfsync everysec; nosync
	synced   mode = "synced"   // appendfsync always; sync
)

// A row is one comparison.
type row struct {
	name  string
	title string
	mode  mode
	// What redis-benchmark is told; without a command it is get.py that is run.
	command     string
	connections int
	depth       int     // of the pipeline
	goal        float64 // the least ratio of middb to Redis
}

// rows are the comparisons, with the goals of middb's specification.
var rows = []row{
	{"get-1", "GET, 1 connection", unsynced, "get", 1, 1, 0.8},
	{"get-50", "GET, 50 connections", unsynced, "get", 50, 1, 0.8},
	{"get-50x16", "GET, 50 connections, 16 deep", unsynced, "get", 50, 16, 0.8},
	{"set-50", "SET, 50 connections", unsynced, "set", 50, 1, 0.8},
	{"set-50x16", "SET, 50 connections, 16 deep", unsynced, "set", 50, 16, 0.8},
	{"sync-set-50", "SET synced, 50 connections", synced, "set", 50, 1, 1},
	{"sync-set-50x16", "SET synced, 50 connections, 16 deep", synced, "set", 50, 16, 1},
	{"python-get", "get from Python, 1 connection", unsynced, "", 1, 1, 1},
}

// arguments are those that redis-benchmark gets beside the address, the same for both servers.
func (r row) arguments(c config, requests int) []string {
	return []string{
		"-t", r.command, "-c", strconv.Itoa(r.connections), "-P", strconv.Itoa(r.depth), "-n", strconv.Itoa(requests),
		"-r", strconv.Itoa(c.keys), "-d", strconv.Itoa(c.valueBytes), "--csv",
	}
}

// selectRows returns the rows that a comma-separated list names; all of them if it is empty.
func selectRows(list string) ([]row, error) {
	if list == "" {
		return rows, nil
	}
	var found []row
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(rows, func(r row) bool { return r.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("--rows: no row %q; they are %s", name, rowNames())
		}
		found = append(found, rows[i])
	}
	return found, nil
}

func rowNames() string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.name
	}
	return strings.Join(names, ", ")
}
