//go:build million

package directory_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/sqlite"
	"latchkey/service/directory"
)

// crowd is the number of users, of whom 1 in 1,000 has each rare state.
const crowd = 1_000_000

// The limits of one page.
const (
	firstPage = 5 * time.Millisecond
	anyPage   = 10 * time.Millisecond
)

// TestMillion measures the pages of every kind of query among a million users.
func TestMillion(t *testing.T) {
	for name, open := range map[string]func(*testing.T) repository.Users{"SQLite": sqliteCrowd, "Postgres": postgresCrowd} {
		t.Run(name, func(t *testing.T) {
			users := directory.New(open(t), nil, nil, false, nil, nil)
			newest := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add((crowd - 100) * time.Second)
			t.Logf("%-40s %10s %10s %10s", "query", "first", "pages", "90 %")
			for _, c := range []struct {
				name  string
				query directory.Query
			}{
				{"all", directory.Query{}},
				{"administrators", directory.Query{Privilege: ptr(2)}},
				{"users", directory.Query{Privilege: ptr(0)}},
				{"disabled", directory.Query{Disabled: ptr(true)}},
				{"disabled administrators", directory.Query{Privilege: ptr(2), Disabled: ptr(true)}},
				{"not verified", directory.Query{Verified: ptr(false)}},
				{"created lately", directory.Query{CreatedAfter: newest}},
				{"common prefix", directory.Query{Text: "user"}},
				{"common prefix, administrators", directory.Query{Text: "user", Privilege: ptr(2)}},
				{"common prefix, disabled administrators", directory.Query{Text: "user", Privilege: ptr(2), Disabled: ptr(true)}},
				{"common prefix, not verified", directory.Query{Text: "user", Verified: ptr(false)}},
				{"common prefix, created lately", directory.Query{Text: "user", CreatedAfter: newest}},
				{"one username", directory.Query{Text: "user999999"}},
				{"prefix of addresses", directory.Query{Text: "mail"}},
				{"one address", directory.Query{Text: "user777777@example.org"}},
				{"nothing", directory.Query{Text: "zzz"}},
			} {
				var first []time.Duration
				for range 21 {
					_, took := page(t, users, c.query)
					first = append(first, took)
				}
				slices.Sort(first)
				q := c.query
				var pages []time.Duration
				for range 40 {
					got, took := page(t, users, q)
					pages = append(pages, took)
					if q.Cursor = got.Cursor; q.Cursor == "" {
						break
					}
				}
				slices.Sort(pages)
				median, slow := first[len(first)/2], pages[len(pages)*9/10] // the slowest ones may wait for another process
				t.Logf("%-40s %10s %10d %10s", c.name, median.Round(10*time.Microsecond), len(pages), slow.Round(10*time.Microsecond))
				if c.query.Text != "" && !c.query.CreatedAfter.IsZero() {
					continue // no index has both
				}
				if median > firstPage || slow > anyPage {
					t.Errorf("%s: the first page takes %s (at most %s), the 90th percentile of all pages %s (at most %s)", c.name, median, firstPage, slow, anyPage)
				}
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func page(t *testing.T, users *directory.Service, q directory.Query) (directory.Page, time.Duration) {
	t.Helper()
	start := time.Now()
	got, err := users.List(t.Context(), q)
	took := time.Since(start)
	apptest.Must(t, err)
	return got, took
}

func sqliteCrowd(t *testing.T) repository.Users {
	path, ctx := filepath.Join(t.TempDir(), "latchkey.db"), context.Background()
	db, err := sqlite.Open(ctx, path, nil)
	apptest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Migrate(ctx)
	apptest.Must(t, err)
	raw, err := sql.Open("sqlite", path)
	apptest.Must(t, err)
	defer func() { _ = raw.Close() }()
	_, err = raw.ExecContext(ctx, fmt.Sprintf(`
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege, disabled, created_at, updated_at, email_verified_at)
		SELECT printf('%%08x-0000-7000-8000-000000000000', i), 'User' || i, 'user' || i, CASE WHEN i %% 10 = 9 THEN 'mail' ELSE 'user' END || i || '@example.org', CASE WHEN i %% 10 = 9 THEN 'mail' ELSE 'user' END || i || '@example.org', '',
			CASE WHEN i %% 1000 = 1 THEN 2 WHEN i %% 1000 = 2 THEN 1 ELSE 0 END, i %% 1000 = 3 OR i %% 100000 = 1,
			1767225600000000 + i * 1000000, 1767225600000000 + i * 1000000, CASE WHEN i %% 1000 = 4 THEN 0 ELSE 1767225600000000 END FROM n`, crowd-1))
	apptest.Must(t, err)
	return db
}

func postgresCrowd(t *testing.T) repository.Users {
	url, ctx := testserver.Postgres(t), context.Background()
	db, err := postgres.Open(ctx, url, postgres.Options{ConnectTimeout: time.Minute, StatementTimeout: time.Minute})
	apptest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Migrate(ctx)
	apptest.Must(t, err)
	raw, err := pgx.Connect(ctx, url)
	apptest.Must(t, err)
	defer func() { _ = raw.Close(ctx) }()
	_, err = raw.Exec(ctx, `
		INSERT INTO users (id, username, username_key, email, email_key, password_hash, privilege, disabled, created_at, updated_at, email_verified_at)
		SELECT (lpad(to_hex(i), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 'User' || i, 'user' || i, CASE WHEN i % 10 = 9 THEN 'mail' ELSE 'user' END || i || '@example.org', CASE WHEN i % 10 = 9 THEN 'mail' ELSE 'user' END || i || '@example.org', '',
			CASE WHEN i % 1000 = 1 THEN 2 WHEN i % 1000 = 2 THEN 1 ELSE 0 END, i % 1000 = 3 OR i % 100000 = 1,
			timestamptz '2026-01-01 00:00Z' + i * interval '1 second', timestamptz '2026-01-01 00:00Z' + i * interval '1 second',
			CASE WHEN i % 1000 = 4 THEN NULL ELSE timestamptz '2026-01-01 00:00Z' END FROM generate_series(0, $1::int - 1) i`, crowd)
	apptest.Must(t, err)
	_, err = raw.Exec(ctx, `ANALYZE users`)
	apptest.Must(t, err)
	return db
}
