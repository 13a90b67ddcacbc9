package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/repository"
	"latchkey/repository/sqlite"
)

func TestMigrate_ConcurrentCallsApplyEachMigrationOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	dbs := []*sqlite.DB{openFile(t, path), openFile(t, path), openFile(t, path)}
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

// TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease also demands that the file stays as
// it was, byte by byte, and that no other file appears.
func TestMigrate_RefusesADatabaseFromBeforeTheFirstRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	script, err := os.ReadFile(filepath.Join("testdata", "before_0.1.0.sql"))
	must(t, err)
	execFile(t, path, "PRAGMA journal_mode = WAL; "+string(script))
	before, err := os.ReadFile(path)
	must(t, err)

	dbs := []*sqlite.DB{openFile(t, path), openFile(t, path)}
	var all sync.WaitGroup
	for _, db := range dbs {
		all.Go(func() {
			_, err := db.Migrate(t.Context())
			refused(t, err)
			_, _, err = db.Pending(t.Context())
			refused(t, err)
		})
	}
	all.Wait()
	for _, db := range dbs {
		must(t, db.Close())
	}

	after, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
	if _, err := os.Stat(path + ".migrate"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock file exists: %v", err)
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "before 0.1.0") || !strings.Contains(err.Error(), "data.dir") ||
		errors.Is(err, repository.ErrUnavailable) {
		t.Errorf("%v, want a refusal", err)
	}
}

// TestMigrate_AcceptsADatabaseOfANewerVersion is needed to go back by one release.
func TestMigrate_AcceptsADatabaseOfANewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "latchkey.db")
	db := openFile(t, path)
	_, err := db.Migrate(t.Context())
	must(t, err)
	execFile(t, path, "INSERT INTO latchkey_migrations (version_id, is_applied) VALUES (99999, 1)")
	applied, err := db.Migrate(t.Context())
	if err != nil || len(applied) > 0 {
		t.Errorf("applied %v, %v", applied, err)
	}
	if pending, _, err := db.Pending(t.Context()); err != nil || len(pending) > 0 {
		t.Errorf("pending %v, %v", pending, err)
	}
}

func openFile(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, nil)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// execFile runs statements on a file, past the package.
func execFile(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.ExecContext(t.Context(), statements)
	must(t, errors.Join(err, db.Close()))
}
