package ast

import (
	"strings"
)

func (s *Begin) print(p *printer) {
	p.WriteString("BEGIN")
	s.Modes.print(p)
}

func (m *Modes) print(p *printer) {
	separator := " "
	mode := func(set bool, words string) {
		if set {
			p.WriteString(separator + words)
			separator = ", "
		}
	}
	mode(m.Isolation != DefaultIsolation, "ISOLATION LEVEL "+m.Isolation.String())
	mode(m.Access == ReadWrite, "READ WRITE")
	mode(m.Access == ReadOnly, "READ ONLY")
	mode(m.Deferrable, "DEFERRABLE")
}

func (s *Commit) print(p *printer) { p.WriteString("COMMIT") }

func (s *Rollback) print(p *printer) {
	p.WriteString("ROLLBACK")
	if s.To != nil {
		p.WriteString(" TO SAVEPOINT ")
		p.name(s.To.Name)
	}
}

func (s *Savepoint) print(p *printer) {
	p.WriteString("SAVEPOINT ")
	p.name(s.Name.Name)
}

func (s *Release) print(p *printer) {
	p.WriteString("RELEASE SAVEPOINT ")
	p.name(s.Name.Name)
}

func (s *SetTransaction) print(p *printer) {
	p.WriteString(map[bool]string{false: "SET TRANSACTION", true: "SET SESSION CHARACTERISTICS AS TRANSACTION"}[s.Session])
	s.Modes.print(p)
}

// setting prints the name of one, each of its parts in quotes that could be read as something else.
func (p *printer) setting(name string) {
	for i, part := range strings.Split(name, ".") {
		p.when(i > 0, ".")
		switch part {
		case "local", "session", "time", "transaction":
			p.WriteString(`"` + part + `"`)
		default:
			p.name(part)
		}
	}
}

func (s *Set) print(p *printer) {
	switch {
	case s.Name == "":
		p.WriteString("RESET ALL")
		return
	case s.Local:
		p.WriteString("SET LOCAL ")
	default:
		p.WriteString("SET ")
	}
	p.setting(s.Name)
	p.WriteString(" TO ")
	p.when(len(s.Values) == 0, "DEFAULT")
	for i, v := range s.Values {
		p.when(i > 0, ", ")
		p.text(v.Text)
	}
}

func (s *Show) print(p *printer) {
	p.WriteString("SHOW ")
	if s.Name == "" {
		p.WriteString("ALL")
		return
	}
	p.setting(s.Name)
}

func (s *Explain) print(p *printer) {
	p.WriteString("EXPLAIN ")
	separator := "("
	option := func(set bool, words string) {
		if set {
			p.WriteString(separator + words)
			separator = ", "
		}
	}
	option(s.Analyze, "ANALYZE")
	option(s.Verbose, "VERBOSE")
	option(s.NoCosts, "COSTS OFF")
	option(s.JSON, "FORMAT JSON")
	p.when(separator != "(", ") ")
	s.Statement.print(p)
}

func (s *Analyze) print(p *printer) {
	p.WriteString("ANALYZE")
	for i := range s.Tables {
		p.WriteString([2]string{" ", ", "}[min(i, 1)])
		s.Tables[i].Relation.print(p)
		p.when(len(s.Tables[i].Columns) > 0, " ")
		p.names(s.Tables[i].Columns)
	}
}
