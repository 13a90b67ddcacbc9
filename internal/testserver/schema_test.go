package testserver

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"latchkey/repository/postgres"
)

func TestMain(m *testing.M) { Main(m) }

// TestMigratedPostgres_IsWhatMigrateCreates compares the catalogs, and the versions that
// Migrate records.
func TestMigratedPostgres_IsWhatMigrateCreates(t *testing.T) {
	migrated, copied := Postgres(t), migratedPostgres(t)
	db, err := postgres.Open(t.Context(), migrated, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := catalogue(t, migrated)
	if diff := cmp.Diff(want, catalogue(t, copied)); diff != "" || len(want) < 50 {
		t.Errorf("%d columns, indexes and constraints:\n%s", len(want), diff)
	}
	again, err := postgres.Open(t.Context(), copied, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	if applied, err := again.Migrate(t.Context()); err != nil || len(applied) != 0 {
		t.Errorf("Migrate on the copy: %v, %v", applied, err)
	}
}

func catalogue(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `
		WITH own AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = current_schema())
		SELECT replace(text, current_schema(), '') AS line FROM (
			SELECT format('%s.%s %s %s %s', relname, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)) AS text
			FROM own JOIN pg_attribute a ON attrelid = own.oid LEFT JOIN pg_attrdef ON adrelid = own.oid AND adnum = attnum WHERE attnum > 0
			UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN own ON own.oid = indexrelid
			UNION ALL SELECT relname || pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN own ON own.oid = conrelid) AS all_of_it
		WHERE text NOT LIKE 'latchkey_migrations%' ORDER BY line`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
