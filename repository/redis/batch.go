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
	// batches is how many pipelines may be under way at once: while one is lost in
	// the network another gets through. More would make them smaller.
	batches = 2
	// batchSize bounds how many calls share the fate of a connection.
	batchSize = 64
	// batchLimit is for a batch, with all that the driver tries, and for the wait for
	// its turn.
	batchLimit = time.Second
)

// newBatches sends the scripts that come at the same time in one pipeline: a write
// and a read for all of them, here and at the server.
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
		_, _ = p.Exec(ctx) // each command has its error
		for _, r := range runs {
			if redis.HasErrorPrefix(r.reply.Err(), "NOSCRIPT") { // the server was restarted or flushed
				r.reply = r.script.Eval(ctx, client, r.keys, r.args...)
			}
		}
	})
}

// runTogether runs a script, with others that come at the same time, if they go
// to the same server.
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
