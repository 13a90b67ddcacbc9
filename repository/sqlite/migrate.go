package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date and returns the names of what it
// applied. Several processes may call it at once: they take turns.
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
	// Goose has no lock for SQLite, and the file itself cannot be held while
	// goose writes to it, so a second file is: the transaction on it is the
	// lock, and the system drops it with the process.
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
	for busy(err) && ctx.Err() == nil { // another process may have much to migrate
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

// Pending returns the names of the migrations that Migrate would apply, and of
// those that have been applied. It writes nothing.
func (db *DB) Pending(ctx context.Context) (pending, applied []string, err error) {
	p, err := provider(db.write.DB)
	if err != nil {
		return nil, nil, err
	}
	var versions int
	if err := db.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`).Scan(&versions); err != nil {
		return nil, nil, storeError(err)
	}
	if versions == 0 { // goose would create its table
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

func provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files)
}
