// Package crash breaks the disk under the whole engine, everywhere, and looks at what is left.
//
// One script makes a database do all that it does with files: be created, take writes of every
// durability, batches larger than a memtable, deletes and replacements, range deletes, merges, values that
// expire, transactions, keyspaces that come and go, flush, compact, replace its manifest, rotate and reuse log
// segments, close, open, recover. Its options are tiny, so that all of this happens in some hundred calls to
// the file system. A journal beside it knows which commits
// were begun, in which order, and which were acknowledged as durable. The sweeps:
//
//   - crash: the disk as a power loss or a kill would leave it before every mutating call, with
//     unsynced data lost, kept, and torn by several seeds; for a sample of these also before every
//     mutating call of the recovery from them. What is found must be the state after a prefix of the
//     commits, whole, with everything that was acknowledged; all files must verify; and the database
//     must go on from there.
//   - fault: every n-th call fails, once or from then on, with an I/O error, a full disk, a short write,
//     a failed sync that forgets. No wrong answer, no hang, no leak, nothing lost.
//   - damage: every byte of every file is changed, files are cut and removed. The right answer, or an
//     error that names the file and the offset.
//
// Tables have a script of their own, which goes through the same sweeps: rows with foreign keys and indexes in trees and in
// sstables, schemas that change, indexes that are made beside writers. Whatever happens, each index must agree with its
// table, indexes of both kinds with each other, and all of it with the model after a number of transactions. Damage is done to
// the pages of trees.
//
// The engine's actors run beside one another, so two runs of a script do not make the same calls in the
// same order. The crash sweep therefore takes all its clones during one run, from a hook that
// knows what was acknowledged at that moment. Seeds decide everything else; a failure prints its own.
//
// The environment steers: MIDDB_SEED sets the seed, MIDDB_NIGHTLY=1 sweeps more, MIDDB_KEEP=dir saves
// the files of a clone that failed for a look with the middb program.
package crash
