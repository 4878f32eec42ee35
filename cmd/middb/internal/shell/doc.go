// Package shell runs middb's commands against a [Store]: typed at a prompt, read from a pipe, given
// with -c, or one at a time for the program's one-shot commands.
//
// A line is one command; package literal splits it into words. Blank lines and lines that begin
// with # do nothing. Answers go to standard output, one line for each entry, and are flushed
// before the next line is read, so that a program can hold a conversation through pipes. Errors
// go to standard error with the number of their line, and a script goes on with the next one.
//
// Between batch and end, writes are collected and answer nothing; end applies them all or
// none and answers OK. In a script a wrong line between them spoils the batch: end then refuses,
// because applying the rest would be neither all nor none. The end of the input inside a batch is
// an error and applies nothing.
//
// Between begin and commit, commands read and write in a transaction. What is said of batches holds for it, but
// each command answers, and a return to a savepoint before the wrong line undoes what that spoiled. A batch
// in a transaction is a savepoint.
//
// In a script, watch prints what was committed and then what is being committed, until the input goes on or
// ends. So a script that is a file never waits in it, and a program at the other end of a pipe ends it by
// saying the next thing.
//
// Where there is SQL, a line that begins as a statement does is SQL, and so are the lines behind it until a semicolon; isSQL says
// how it is told from a command. Lines that begin with a dot are commands of SQL. It has transactions of its own.
//
// On a terminal stats and levels are drawn as tables; elsewhere they are lines of tab-separated
// cells with plain numbers.
//
// The package is for cmd/middb only. A Session is for one goroutine.
package shell
