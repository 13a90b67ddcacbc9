package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/repository"
)

// bound sets a deadline for every query and every wait for a connection. The statement
// timeout of the server is not enough, because it does not help if the server hangs. bound
// implements the tracing hooks of the driver, which uses the contexts that they return.
type bound struct {
	limit    time.Duration
	observe  repository.Observer // or nil
	readOnly func()              // called if the server is read-only, that is, no longer the primary
}

type boundKey struct{}

// call is a call in progress.
type call struct {
	cancel context.CancelFunc
	name   string
	begin  time.Time
}

func (b *bound) start(ctx context.Context, name string) context.Context {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	return context.WithValue(ctx, boundKey{}, call{cancel, name, time.Now()}) //nolint:forbidigo // measures a duration; no rule depends on it
}

func (b *bound) end(ctx context.Context, err error) {
	c, ok := ctx.Value(boundKey{}).(call)
	if !ok {
		return
	}
	c.cancel()
	if pe := (*pgconn.PgError)(nil); errors.As(err, &pe) && pe.Code == readOnly {
		b.readOnly()
	}
	if b.observe != nil {
		b.observe("postgres", c.name, time.Since(c.begin), repository.IfUnavailable(storeError(err))) //nolint:forbidigo // as above
	}
}

// verb returns the first word of a statement, or "other" if this package does not use it.
func verb(sql string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(sql, " \t\n"), " ")
	switch word = strings.ToLower(strings.TrimRight(word, ";")); word {
	case "select", "insert", "update", "delete", "with", "begin", "commit", "rollback":
		return word
	}
	return "other"
}

// TraceQueryStart implements pgx.QueryTracer.
func (b *bound) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	return b.start(ctx, verb(d.SQL))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (b *bound) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	b.end(ctx, d.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (b *bound) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return b.start(ctx, "batch")
}

// TraceBatchQuery implements pgx.BatchTracer.
func (b *bound) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (b *bound) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) {
	b.end(ctx, d.Err)
}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (b *bound) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return b.start(ctx, "connect")
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (b *bound) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, d pgxpool.TraceAcquireEndData) {
	b.end(ctx, d.Err)
}
