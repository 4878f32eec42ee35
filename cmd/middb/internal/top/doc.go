// Package top shows what a server does: on a terminal as a view that is drawn anew every so often, elsewhere as
// one text after the other.
//
// [Screen.Draw] makes a text of two wire.Stats and does nothing else. [Run] asks for them, and owns the terminal
// while it runs.
package top
