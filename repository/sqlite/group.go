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

// job is a part of a write transaction. SQLite has one writer, which spends its time waiting
// for the disk. So jobs that arrive during a transaction share the next one. A job that
// fails leaves no trace.
type job struct {
	run      func(context.Context, *sql.Tx) error
	err      error
	panicked any
}

type group = batch.Batches[*job]

const (
	// groupSize is the largest number of jobs in a transaction: they fail together.
	groupSize = 64
	// groupLimit is the time limit of a transaction, including the wait for another
	// process that writes. It is also the longest time that a job is queued.
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

// transact runs jobs in one transaction. A job that fails is rolled back alone. An error
// means that the transaction, and so every job, has failed.
func transact(ctx context.Context, db *sql.DB, jobs []*job) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// With a deadline the driver would start a goroutine for each statement.
	ctx = context.WithoutCancel(ctx)
	for _, j := range jobs {
		if err := j.within(ctx, tx); err != nil {
			_ = tx.Rollback() // the first error is the cause
			return err
		}
	}
	return tx.Commit()
}

// within runs a job in a savepoint. It returns an error if the transaction itself has
// failed, for example because the disk is full.
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

// try runs the job and keeps a panic for the caller of do.
func (j *job) try(ctx context.Context, tx *sql.Tx) (err error) {
	defer func() {
		if j.panicked = recover(); j.panicked != nil {
			err = errors.New("a job panicked")
		}
	}()
	return j.run(ctx, tx)
}

// do runs a job in a transaction that it may share with other jobs. It returns when the
// transaction is committed or rolled back.
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
