// Package testserver starts real Postgres and Redis servers for tests, on free ports. They start
// once for a test process and stop with it. The package also opens the two sets of stores on them,
// as cmd does.
//
// Tests in one process are isolated: each has its own file on SQLite, its own schema on Postgres,
// and its own key prefix on Redis. With LATCHKEY_TEST_POSTGRES_URL and LATCHKEY_TEST_REDIS_URL the
// servers at those URLs are used instead. With LATCHKEY_TEST_QUICK=1 the tests that start servers
// are skipped, except in CI.
//
// A package that uses testserver calls Main from its TestMain.
package testserver
