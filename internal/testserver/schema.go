package testserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"latchkey/repository/postgres"
)

// migratedPostgres returns the URL of a new, migrated schema. It sends the statements of the
// migrations in one message: under the race detector, Migrate takes longer than most tests.
func migratedPostgres(t testing.TB) string {
	t.Helper()
	skipIfQuick(t)
	needPostgres(t)
	script, err := migrationScript()
	if err != nil {
		t.Fatal(err)
	}
	return newSchema(t, script)
}

// migrationScript returns the statements of all migrations and of the table of versions.
var migrationScript = sync.OnceValues(func() (string, error) {
	base, err := sharedPostgres()
	if err != nil {
		return "", err
	}
	schema := "template_" + random()
	if err := execute(base, "CREATE SCHEMA "+schema); err != nil {
		return "", err
	}
	AtExit(func() { _ = execute(base, "DROP SCHEMA "+schema+" CASCADE") })
	url, err := inSchema(base, schema)
	if err != nil {
		return "", err
	}
	ctx := context.Background()
	db, err := postgres.Open(ctx, url, postgres.Options{})
	if err != nil {
		return "", err
	}
	applied, err := db.Migrate(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return "", err
	}
	_, here, _, _ := runtime.Caller(0)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(here), "..", "..", "repository", "postgres", "migrations", "*.sql"))
	if err != nil || len(files) != len(applied) {
		return "", fmt.Errorf("%d migrations of %d were found: %w", len(files), len(applied), err)
	}
	slices.Sort(files)
	var b strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		b.WriteString(up)
	}
	const versions = "latchkey_migrations"
	fmt.Fprintf(&b, "\nCREATE TABLE %[2]s (LIKE %[1]s.%[2]s INCLUDING ALL);\nINSERT INTO %[2]s OVERRIDING SYSTEM VALUE SELECT * FROM %[1]s.%[2]s;", schema, versions)
	return b.String(), nil
})
