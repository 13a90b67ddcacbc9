package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"latchkey/repository/batch"
)

// shared are trips to the stores that concurrent requests share. It uses the batches of the
// service, so that the rest of the service is compared.
type shared struct {
	users *batch.Batches[*userQuery]
	runs  *batch.Batches[*scriptRun]
}

type userQuery struct {
	userID, sessionID string

	user user
	err  error
}

type scriptRun struct {
	keys []string
	args []any

	reply *redis.Cmd
}

// The limits of the service.
const (
	batches   = 2
	batchSize = 64
	batchTime = time.Second
)

func (f *floor) sharedTrips() *shared {
	return &shared{
		users: batch.New(batches, batchSize, batchTime, func(ctx context.Context, queries []*userQuery) {
			if len(queries) == 1 {
				queries[0].user, queries[0].err = f.user(ctx, queries[0].userID, queries[0].sessionID)
				return
			}
			var b pgx.Batch
			for _, q := range queries {
				b.Queue(findUser, q.userID, q.sessionID)
			}
			results := f.pool.SendBatch(ctx, &b)
			for _, q := range queries {
				q.user, q.err = scan(results.QueryRow())
			}
			_ = results.Close() // each query has its own error
		}),
		runs: batch.New(batches, batchSize, batchTime, func(ctx context.Context, runs []*scriptRun) {
			if len(runs) == 1 {
				runs[0].reply = f.run(ctx, runs[0].keys, runs[0].args)
				return
			}
			p := f.client.Pipeline()
			for _, r := range runs {
				r.reply = f.script.EvalSha(ctx, p, r.keys, r.args...)
			}
			_, _ = p.Exec(ctx) // each command has its own error
		}),
	}
}

func (s *shared) user(ctx context.Context, userID, sessionID string) (user, error) {
	q := &userQuery{userID: userID, sessionID: sessionID}
	if err := s.users.Do(ctx, q); err != nil {
		return user{}, err
	}
	return q.user, q.err
}

func (s *shared) run(ctx context.Context, keys []string, args []any) *redis.Cmd {
	r := &scriptRun{keys: keys, args: args}
	if err := s.runs.Do(ctx, r); err != nil {
		r.reply = redis.NewCmd(ctx)
		r.reply.SetErr(err)
	}
	return r.reply
}
