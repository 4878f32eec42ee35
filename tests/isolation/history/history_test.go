package history

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCheck runs the histories in testdata. A line is a transaction,
//
//	T1 0-5 aborted: append x 1; read x [1]; scan a..z {x=[1] y=[2 3]}
//
// where the moments and how it ended may be left out. The command check prints the anomalies; its
// arguments realtime and aborted switch the options on.
func TestCheck(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "check" {
				d.Fatalf(t, "unknown command")
			}
			var txns []Txn
			for _, line := range strings.Split(d.Input, "\n") {
				txn, err := parseTxn(line)
				if err != nil {
					d.Fatalf(t, "%s: %v", line, err)
				}
				txns = append(txns, txn)
			}
			found := Check(txns, Options{RealTime: d.HasArg("realtime"), AbortedReads: d.HasArg("aborted")})
			if len(found) == 0 {
				return "nothing\n"
			}
			var b strings.Builder
			for _, a := range found {
				if a.Predicate {
					b.WriteString("with a phantom, ")
				}
				fmt.Fprintln(&b, a)
			}
			return b.String()
		})
	})
}

func parseTxn(line string) (Txn, error) {
	head, ops, _ := strings.Cut(line, ":")
	words := strings.Fields(head)
	txn := Txn{Name: words[0]}
	for _, w := range words[1:] {
		switch w {
		case "aborted":
			txn.Status = Aborted
		case "unknown":
			txn.Status = Unknown
		default:
			if _, err := fmt.Sscanf(w, "%d-%d", &txn.Begin, &txn.End); err != nil {
				return txn, err
			}
		}
	}
	for _, text := range strings.Split(ops, ";") {
		o, err := parseOp(strings.TrimSpace(text))
		if err != nil {
			return txn, fmt.Errorf("%s: %w", text, err)
		}
		txn.Ops = append(txn.Ops, o)
	}
	return txn, nil
}

func parseOp(text string) (Op, error) {
	words := strings.SplitN(text, " ", 3)
	if len(words) < 3 {
		return Op{}, fmt.Errorf("%d words", len(words))
	}
	switch words[0] {
	case "append":
		v, err := strconv.ParseInt(words[2], 10, 64)
		return Append(words[1], v), err
	case "read":
		list, err := parseList(words[2])
		return Read(words[1], list), err
	case "scan":
		lower, upper, _ := strings.Cut(words[1], "..")
		lists := map[string][]int64{}
		for _, found := range strings.SplitAfter(strings.Trim(words[2], "{}"), "]") {
			k, text, ok := strings.Cut(strings.TrimSpace(found), "=")
			if !ok {
				continue
			}
			list, err := parseList(text)
			if err != nil {
				return Op{}, err
			}
			lists[k] = list
		}
		return Scan(lower, upper, lists), nil
	}
	return Op{}, fmt.Errorf("unknown operation")
}

func parseList(text string) (list []int64, err error) {
	for _, w := range strings.Fields(strings.Trim(text, "[]")) {
		v, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// A history that was executed one by one is clean; so is one with aborted transactions between.
func TestSerialHistoriesAreClean(t *testing.T) {
	lists := map[string][]int64{}
	var txns []Txn
	for i := range int64(1000) {
		k := fmt.Sprintf("k%d", i*7919%11)
		txn := Txn{Name: fmt.Sprintf("T%d", i), Begin: 2 * i, End: 2*i + 1}
		txn.Ops = append(txn.Ops, Read(k, lists[k]), Append(k, i))
		seen := map[string][]int64{}
		for other, list := range lists {
			seen[other] = list
		}
		seen[k] = append(lists[k][:len(lists[k]):len(lists[k])], i)
		txn.Ops = append(txn.Ops, Scan("k", "l", seen))
		if i%5 == 0 {
			txn.Status = Aborted
		} else {
			lists[k] = seen[k]
		}
		txns = append(txns, txn)
	}
	for _, a := range Check(txns, Options{RealTime: true, AbortedReads: true}) {
		t.Error(a)
	}
}
