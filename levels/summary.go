package levels

// A LevelSummary is what statistics show of one level.
type LevelSummary struct {
	Level   int
	Files   int
	Bytes   int64
	Entries int64
	Score   float64 // 1 is the target size; see Picker.Scores
	Running int     // compactions that take tables from the level
}

// A Summary is what statistics and back-pressure need of the tree.
type Summary struct {
	Levels       [NumLevels]LevelSummary
	BaseLevel    int   // the level that L0 is compacted into
	Debt         int64 // see Picker.Debt
	LiveVersions int   // Versions with references
	ObsoleteHeld int   // tables kept only for older Versions
}

// Summary describes the current Version.
func (s *Set) Summary(p *Picker) Summary {
	v := s.current
	out := Summary{
		BaseLevel:    p.BaseLevel(v),
		Debt:         p.Debt(v),
		LiveVersions: len(s.live),
		ObsoleteHeld: len(s.zombies),
	}
	scores := p.Scores(v, s.claims)
	for l, ts := range v.Levels {
		out.Levels[l] = LevelSummary{Level: l, Files: len(ts), Bytes: v.bytes[l], Score: scores[l]}
		for _, t := range ts {
			out.Levels[l].Entries += t.Entries
		}
	}
	for _, c := range s.claims {
		out.Levels[c.From()].Running++
	}
	return out
}
