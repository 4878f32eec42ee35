// Package token is the words of SQL: its keywords, as PostgreSQL classes them, and how names are written and quoted.
//
// Which keywords are reserved decides which names must be quoted, so parser and ast, which read and print SQL, both ask
// here. It is called by planner.
package token
