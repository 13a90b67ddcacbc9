// Package testserver gives tests real stores. It starts a Postgres and a Redis server on free
// ports, once for a test process, and stops them with the process. It opens the two sets of
// stores on them like the program does.
//
// Tests in one process are isolated by a file for each test on SQLite, a schema on Postgres,
// and a key prefix on Redis. With LATCHKEY_TEST_POSTGRES_URL and LATCHKEY_TEST_REDIS_URL the
// servers at those URLs are used instead. With LATCHKEY_TEST_QUICK=1 the tests that start
// servers are skipped; CI forbids this.
//
// A package that uses testserver calls Main from its TestMain.
package testserver
