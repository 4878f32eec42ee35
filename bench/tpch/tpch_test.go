package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/bench/tpch/dbgen"
)

func TestRunMeasuresEveryQuery(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if code := newCommand().Run([]string{"--scale", "0.002", "--rounds", "1", "--dir", t.TempDir()}, &out, &diagnostics); code != 0 {
		t.Fatalf("exit code %d: %s", code, &diagnostics)
	}
	if n := strings.Count(out.String(), "query "); n != 22 {
		t.Errorf("%d queries:\n%s", n, &out)
	}
}

func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	var out, diagnostics bytes.Buffer
	if code := newCommand().Run([]string{"--scale", "0.001", "--generate", dir}, &out, &diagnostics); code != 0 || out.Len() > 0 {
		t.Fatalf("exit code %d: %s%s", code, &out, &diagnostics)
	}
	for _, table := range dbgen.Tables {
		if info, err := os.Stat(filepath.Join(dir, table+".tbl")); err != nil || info.Size() == 0 {
			t.Error(table, err)
		}
	}
}

func TestQueriesForSQLite(t *testing.T) {
	for from, want := range map[string]string{
		"x <= date '1998-12-01' - interval '90' day":  "x <= date('1998-12-01', '-90 day')",
		"extract(year from l_shipdate) = 1":           "cast(strftime('%Y', l_shipdate) as integer) = 1",
		"substring(c_phone from 1 for 2)":             "substr(c_phone, 1, 2)",
		"between date '1995-01-01' and date '1996-1'": "between '1995-01-01' and '1996-1'",
	} {
		if got := forSQLite(from); got != want {
			t.Errorf("%s: got %s", from, got)
		}
	}
}
