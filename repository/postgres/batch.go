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

// sessionUser is a question for the user of a session, and its answer.
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
	// batches is how many may be under way at once: while one is lost in the network
	// another gets through. More would make them smaller.
	batches = 2
	// batchSize bounds how many questions share the fate of a connection.
	batchSize = 64
	// batchLimit is for a batch, with the wait for a connection, and for the wait for
	// its turn.
	batchLimit = 1250 * time.Millisecond
)

// newSessionUsers asks the questions that come at the same time in one trip.
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
		_ = results.Close() // each question has its error
		for _, q := range questions {
			if q.err != nil && !errors.Is(q.err, repository.ErrNotFound) && !errors.Is(q.err, repository.ErrUnavailable) {
				// One that Postgres does not understand spoils those after it.
				q.scan(pool.QueryRow(ctx, findUserOfSession, q.userID, q.sessionID))
			}
		}
	})
}

func (q *sessionUser) scan(row pgx.Row) { q.user, q.err = scanUser(row, &q.ended) }
