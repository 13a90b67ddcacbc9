// Package repository is the contract between the rules and the stores: the
// records, one small interface per aggregate, and the errors a store may
// return. It imports the standard library only; the backends live in
// repository/postgres, repository/redis and repository/sqlite, and
// internal/storetest is the suite that each set of them must pass.
//
// Two stores share the work:
//
//	the database       users, revocations, audit: what must survive anything
//	the session store  the live refresh token of each session: what every
//	                   refresh reads and writes in one step
//
// In the embedded mode SQLite is both. The service goes through the same
// methods either way, so the gap between the two writes exists, and is
// tested, on both.
//
// # The promises of a store
//
//   - One method is one atomic transition, named for what it does. Either all
//     of it has happened or nothing.
//   - Absent, expired and revoked are ErrNotFound unless the method says
//     otherwise; a taken unique key is ErrExists; trouble reaching the store,
//     or a store that cannot write, is ErrUnavailable. Never (nil, nil). Test
//     with errors.Is.
//   - The caller's clock rules: methods that depend on time take it; no backend
//     reads a clock of its own. The TTL of a Redis key only collects garbage.
//   - Times are UTC and kept to the microsecond; those of a Session to the
//     millisecond.
//   - Safe for concurrent use, by any number of processes.
//   - Ending something twice is not an error.
package repository
