package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"latchkey/repository/batch"
)

// job is a part of a write transaction. SQLite has one writer, and what it waits for
// is the disk: those that wait for each other share a transaction. A job may run
// more than once, and leaves no trace where it fails.
type job struct {
	run      func(context.Context, *sql.Tx) error
	err      error
	panicked any
}

type group = batch.Batches[*job]

const (
	// groupSize bounds how much is undone, and done again, when one job fails.
	groupSize = 64
	// groupLimit is for all that is done for a group, the wait for another process
	// that writes included, and for the wait for its turn.
	groupLimit = 2500 * time.Millisecond
)

func newGroup(db *sql.DB, limit time.Duration) *group {
	return batch.New(1, groupSize, limit, func(ctx context.Context, jobs []*job) {
		err := transact(ctx, db, jobs)
		for i, j := range jobs {
			if j.err = err; err != nil && len(jobs) > 1 {
				j.err = transact(ctx, db, jobs[i:i+1]) // so that it has its own error, and nobody else's
			}
		}
	})
}

// transact runs jobs in one transaction: all of them, or none.
func transact(ctx context.Context, db *sql.DB, jobs []*job) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		// Without a deadline: the driver would start a goroutine for each statement.
		if err := j.try(context.WithoutCancel(ctx), tx); err != nil {
			_ = tx.Rollback() // the error of the job is the one that matters
			return err
		}
	}
	return tx.Commit()
}

// try keeps a panic for whoever waits for the job.
func (j *job) try(ctx context.Context, tx *sql.Tx) (err error) {
	defer func() {
		if j.panicked = recover(); j.panicked != nil {
			err = errors.New("a job panicked")
		}
	}()
	return j.run(ctx, tx)
}

// do runs a job in a transaction that others may be part of, and returns its error
// once it is committed, or undone.
func do(ctx context.Context, g *group, run func(context.Context, *sql.Tx) error) error {
	j := &job{run: run}
	if err := g.Do(ctx, j); err != nil {
		return err
	}
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}
