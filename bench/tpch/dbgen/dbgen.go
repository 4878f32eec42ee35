package dbgen

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// Tables are the names of the tables.
var Tables = []string{"region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"}

// The numbers of tables, for random streams.
const (
	partTable = iota + 1
	supplierTable
	partsuppTable
	customerTable
	orderTable
)

var (
	firstDay = time.Date(1992, 1, 1, 0, 0, 0, 0, time.UTC)
	lastDay  = time.Date(1998, 12, 31, 0, 0, 0, 0, time.UTC)
	today    = time.Date(1995, 6, 17, 0, 0, 0, 0, time.UTC)
)

// A Scale is how large the tables are.
type Scale struct{ parts, suppliers, customers, orders int }

// NewScale returns the sizes of a scale factor: 1 has 6 million rows of lineitem.
func NewScale(factor float64) Scale {
	n := func(base float64) int { return max(1, int(base*factor)) }
	return Scale{parts: n(200_000), suppliers: n(10_000), customers: n(150_000), orders: n(1_500_000)}
}

// Write writes all rows of a table.
func (s Scale) Write(table string, to io.Writer) error {
	w := bufio.NewWriter(to)
	switch table {
	case "region":
		for i, name := range []string{regions[0], regions[1], regions[2], regions[3], "MIDDLE EAST"} {
			r := newRandom(0, i)
			fmt.Fprintf(w, "%d|%s|%s\n", i, name, r.text(31, 115))
		}
	case "nation":
		for i, n := range nations {
			r := newRandom(0, 100+i)
			fmt.Fprintf(w, "%d|%s|%d|%s\n", i, n.name, n.region, r.text(31, 114))
		}
	case "part":
		for i := 1; i <= s.parts; i++ {
			part(w, i)
		}
	case "supplier":
		for i := 1; i <= s.suppliers; i++ {
			supplier(w, i)
		}
	case "partsupp":
		for i := 1; i <= s.parts; i++ {
			s.partsupp(w, i)
		}
	case "customer":
		for i := 1; i <= s.customers; i++ {
			customer(w, i)
		}
	case "orders", "lineitem":
		for i := range s.orders {
			s.order(w, i, table == "lineitem")
		}
	default:
		return fmt.Errorf("there is no table %q: %s", table, strings.Join(Tables, ", "))
	}
	return w.Flush()
}

// money prints cents.
func money(cents int) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}

// retail returns the price of a part, in cents.
func retail(part int) int { return 90_000 + part/10%20_001 + 100*(part%1_000) }

func part(w io.Writer, i int) {
	r := newRandom(partTable, i)
	var name [5]string
	for j := range name {
	again:
		name[j] = r.one(colors)
		for _, before := range name[:j] {
			if before == name[j] {
				goto again
			}
		}
	}
	maker := r.between(1, 5)
	fmt.Fprintf(w, "%d|%s|Manufacturer#%d|Brand#%d%d|%s %s %s|%d|%s %s|%s|%s\n", i, strings.Join(name[:], " "), maker, maker,
		r.between(1, 5), r.one(typeSizes), r.one(typeFinish), r.one(typeMetals), r.between(1, 50), r.one(boxSizes), r.one(boxes),
		money(retail(i)), r.text(5, 22))
}

func phone(r *random, nation int) string {
	return fmt.Sprintf("%d-%03d-%03d-%04d", nation+10, r.between(100, 999), r.between(100, 999), r.between(1000, 9999))
}

func supplier(w io.Writer, i int) {
	r := newRandom(supplierTable, i)
	nation := r.between(0, len(nations)-1)
	comment := r.text(25, 62)
	// Five of 10,000 suppliers have complaints, five are recommended.
	switch r.between(0, 1999) {
	case 0:
		comment += fmt.Sprintf(complaints, " "+r.one(adverbs)+" ")
	case 1:
		comment += fmt.Sprintf(recommended, " "+r.one(adverbs)+" ")
	}
	fmt.Fprintf(w, "%d|Supplier#%09d|%s|%d|%s|%s|%s\n", i, i, r.code(10, 38), nation, phone(&r, nation),
		money(r.between(-99_999, 999_999)), comment)
}

// supplierOf returns one of the four suppliers of a part.
func (s Scale) supplierOf(part, which int) int {
	return (part+which*(s.suppliers/4+(part-1)/s.suppliers))%s.suppliers + 1
}

func (s Scale) partsupp(w io.Writer, i int) {
	r := newRandom(partsuppTable, i)
	given := map[int]bool{}
	for which := range 4 {
		by := s.supplierOf(i, which)
		if given[by] { // only where there are next to no suppliers
			continue
		}
		given[by] = true
		fmt.Fprintf(w, "%d|%d|%d|%s|%s\n", i, by, r.between(1, 9999), money(r.between(100, 100_000)), r.text(49, 198))
	}
}

func customer(w io.Writer, i int) {
	r := newRandom(customerTable, i)
	nation := r.between(0, len(nations)-1)
	fmt.Fprintf(w, "%d|Customer#%09d|%s|%d|%s|%s|%s|%s\n", i, i, r.code(10, 38), nation, phone(&r, nation),
		money(r.between(-99_999, 999_999)), r.one(segments), r.text(29, 116))
}

// A line is a row of lineitem.
type line struct {
	part, supplier, quantity, price, discount, tax int // price in cents, discount and tax in hundredths
	ship, commit, receipt                          time.Time
}

// order writes an order, or its lines.
func (s Scale) order(w io.Writer, i int, lines bool) {
	r := newRandom(orderTable, i)
	orderKey := i/8*32 + i%8 + 1
	by := r.between(1, s.customers)
	for s.customers >= 3 && by%3 == 0 { // a third of the customers has no orders
		by = r.between(1, s.customers)
	}
	days := int(lastDay.Sub(firstDay).Hours()/24) - 151
	date := firstDay.AddDate(0, 0, r.between(0, days))
	total, shipped := 0, 0
	all := make([]line, r.between(1, 7))
	for j := range all {
		l := s.line(&r, date)
		all[j] = l
		total += l.price * (100 + l.tax) / 100 * (100 - l.discount) / 100
		if !l.ship.After(today) {
			shipped++
		}
	}
	if lines {
		for j := range all {
			all[j].write(w, &r, orderKey, j+1)
		}
		return
	}
	status := "P"
	switch shipped {
	case len(all):
		status = "F"
	case 0:
		status = "O"
	}
	comment := r.text(19, 78)
	if r.between(0, 99) == 0 { // one of a hundred has special requests
		comment = "special " + r.one(nouns) + " requests " + r.one(verbs)
	}
	fmt.Fprintf(w, "%d|%d|%s|%s|%s|%s|Clerk#%09d|0|%s\n", orderKey, by, status, money(total), date.Format(time.DateOnly),
		r.one(priorities), r.between(1, max(1, s.suppliers/10)), comment)
}

func (s Scale) line(r *random, ordered time.Time) line {
	l := line{part: r.between(1, s.parts), quantity: r.between(1, 50), discount: r.between(0, 10), tax: r.between(0, 8)}
	l.supplier = s.supplierOf(l.part, r.between(0, 3))
	l.price = l.quantity * retail(l.part)
	l.ship = ordered.AddDate(0, 0, r.between(1, 121))
	l.commit = ordered.AddDate(0, 0, r.between(30, 90))
	l.receipt = l.ship.AddDate(0, 0, r.between(1, 30))
	return l
}

func (l *line) write(w io.Writer, r *random, order, number int) {
	returned, status := "N", "O"
	if !l.receipt.After(today) {
		returned = r.one([]string{"R", "A"})
	}
	if !l.ship.After(today) {
		status = "F"
	}
	fmt.Fprintf(w, "%d|%d|%d|%d|%d|%s|0.%02d|0.%02d|%s|%s|%s|%s|%s|%s|%s|%s\n", order, l.part, l.supplier, number, l.quantity,
		money(l.price), l.discount, l.tax, returned, status, l.ship.Format(time.DateOnly), l.commit.Format(time.DateOnly),
		l.receipt.Format(time.DateOnly), r.one(instructs), r.one(modes), r.text(10, 43))
}
