package testserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/repository/sqlite"
)

// Set is one of the two sets of stores that the service runs on.
type Set struct {
	Name string
	// Open returns an empty, migrated set that is closed at the end of the test.
	Open func(t testing.TB) repository.Store
}

// Sets returns both sets: every rule that needs a store is tested on each. With
// LATCHKEY_TEST_QUICK=1 it returns only SQLite.
func Sets() []Set {
	sets := []Set{
		{"SQLite", SQLiteStore},
		{"PostgresRedis", PostgresRedisStore},
	}
	if quick() {
		return sets[:1]
	}
	return sets
}

// SQLiteStore opens the embedded set on a new file.
func SQLiteStore(t testing.TB) repository.Store {
	t.Helper()
	path := filepath.Join(MemoryDir(t), "latchkey.db")
	migrated, err := migratedSQLite()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, migrated, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Store()
}

// migratedSQLite returns the bytes of an empty, migrated file. Each test copies them, because
// under the race detector migrating takes longer than most tests.
var migratedSQLite = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp(memory(), "latchkey-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, ctx := filepath.Join(dir, "latchkey.db"), context.Background()
	db, err := sqlite.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	_, err = db.Migrate(ctx)
	if err := errors.Join(err, db.Close()); err != nil { // Close merges the write-ahead log
		return nil, err
	}
	return os.ReadFile(path)
})

// patience is the timeout of calls to stores that work: the default timeouts are for machines
// that run nothing else.
const patience = 30 * time.Second

// PostgresRedisStore opens the set of a deployment on a new schema and prefix.
func PostgresRedisStore(t testing.TB) repository.Store {
	t.Helper()
	pg, err := postgres.Open(t.Context(), migratedPostgres(t), postgres.Options{ConnectTimeout: patience, StatementTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close() })
	url, prefix := Redis(t)
	rd, err := redis.Open(url, redis.Options{Prefix: prefix, Timeout: patience, DialTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rd.Close() })
	return rd.Store(pg.Store())
}

// Versions returns the versions of the installed server programs, or "" for a program that is
// not installed.
func Versions() (postgres, redis string) {
	if bin := postgresBin(); bin != "" {
		postgres = versionOf(filepath.Join(bin, "postgres"))
	}
	return postgres, versionOf("redis-server")
}

func versionOf(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
