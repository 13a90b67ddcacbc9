package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date and returns the names of what it
// applied. Several replicas may call it at once: they take turns by a session
// lock, so the URL must not lead through a pooler in transaction mode.
func (db *DB) Migrate(ctx context.Context) (applied []string, err error) {
	p, closeDB, err := db.provider()
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
// those that have been applied.
func (db *DB) Pending(ctx context.Context) (pending, applied []string, err error) {
	p, closeDB, err := db.provider()
	if err != nil {
		return nil, nil, err
	}
	defer closeDB()
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
func (db *DB) provider() (*goose.Provider, func(), error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	handle := openHandle(db.pool.Config().ConnConfig.Copy())
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files, goose.WithSessionLocker(schemaLock{}))
	if err != nil {
		_ = handle.Close()
		return nil, nil, err
	}
	return p, func() { _ = handle.Close() }, nil
}

func openHandle(cfg *pgx.ConnConfig) *sql.DB {
	delete(cfg.RuntimeParams, "statement_timeout")
	cfg.Tracer = nil
	return stdlib.OpenDB(*cfg)
}

// schemaLock lets one process at a time migrate a schema. Goose's own lock asks
// every 5 seconds, and is one for the whole database.
type schemaLock struct{}

const schemaLockKey = `hashtextextended('latchkey migrate ' || current_schema(), 0)`

// SessionLock waits for the lock, which the server drops with the connection.
func (schemaLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(`+schemaLockKey+`)`)
	return err
}

// SessionUnlock gives the lock back.
func (schemaLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock(`+schemaLockKey+`)`)
	return err
}
