// Package postgres is the database of a deployment: users, revocations and the
// audit log. The live refresh tokens are in repository/redis. Its files and
// functions bear the names of those in repository/sqlite.
//
// Every transition is one statement, so it needs no transaction of its own and
// costs one round trip.
package postgres
