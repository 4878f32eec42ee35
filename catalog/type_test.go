package catalog

import (
	"errors"
	"strings"
	"testing"
)

func TestParseType(t *testing.T) {
	for want, names := range map[string]string{
		"BIGINT":           "INT; integer; BigInt; SMALLINT; int2; int4; int8; tinyint",
		"DOUBLE PRECISION": "double precision; DOUBLE\n PRECISION; real; float; FLOAT(24); double; float8",
		"DECIMAL(10,2)":    "decimal(10,2); NUMERIC ( 10 , 2 ); dec(10, 2)",
		"DECIMAL(10,0)":    "decimal(10)",
		"DECIMAL(18,6)":    "decimal; numeric",
		"BOOLEAN":          "bool; BOOLEAN",
		"TEXT":             "text; varchar; character varying; string",
		"VARCHAR(20)":      "varchar(20); CHARACTER VARYING(20); char(20); character ( 20 )",
		"VARCHAR(1)":       "char; CHARACTER",
		"BYTEA":            "bytea; BLOB; bytes",
		"DATE":             "date",
		"TIMESTAMPTZ":      "timestamp; timestamptz; TIMESTAMP WITH TIME ZONE; timestamp(3) with time zone; datetime; timestamp without time zone",
		"UUID":             "uuid",
		"JSON":             "json; JSONB",
	} {
		for name := range strings.SplitSeq(names+"; "+want, "; ") {
			if typ, err := ParseType(name); err != nil || typ.String() != want {
				t.Errorf("%s: %s, %v, want %s", name, typ, err, want)
			}
		}
	}
	for _, name := range []string{
		"", "integr", "varchar(", "varchar(x)", "varchar(0)", "varchar(-1)", "varchar(99999999)", "decimal(19)", "decimal(0)",
		"decimal(4,5)", "decimal(300)", "decimal(4,2,1)", "int(4)", "text(3)", "timestamp(7)", "uuid(1)", "char(99999999999)",
	} {
		if typ, err := ParseType(name); !errors.Is(err, ErrSchema) || !strings.Contains(err.Error(), `type "`+name) {
			t.Errorf("%s: %s, %v", name, typ, err)
		}
	}
}

func TestWideningTypes(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"VARCHAR(5)", "VARCHAR(6)", true},
		{"VARCHAR(5)", "TEXT", true},
		{"VARCHAR(5)", "VARCHAR(4)", false},
		{"TEXT", "VARCHAR(9)", false},
		{"DECIMAL(4,2)", "DECIMAL(5,2)", true},
		{"DECIMAL(4,2)", "DECIMAL(5,3)", true},
		{"DECIMAL(4,2)", "DECIMAL(4,3)", false},
		{"DECIMAL(4,2)", "DECIMAL(9,1)", false},
		{"DECIMAL(4,2)", "DOUBLE", true},
		{"BIGINT", "DECIMAL(4,2)", true},
		{"BIGINT", "DOUBLE", true},
		{"DOUBLE", "BIGINT", false},
		{"DECIMAL(4,0)", "BIGINT", false},
		{"BOOL", "BIGINT", false},
		{"BIGINT", "TEXT", false},
		{"DATE", "TIMESTAMP", false},
		{"JSON", "TEXT", false},
		{"UUID", "UUID", true},
	} {
		from, err := ParseType(c.from)
		to, err2 := ParseType(c.to)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if to.widens(from) != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, !c.want)
		}
	}
}
