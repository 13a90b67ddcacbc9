package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"latchkey/repository"
	"latchkey/repository/batch"
)

// job is a part of a write transaction. SQLite has one writer, and what it waits for
// is the disk: those that wait for each other share a transaction. A job leaves no
// trace where it fails.
type job struct {
	run      func(context.Context, *sql.Tx) error
	err      error
	panicked any
}

type group = batch.Batches[*job]

const (
	// groupSize bounds how many share the fate of a transaction.
	groupSize = 64
	// groupLimit is for all that is done for a group, the wait for another process
	// that writes included, and for the wait for its turn.
	groupLimit = 2500 * time.Millisecond
)

func newGroup(db *sql.DB, limit time.Duration) *group {
	return batch.New(1, groupSize, limit, func(ctx context.Context, jobs []*job) {
		if err := transact(ctx, db, jobs); err != nil {
			for _, j := range jobs {
				j.err = err
			}
		}
	})
}

// transact runs jobs in one transaction. A job that fails is undone, and no other;
// an error is of the transaction, and everybody's.
func transact(ctx context.Context, db *sql.DB, jobs []*job) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// Without a deadline: the driver would start a goroutine for each statement.
	ctx = context.WithoutCancel(ctx)
	for _, j := range jobs {
		if err := j.within(ctx, tx); err != nil {
			_ = tx.Rollback() // what failed before that is what matters
			return err
		}
	}
	return tx.Commit()
}

// within runs a job in its part of a transaction. An error is that the transaction
// is over, as it is for want of the disk.
func (j *job) within(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = j.try(ctx, tx); j.err != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO job"); err != nil {
			return fmt.Errorf("%w: the transaction is over: %w", repository.ErrUnavailable, err)
		}
	}
	_, err := tx.ExecContext(ctx, "RELEASE job")
	return err
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
