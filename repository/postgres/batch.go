package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"latchkey/repository"
	"latchkey/repository/batch"
)

// sessionUser is a query for the user of a session, and its result.
type sessionUser struct {
	userID, sessionID string

	user  repository.User
	ended string
	err   error
}

const findUserOfSession = `
	SELECT ` + userColumns + `, COALESCE((SELECT r.reason FROM revoked_sessions r WHERE r.session_id = $2), '')
	FROM users u WHERE u.id = $1`

const (
	// batches is the largest number of concurrent batches. A second one can succeed while the
	// first hangs in the network.
	batches = 2
	// batchSize is the largest number of queries in a batch: they fail together.
	batchSize = 64
	// batchLimit is the time limit of a batch, including the wait for a connection. It
	// is also the longest time that a query is queued.
	batchLimit = 1250 * time.Millisecond
)

// newSessionUsers returns batches that send concurrent queries in one round trip.
func newSessionUsers(pool *pgxpool.Pool) *batch.Batches[*sessionUser] {
	return batch.New(batches, batchSize, batchLimit, func(ctx context.Context, questions []*sessionUser) {
		if len(questions) == 1 {
			questions[0].scan(pool.QueryRow(ctx, findUserOfSession, questions[0].userID, questions[0].sessionID))
			return
		}
		var b pgx.Batch
		for _, q := range questions {
			b.Queue(findUserOfSession, q.userID, q.sessionID)
		}
		results := pool.SendBatch(ctx, &b)
		for _, q := range questions {
			q.scan(results.QueryRow())
		}
		_ = results.Close() // each query has its own error
		for _, q := range questions {
			if q.err != nil && !errors.Is(q.err, repository.ErrNotFound) && !errors.Is(q.err, repository.ErrUnavailable) {
				// A query that Postgres rejects makes those after it in the batch fail.
				q.scan(pool.QueryRow(ctx, findUserOfSession, q.userID, q.sessionID))
			}
		}
	})
}

func (q *sessionUser) scan(row pgx.Row) { q.user, q.err = scanUser(row, &q.ended) }
