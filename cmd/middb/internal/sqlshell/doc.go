// Package sqlshell runs SQL for people and scripts: statements that are typed, piped or in files, and dot commands such as
// .tables beside them. It prints what they give in one of several forms (Mode), and writes a database as SQL (Dump).
//
// A Shell is a session of the engine and how its answers look. A caller feeds it lines ([Shell.Take]), whole texts
// ([Shell.Run]) or streams ([Shell.Script]); a statement ends with a semicolon, a dot command with its line. Answers go to
// one writer, notices and times to another. Errors are returned as a [*Failure], which knows the line that is wrong.
//
// In scripts, lines of psql that begin with a backslash and CREATE and DROP DATABASE are passed over with a notice, so that files
// made for PostgreSQL can be loaded.
//
// The package is for cmd/middb only. A Shell is for one goroutine.
package sqlshell
