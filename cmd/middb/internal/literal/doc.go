// Package literal is how people write and read bytes at middb's command line.
//
// Input. A line of the shell is split into words by spaces and tabs. A word is one of
//
//	plain      the bytes as they stand; quotes and backslashes inside a word mean themselves
//	"quoted"   may hold spaces and escapes: \" \\ \' \n \r \t \0 \xNN \uNNNN
//	'quoted'   may hold spaces; everything up to the closing quote means itself
//	hex:00ff   bytes in hexadecimal
//	b64:AP8=   bytes in base64, standard alphabet, padded or not
//
// The prefixes hex: and b64: count at the start of a plain word only, so "hex:00" is seven
// characters of text. An argument of the operating system's shell is one plain word as given,
// spaces included: [Parse].
//
// Output. [Show] prints text as it is, and anything that holds an unprintable byte in the escaped
// form that fits between double quotes.
//
// The package is for cmd/middb only. It keeps no state and never panics on any input.
package literal
