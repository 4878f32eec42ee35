package opt

// Options say how a query may be optimized. The zero value is the default: everything is allowed.
type Options struct {
	NoRewrite bool // no rule is applied at all
	NoUnnest  bool // subqueries stay where they are
	NoReorder bool // tables are joined as they were written
	NoIndex   bool // tables are read from one end to the other, and no join looks rows up
	// Join and Aggregate force a method wherever it is possible, for tests and for people who know better.
	Join      JoinMethod
	Aggregate AggregateMethod
	Disabled  []string // names of rules that are left out
}

// A JoinMethod is how joins are computed.
type JoinMethod uint8

// The methods of joins.
const (
	AnyJoin     JoinMethod = iota // whatever is believed to be the fastest
	HashJoins                     // a hash table of one side
	MergeJoins                    // both sides sorted
	NestedLoops                   // each row with each
	IndexJoins                    // rows of the right side are looked up in a table
)

// String returns the word that settings have for the method.
func (m JoinMethod) String() string { return [...]string{"any", "hash", "merge", "loop", "index"}[m] }

// An AggregateMethod is how groups are found.
type AggregateMethod uint8

// The methods of aggregation. They are meant for DISTINCT too.
const (
	AnyAggregate AggregateMethod = iota
	HashAggregates
	SortAggregates
)

// String returns the word that settings have for the method.
func (m AggregateMethod) String() string { return [...]string{"any", "hash", "sort"}[m] }
