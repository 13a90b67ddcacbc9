package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
)

func TestMigrate_ConcurrentCallsApplyEachMigrationOnce(t *testing.T) {
	url := testserver.Postgres(t)
	dbs := []*postgres.DB{open(t, url), open(t, url), open(t, url)}
	applied := make([][]string, len(dbs))
	var all sync.WaitGroup
	for i, db := range dbs {
		all.Go(func() {
			var err error
			if applied[i], err = db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	names := map[string]int{}
	for _, list := range applied {
		for _, name := range list {
			names[name]++
		}
	}
	if len(names) == 0 || names["00001_init.sql"] != 1 {
		t.Errorf("applied %v", names)
	}
	pending, done, err := dbs[0].Pending(t.Context())
	if err != nil || len(pending) > 0 || len(done) != len(names) {
		t.Errorf("pending %v, applied %v, %v", pending, done, err)
	}
}

// TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease also demands that tables, columns
// and rows stay as they were.
func TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease(t *testing.T) {
	url := testserver.Postgres(t)
	script, err := os.ReadFile(filepath.Join("testdata", "before_0.1.0.sql"))
	must(t, err)
	do(t, url, string(script))
	before := contents(t, url)

	var all sync.WaitGroup
	for range 2 {
		db := open(t, url)
		all.Go(func() {
			_, err := db.Migrate(t.Context())
			refused(t, err)
			_, _, err = db.Pending(t.Context())
			refused(t, err)
		})
	}
	all.Wait()
	if after := contents(t, url); after != before {
		t.Errorf("the schema has changed:\n%s\n%s", before, after)
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "before 0.1.0") || !strings.Contains(err.Error(), "database.url") ||
		errors.Is(err, repository.ErrUnavailable) {
		t.Errorf("%v, want a refusal", err)
	}
}

// contents lists the columns, indexes and rows of the schema that a URL names.
func contents(t *testing.T, url string) string {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var text string
	must(t, conn.QueryRow(ctx, `SELECT concat_ws(E'\n',
		(SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ', ' ORDER BY table_name, ordinal_position)
			FROM information_schema.columns WHERE table_schema = current_schema()),
		(SELECT string_agg(indexdef, ', ' ORDER BY indexdef) FROM pg_indexes WHERE schemaname = current_schema()),
		(SELECT string_agg(u::text, ', ') FROM users u),
		(SELECT string_agg(v::text, ', ' ORDER BY id) FROM goose_db_version v))`).Scan(&text))
	return text
}

// TestMigrate_AcceptsADatabaseOfANewerVersion is needed to go back by one release.
func TestMigrate_AcceptsADatabaseOfANewerVersion(t *testing.T) {
	url := testserver.Postgres(t)
	db := open(t, url)
	_, err := db.Migrate(t.Context())
	must(t, err)
	do(t, url, "INSERT INTO latchkey_migrations (version_id, is_applied) VALUES (99999, true)")
	applied, err := db.Migrate(t.Context())
	if err != nil || len(applied) > 0 {
		t.Errorf("applied %v, %v", applied, err)
	}
	if pending, _, err := db.Pending(t.Context()); err != nil || len(pending) > 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
}

// TestMigrate_AcceptsTheTableOfAnotherProgram that records its own migrations with goose.
func TestMigrate_AcceptsTheTableOfAnotherProgram(t *testing.T) {
	url := testserver.Postgres(t)
	do(t, url, "CREATE TABLE goose_db_version (id int, version_id int)")
	db := open(t, url)
	for _, want := range []int{3, 0} {
		if applied, err := db.Migrate(t.Context()); err != nil || len(applied) != want {
			t.Errorf("applied %v, %v; want %d", applied, err, want)
		}
	}
}
