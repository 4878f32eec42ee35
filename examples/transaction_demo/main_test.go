package main

func Example() {
	main()
	// Output:
	// # ten transfers at once
	// ada has 50, bob has 150
	// # a savepoint
	// ada does not have 500: what bob got is taken back, and the 10 stay
	// ada has 60, bob has 140
	// # two withdrawals at once, snapshot
	// eve-1 has -30, eve-2 has -30
	// # two withdrawals at once, serializable
	// number 2 is refused, and would see now that there is too little
	// eve-1 has -30, eve-2 has 50
}
