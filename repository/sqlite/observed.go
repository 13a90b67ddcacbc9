package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

// pool is connections whose calls an observer is told of.
type pool struct {
	*sql.DB
	observe repository.Observer // or nil
}

// time tells of one call when it is over.
func (p pool) time(call string) func(error) {
	begin := time.Now() //nolint:forbidigo // how long it takes; no rule depends on it
	return func(err error) {
		if p.observe != nil {
			p.observe("sqlite", call, time.Since(begin), repository.IfUnavailable(storeError(err))) //nolint:forbidigo // likewise
		}
	}
}

// QueryContext is that of sql.DB.
func (p pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	done := p.time("read")
	rows, err := p.DB.QueryContext(ctx, query, args...)
	done(err)
	return rows, err
}

// QueryRowContext is that of sql.DB.
func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	done := p.time("read")
	row := p.DB.QueryRowContext(ctx, query, args...)
	done(row.Err())
	return row
}

// ExecContext is that of sql.DB.
func (p pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	done := p.time("write")
	res, err := p.DB.ExecContext(ctx, query, args...)
	done(err)
	return res, err
}
