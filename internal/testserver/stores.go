package testserver

import (
	"path/filepath"
	"testing"

	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/repository/sqlite"
)

// Set is one of the two sets of stores that the service runs on.
type Set struct {
	Name string
	// Open returns an empty, migrated set, which is closed with the test.
	Open func(t testing.TB) repository.Store
}

// Sets returns both sets: every rule that needs a store is tested on each. With
// LATCHKEY_TEST_QUICK=1 it returns SQLite alone.
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
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db.Store()
}

// PostgresRedisStore opens the set of a deployment on a new schema and prefix.
func PostgresRedisStore(t testing.TB) repository.Store {
	t.Helper()
	pg, err := postgres.Open(t.Context(), Postgres(t), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Close() })
	if _, err := pg.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	url, prefix := Redis(t)
	rd, err := redis.Open(url, redis.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rd.Close() })
	return rd.Store(pg.Store())
}
