// Package sqlite is the embedded store: one file that is both the database and
// the session store, for one machine and for trying the service out. Its files
// and functions bear the names of those in repository/postgres and
// repository/redis, so that a diff between them is a review tool.
//
// Writes go through one connection, reads through four; every write is one
// transaction that takes the write lock at its start.
package sqlite
