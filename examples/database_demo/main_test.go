package main

func Example() {
	main()
	// Output:
	// no route from ZRH to BKK: an airport is not there
	// no route from ZRH to GRU: an airport is not there
	// refused by primary key: the value is there already and must be unique
	// refused by airports_iata_key: the value is there already and must be unique
	// refused by airports_check: the row does not satisfy a check
	// refused by routes_source_fkey: the foreign key does not hold
	// refused by routes_destination_fkey: the foreign key does not hold
	// in Switzerland: Geneva Cointrin International Airport
	// in Switzerland: Zürich Airport
	// below 1,000 feet: Paris, 392
	// below 1,000 feet: Frankfurt, 364
	// below 1,000 feet: Keflavik, 171
	// to Sydney from Dubai by Emirates
	// to Sydney from Dubai by Qantas
	// to Sydney from Tokyo by Qantas
	// to Sydney from Singapore by British Airways
	// to Sydney from Singapore by Qantas
	// to Sydney from Singapore by Singapore Airlines
	// airlines: 8 rows, version 1 of the schema
	// airports: 12 rows, version 2 of the schema
	// routes: 38 rows, version 1 of the schema
	// Geneva Cointrin International Airport: 1 runways
	// Zürich Airport: 3 runways
}
