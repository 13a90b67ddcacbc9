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

// Migrate brings the schema up to date and returns the names of what it
// applied. Several replicas may call it at once: they take turns.
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
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

// Pending returns the names of the migrations that Migrate would apply, and of
// those that have been applied. It writes nothing, and waits for no lock.
func (db *DB) Pending(ctx context.Context) (pending, applied []string, err error) {
	var fresh bool
	if err := db.pool.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NULL`).Scan(&fresh); err != nil {
		return nil, nil, storeError(err)
	}
	p, closeDB, err := db.provider()
	if err != nil {
		return nil, nil, err
	}
	defer closeDB()
	if fresh { // goose would create its table
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

// provider opens a database/sql handle of its own: a migration may take longer
// than the statement timeout of the pool.
func (db *DB) provider(options ...goose.ProviderOption) (*goose.Provider, func(), error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	handle := db.openHandle(db.pool.Config().ConnConfig.Copy())
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files, options...)
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

// schemaLock lets one process at a time migrate a schema. A transaction of its own holds
// it, because a pooler may lead every transaction of a connection to another session.
// Processes that wait hold no transaction, so they do not keep server connections from
// the one that migrates.
type schemaLock struct{ tx *sql.Tx }

const tryLockEvery = 200 * time.Millisecond

// Lock takes the lock, which the server drops with the connection. It waits until the
// context ends: another process may have much to migrate.
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

// errNoSchema is of a search_path that leads nowhere.
var errNoSchema = errors.New("the schema that search_path names does not exist: CREATE SCHEMA, or correct database.url")

// Unlock gives the lock back.
func (l *schemaLock) Unlock(context.Context, *sql.DB) error { return l.tx.Rollback() }
