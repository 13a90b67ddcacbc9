package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/repository/batch"
)

// run is a call of a script.
type run struct {
	script *redis.Script
	keys   []string
	args   []any
	reply  *redis.Cmd
}

const (
	// batches is the largest number of concurrent pipelines. A second one can succeed while the
	// first hangs in the network.
	batches = 2
	// batchSize is the largest number of calls in a pipeline: they fail together.
	batchSize = 64
	// batchLimit is the time limit of a batch, including the retries of the driver. It is
	// also the longest time that a call is queued.
	batchLimit = time.Second
)

// newBatches returns batches that send concurrent calls in one pipeline: one write and one
// read for all of them, at the client and at the server.
func newBatches(client redis.UniversalClient) *batch.Batches[*run] {
	return batch.New(batches, batchSize, batchLimit, func(ctx context.Context, runs []*run) {
		if len(runs) == 1 {
			r := runs[0]
			r.reply = r.script.Run(ctx, client, r.keys, r.args...)
			return
		}
		p := client.Pipeline()
		for _, r := range runs {
			r.reply = r.script.EvalSha(ctx, p, r.keys, r.args...)
		}
		_, _ = p.Exec(ctx) // each command has its own error
		for _, r := range runs {
			if redis.HasErrorPrefix(r.reply.Err(), "NOSCRIPT") { // the server was restarted or flushed
				r.reply = r.script.Eval(ctx, client, r.keys, r.args...)
			}
		}
	})
}

// runTogether runs a script in a batch with concurrent calls. In a cluster it runs the script
// alone, because the calls may go to different servers.
func (db *DB) runTogether(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	if db.batches == nil {
		return script.Run(ctx, db.client, keys, args...)
	}
	r := &run{script: script, keys: keys, args: args}
	if err := db.batches.Do(ctx, r); err != nil {
		r.reply = redis.NewCmd(ctx)
		r.reply.SetErr(err)
	}
	return r.reply
}
