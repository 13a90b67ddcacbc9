// Package repository is the contract between the rules and the stores: the records, one small
// interface per aggregate, and the errors that a store returns. It imports only the standard
// library. The backends are repository/postgres, repository/redis and repository/sqlite.
// internal/storetest is the conformance suite for them.
//
// Two stores share the work:
//
//	the database       users, revocations, audit log: must survive any failure
//	the session store  the current refresh token of each session: read and written
//	                   in one step by every refresh
//
// In embedded mode SQLite is both. The service calls the same methods in both modes, so the
// gap between the two writes exists, and is tested, in both.
//
// The rules that a store must decide inside one transition are pure functions here:
// Session.Refresh decides a refresh request, including reuse of a refresh token, and LimitState
// decides how long an attempt is delayed. Lua scripts implement the same rules in Redis, and the
// conformance suite compares the two.
//
// # The promises of a store
//
//   - One method is one atomic transition, named for it. It happens completely or not at all.
//   - An absent, expired or revoked record is ErrNotFound unless the method says otherwise. A
//     taken unique key is ErrExists. A store that is unreachable or cannot write is
//     ErrUnavailable. No method returns (nil, nil). Test errors with errors.Is.
//   - The caller's clock decides: a method that depends on time takes the time, and no backend
//     reads its own clock. The TTL of a Redis key only collects garbage.
//   - Times are UTC with microsecond precision. Times of a Session have millisecond precision.
//   - Stores are safe for concurrent use by any number of processes.
//   - Ending something twice is not an error.
//
// # Migrations
//
// A migration that is part of a release is never edited; a test of this package compares it
// with its sum. To change the schema, add a file to the migrations of each backend that has
// the table. To release, run "sha256sum *.sql > released.sum" in both directories.
package repository
