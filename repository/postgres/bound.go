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

// bound gives every wait for a connection, and every query, a deadline of its
// own: the server enforces its statement timeout only as long as it runs. It
// hangs on the hooks of the driver for tracing, whose contexts the driver uses.
type bound struct {
	limit    time.Duration
	observe  repository.Observer // or nil
	readOnly func()              // is called when the server took no write: it is no primary any more
}

type boundKey struct{}

// call is one that is under way.
type call struct {
	cancel context.CancelFunc
	name   string
	begin  time.Time
}

func (b *bound) start(ctx context.Context, name string) context.Context {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	return context.WithValue(ctx, boundKey{}, call{cancel, name, time.Now()}) //nolint:forbidigo // how long it takes; no rule depends on it
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
		b.observe("postgres", c.name, time.Since(c.begin), repository.IfUnavailable(storeError(err))) //nolint:forbidigo // likewise
	}
}

// verb is the first word of a statement, out of those that we use.
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
