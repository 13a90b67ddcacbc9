package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable records the applied migrations. Versions before 0.1.0 recorded theirs in
// goose_db_version, so the name of the table tells the two schemas apart.
const versionTable = "latchkey_migrations"

// errPreRelease is returned for a database with the schema of a version before 0.1.0.
var errPreRelease = errors.New("the database was created by a version before 0.1.0, and its schema cannot be upgraded; " +
	"nothing was changed: keep the directory as a backup, and point data.dir at an empty one")

// Migrate applies the pending migrations and returns their names. Concurrent calls, also of
// several processes, run one after another. A database from before 0.1.0 is refused before
// anything is written.
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
	if _, err := db.migrated(ctx); err != nil {
		return nil, err
	}
	// Goose has no lock for SQLite, and the database itself cannot be locked while goose
	// writes to it. So a transaction on a second file is the lock. The operating system
	// releases it if the process dies.
	path := db.path + ".migrate"
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("the lock of the migrations: %w", err)
	}
	lock, err := open(path, 1)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	tx, err := lock.BeginTx(ctx, nil)
	for busy(err) && ctx.Err() == nil { // the migrations of another process may take long
		tx, err = lock.BeginTx(ctx, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for another process to migrate: %w", storeError(err))
	}
	defer func() { _ = tx.Rollback() }()

	p, err := provider(db.write.DB)
	if err != nil {
		return nil, err
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", storeError(err))
	}
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}

// MigrationNeeds names what Migrate may wait for.
func (db *DB) MigrationNeeds() string { return "the migration of another process" }

// Pending returns the names of the migrations that Migrate would apply, and of those that
// are applied. It writes nothing. A database from before 0.1.0 is an error.
func (db *DB) Pending(ctx context.Context) (pending, applied []string, err error) {
	migrated, err := db.migrated(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := provider(db.write.DB)
	if err != nil {
		return nil, nil, err
	}
	if !migrated { // goose would create its table
		for _, source := range p.ListSources() {
			pending = append(pending, source.Path)
		}
		return pending, nil, nil
	}
	all, err := p.Status(ctx)
	if err != nil {
		return nil, nil, storeError(err)
	}
	for _, s := range all {
		if s.State == goose.StateApplied {
			applied = append(applied, s.Source.Path)
		} else {
			pending = append(pending, s.Source.Path)
		}
	}
	return pending, applied, nil
}

// migrated reports whether a migration has run on the database. It returns errPreRelease
// for a schema from before 0.1.0. Another process that migrates at the same time cannot
// mislead it: since 0.1.0 no version creates goose_db_version.
func (db *DB) migrated(ctx context.Context) (bool, error) {
	var now, before bool
	err := db.read.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1),
		EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'goose_db_version')
			AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'revoked_sessions')`, versionTable).Scan(&now, &before)
	switch {
	case err != nil:
		return false, storeError(err)
	case !now && before:
		return false, errPreRelease
	}
	return now, nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName(versionTable))
}
