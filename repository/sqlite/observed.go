package sqlite

import (
	"context"
	"database/sql"
	"time"

	"latchkey/repository"
)

// pool is a set of connections that reports its calls to an observer.
type pool struct {
	*sql.DB
	observe repository.Observer // or nil
}

// time starts the timer of a call. The returned function reports the call.
func (p pool) time(call string) func(error) {
	begin := time.Now() //nolint:forbidigo // measures a duration; no rule depends on it
	return func(err error) {
		if p.observe != nil {
			p.observe("sqlite", call, time.Since(begin), repository.IfUnavailable(storeError(err))) //nolint:forbidigo // as above
		}
	}
}

// QueryContext calls the method of sql.DB and reports it.
func (p pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	done := p.time("read")
	rows, err := p.DB.QueryContext(ctx, query, args...)
	done(err)
	return rows, err
}

// QueryRowContext calls the method of sql.DB and reports it.
func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	done := p.time("read")
	row := p.DB.QueryRowContext(ctx, query, args...)
	done(row.Err())
	return row
}

// ExecContext calls the method of sql.DB and reports it.
func (p pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	done := p.time("write")
	res, err := p.DB.ExecContext(ctx, query, args...)
	done(err)
	return res, err
}
