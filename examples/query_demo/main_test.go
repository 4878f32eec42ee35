package main

func Example() {
	main()
	// Output:
	// # what was earned, by album
	// Three Chords  11  109.89
	// Blue Nights  3  59.70
	// Stadium  2  28.00
	// Fast Fingers  1  24.50
	// # the best day of each month
	// 1  2026-01-15  6
	// 2  2026-02-20  4
	// # copies of a genre and of all below it
	// music  17
	// rock  13
	// punk  11
	// jazz  4
	// bebop  1
	// # a prepared statement
	// Fast Fingers costs 24.50
	// there is no album 9
	// # a transaction that fails
	// there are not enough copies
	// sold: 1
	// # a plan
	// Index Scan using album_pkey on album
	//   Index Cond: (album.id = 3)
}
