package repository_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestReleasedMigrations_AreNeverEdited compares the migrations with the SHA-256 sums of
// those that are part of a release. A migration that is not listed is not released, and may
// be edited. A release lists all migrations: in each of the two directories run
//
//	sha256sum *.sql > released.sum
//
// Version 0.1.0 is in preparation. Until its tag exists, 00001_init.sql may be edited and
// its sum written anew.
func TestReleasedMigrations_AreNeverEdited(t *testing.T) {
	for _, backend := range []string{"postgres", "sqlite"} {
		dir := filepath.Join(backend, "migrations")
		problems, err := editedMigrations(os.DirFS(dir))
		if err != nil {
			t.Error(err)
		}
		for _, problem := range problems {
			t.Errorf("repository/%s: %s. Released databases have already run it: restore the file, "+
				"and make the change in a new migration", filepath.ToSlash(dir), problem)
		}
	}
}

func TestEditedMigrations(t *testing.T) {
	sum := sha256.Sum256([]byte("a\n"))
	list := hex.EncodeToString(sum[:]) + "  00001_a.sql\n"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"as it was released": {fstest.MapFS{"00001_a.sql": {Data: []byte("a\n")}}, "[]"},
		"with CRLF":          {fstest.MapFS{"00001_a.sql": {Data: []byte("a\r\n")}}, "[]"},
		"with a new one":     {fstest.MapFS{"00001_a.sql": {Data: []byte("a\n")}, "00002_b.sql": {}}, "[]"},
		"edited":             {fstest.MapFS{"00001_a.sql": {Data: []byte("b\n")}}, "[00001_a.sql has changed]"},
		"deleted":            {fstest.MapFS{}, "[00001_a.sql is missing]"},
	} {
		c.files["released.sum"] = &fstest.MapFile{Data: []byte(list)}
		got, err := editedMigrations(c.files)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, %v; want %s", name, got, err, c.want)
		}
	}
}

// editedMigrations returns what is wrong with the files that released.sum lists, in the
// format of sha256sum. Line endings do not count, because Git may convert them.
func editedMigrations(dir fs.FS) (problems []string, err error) {
	list, err := fs.ReadFile(dir, "released.sum")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(list)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			return nil, fmt.Errorf("released.sum has the line %q", line)
		}
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			problems = append(problems, name+" is missing")
			continue
		}
		sum := sha256.Sum256([]byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
		if hex.EncodeToString(sum[:]) != want {
			problems = append(problems, name+" has changed")
		}
	}
	return problems, nil
}

// TestSchemas_HaveTheSameNames compares the columns of the tables that both backends have.
func TestSchemas_HaveTheSameNames(t *testing.T) {
	postgres, sqlite := columns(t, "postgres"), columns(t, "sqlite")
	if len(postgres) < 6 {
		t.Fatalf("found %v", postgres)
	}
	for table, want := range postgres {
		if got := sqlite[table]; !slices.Equal(got, want) {
			t.Errorf("table %s:\nSQLite   %v\nPostgres %v", table, got, want)
		}
	}
}

var (
	createTable = regexp.MustCompile(`(?s)CREATE TABLE (\w+) \(\n(.*?)\n\)`)
	column      = regexp.MustCompile(`(?m)^ {4}([a-z]\w*) `)
	addColumn   = regexp.MustCompile(`ALTER TABLE (\w+) ADD COLUMN (\w+) `)
)

// columns returns the names of the columns of each table, in the order of the migrations.
func columns(t *testing.T, backend string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(backend, "migrations", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "-- +goose Down")
		for _, table := range createTable.FindAllStringSubmatch(up, -1) {
			for _, c := range column.FindAllStringSubmatch(table[2], -1) {
				tables[table[1]] = append(tables[table[1]], c[1])
			}
		}
		for _, c := range addColumn.FindAllStringSubmatch(up, -1) {
			tables[c[1]] = append(tables[c[1]], c[2])
		}
	}
	return tables
}
