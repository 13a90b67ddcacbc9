package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable records the applied migrations. Versions before 0.1.0 recorded theirs in
// goose_db_version, so the name of the table tells the two schemas apart.
const versionTable = "latchkey_migrations"

// errPreRelease is returned for a database with the schema of a version before 0.1.0.
var errPreRelease = errors.New("the database was created by a version before 0.1.0, and its schema cannot be upgraded; " +
	"nothing was changed: keep the database as a backup, and point database.url at an empty one")

// Migrate applies the pending migrations and returns their names. Concurrent calls, also of
// several replicas, run one after another. A database from before 0.1.0 is refused before
// anything is written.
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
	if _, err := db.migrated(ctx); err != nil {
		return nil, err
	}
	p, closeDB, err := db.provider(goose.WithLocker(&schemaLock{}))
	if err != nil {
		return nil, err
	}
	defer closeDB()
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", storeError(err))
	}
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}

// MigrationNeeds names what Migrate may wait for. Behind a pooler that is also its second
// connection: the first one holds the lock.
func (db *DB) MigrationNeeds() string {
	const needs = "the migration of another process"
	if db.sessions.own.Load() {
		return needs
	}
	return needs + ", or for a second server connection of the pooler (PgBouncer: set default_pool_size to 2 or more)"
}

// Pending returns the names of the migrations that Migrate would apply, and of those that
// are applied. It writes nothing and takes no lock. A database from before 0.1.0 is an
// error.
func (db *DB) Pending(ctx context.Context) (pending, applied []string, err error) {
	migrated, err := db.migrated(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, closeDB, err := db.provider()
	if err != nil {
		return nil, nil, err
	}
	defer closeDB()
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

// migrated reports whether a migration has run on the schema. It returns errPreRelease for
// a schema from before 0.1.0. Another replica that migrates at the same time cannot mislead
// it: since 0.1.0 no version creates goose_db_version.
func (db *DB) migrated(ctx context.Context) (bool, error) {
	var now, before bool
	err := db.pool.QueryRow(ctx, `
		WITH tables AS (SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema())
		SELECT EXISTS (SELECT 1 FROM tables WHERE name = $1),
			EXISTS (SELECT 1 FROM tables WHERE name = 'goose_db_version')
			AND EXISTS (SELECT 1 FROM tables WHERE name = 'revoked_sessions')`, versionTable).Scan(&now, &before)
	switch {
	case err != nil:
		return false, storeError(err)
	case !now && before:
		return false, errPreRelease
	}
	return now, nil
}

// provider opens a separate database/sql handle, because a migration may take longer than
// the statement timeout of the pool.
func (db *DB) provider(options ...goose.ProviderOption) (*goose.Provider, func(), error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	handle := db.openHandle(db.pool.Config().ConnConfig.Copy())
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files, append(options, goose.WithTableName(versionTable))...)
	if err != nil {
		_ = handle.Close()
		return nil, nil, err
	}
	return p, func() { _ = handle.Close() }, nil
}

func (db *DB) openHandle(cfg *pgx.ConnConfig) *sql.DB {
	cfg.Tracer = nil
	return stdlib.OpenDB(*cfg, stdlib.OptionBeforeConnect(db.sessions.before), stdlib.OptionAfterConnect(
		func(ctx context.Context, conn *pgx.Conn) error {
			if err := db.sessions.after(ctx, conn); err != nil || !db.sessions.own.Load() {
				return err
			}
			_, err := conn.Exec(ctx, `SET statement_timeout = 0`)
			return err
		}))
}

// schemaLock lets one process at a time migrate a schema. A transaction holds the lock, because
// behind a pooler each transaction may run in another session. Processes that wait hold no
// transaction, so that they leave the server connections to the process that migrates.
type schemaLock struct{ tx *sql.Tx }

const tryLockEvery = 200 * time.Millisecond

// Lock acquires the lock, which the server releases when the connection closes. It waits
// until the context ends, because the migrations of another process may take long.
func (l *schemaLock) Lock(ctx context.Context, handle *sql.DB) error {
	for {
		tx, err := handle.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		var locked, schema bool
		err = tx.QueryRowContext(ctx, `SELECT current_schema() IS NOT NULL,
			pg_try_advisory_xact_lock(hashtextextended('latchkey migrate ' || COALESCE(current_schema(), ''), 0)),
			set_config('idle_in_transaction_session_timeout', '0', true)`).Scan(&schema, &locked, new(string))
		if err == nil && !schema {
			err = errNoSchema
		}
		if err == nil && locked {
			l.tx = tx
			return nil
		}
		_ = tx.Rollback()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(tryLockEvery):
		}
	}
}

// errNoSchema is returned if no schema of the search_path exists.
var errNoSchema = errors.New("the schema in search_path does not exist: CREATE SCHEMA, or correct database.url")

// Unlock releases the lock.
func (l *schemaLock) Unlock(context.Context, *sql.DB) error { return l.tx.Rollback() }
