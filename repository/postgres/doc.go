// Package postgres is the database of a deployment: users, revocations and the
// audit log. The live refresh tokens are in repository/redis. Its files and
// functions bear the names of those in repository/sqlite.
//
// Every transition is one statement, or one batch, which the server runs as one
// transaction: it costs one round trip.
package postgres
