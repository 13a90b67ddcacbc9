package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bound gives every wait for a connection, and every query, a deadline of its
// own: the server enforces its statement timeout only as long as it runs. It
// hangs on the hooks of the driver for tracing, whose contexts the driver uses.
type bound struct {
	limit time.Duration
}

type boundKey struct{}

func (b *bound) start(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, b.limit)
	return context.WithValue(ctx, boundKey{}, cancel)
}

func end(ctx context.Context) {
	if cancel, ok := ctx.Value(boundKey{}).(context.CancelFunc); ok {
		cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (b *bound) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return b.start(ctx)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (b *bound) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { end(ctx) }

// TraceBatchStart implements pgx.BatchTracer.
func (b *bound) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return b.start(ctx)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (b *bound) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (b *bound) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { end(ctx) }

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (b *bound) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return b.start(ctx)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (b *bound) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	end(ctx)
}
