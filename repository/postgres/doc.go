// Package postgres implements the database of a deployment: users, revocations, the audit
// log, signing keys, OAuth clients and authorization codes. Sessions and their refresh tokens
// are in repository/redis. Files, functions, tables and columns have the same names as in
// repository/sqlite.
//
// Almost every transition is one statement, or one batch, which the server runs as one
// transaction in one round trip.
//
// # Migrations
//
// They follow the rules of package sqlite.
package postgres
