// Package sqlite implements the embedded store: one file is both the database and the
// session store, for a single machine. Files, functions, tables and columns have the same
// names as in repository/postgres and repository/redis, so that a diff of the backends
// shows where they differ.
//
// One connection writes, four read. Each write is a transaction that takes the write lock
// when it begins. Concurrent writes share a transaction (group.go).
//
// # Migrations
//
// The schema is in migrations/, as numbered files that goose applies in order. Migrate runs
// them at start; there is no way back, so a release must work with the schema of the next
// one. A file that a release contains is never edited: released.sum lists it with its
// SHA-256 sum, and a test in package repository compares them. To change the schema, add a
// file. A release adds the new files to the list, in the format of sha256sum.
package sqlite
