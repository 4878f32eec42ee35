package shell

import "testing"

func TestSQLIsToldFromCommands(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "put a 1": false, "get select": false, "selects": false, "nonsense": false, "# SELECT": false,
		"select 1": true, "SELECT*": true, "Values(1)": true, "with a as (select 1)": true, "(select 1)": true, "-- a comment": true,
		"/* a comment": true, ".tables": true, "set a = 1": true, "show all": true, "explain": true, "copy t from stdin;": true,
		"delete a": false, "delete from": false, "delete from t": true, "DELETE  FROM t": true, "delete a;": false,
		"drop users": false, "drop table": false, "drop table t": true, "drop INDEX i;": true, "drop sequence s": true,
		"begin": false, "begin serializable": false, "begin;": true, "BEGIN READ ONLY;": true, "commit": false, "commit ;": true,
		"rollback to 1": false, "rollback to s;": true, "savepoint": false, "savepoint a;": true, "end": false, "end;": true,
		"scan --prefix a;": false, "merge a counter 1": false, "batch": false, "use select": false,
	} {
		if got := isSQL(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
