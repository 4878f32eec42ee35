package main

import (
	"strings"
	"testing"
)

func TestParseRefusesBadTables(t *testing.T) {
	const good = "1001\tPROTOCOL\tno\tProtocolError\ttext\thint\n"
	for _, test := range []struct{ name, table, want string }{
		{"a column is missing", "1001\tPROTOCOL\tno\tProtocolError\ttext\n", "5 columns"},
		{"no number", strings.Replace(good, "1001", "x", 1), "no code"},
		{"twice the same number", good + strings.NewReplacer("PROTOCOL", "B", "ProtocolError", "B2").Replace(good), "does not come after"},
		{"twice the same name", good + strings.Replace(good, "1001", "1002", 1), "used twice"},
		{"perhaps retryable", strings.Replace(good, "no", "perhaps", 1), "yes or no"},
	} {
		if _, err := parse([]byte(test.table)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	codes, err := parse([]byte("# comment\n\n" + good))
	if err != nil || len(codes) != 1 || goName(codes[0].Name) != "ErrProtocol" {
		t.Errorf("%v %v", codes, err)
	}
}
