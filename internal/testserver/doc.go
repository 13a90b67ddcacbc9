// Package testserver gives tests the real thing: a Postgres and a Redis server
// of their own on free ports, started once for a test process and stopped with
// it, and the two sets of stores opened on them as cmd opens them.
//
// Isolation inside a process: a file for each test on SQLite, a schema for each
// on Postgres, a key prefix for each on Redis. With LATCHKEY_TEST_POSTGRES_URL
// and LATCHKEY_TEST_REDIS_URL the servers at those URLs are used instead. With
// LATCHKEY_TEST_QUICK=1 the tests that start servers are skipped, except in CI.
//
// A package that uses it calls Main from its TestMain.
package testserver
