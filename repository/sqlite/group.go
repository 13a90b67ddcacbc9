package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// group lets the write transactions that wait for each other share one, and so one
// write to the disk: SQLite has one writer, and that is what it waits for.
type group struct {
	turn chan struct{} // whoever puts something into it writes, for all who wait

	mu      sync.Mutex
	waiting []*job
}

// job is a part of a transaction. It may run more than once, and leaves no trace
// where it fails.
type job struct {
	run      func(context.Context, *sql.Tx) error
	err      error // once it is done
	panicked any   // likewise
	done     chan struct{}
}

func newGroup() *group { return &group{turn: make(chan struct{}, 1)} }

const (
	// groupSize bounds how much is undone, and done again, when one job fails.
	groupSize = 64
	// groupTimeout bounds a transaction. It is nobody's request's: one that is
	// given up would take the others along.
	groupTimeout = 5 * time.Second
)

// do runs a job in a transaction that others may be part of, and returns its error
// once it is committed, or undone.
func (g *group) do(ctx context.Context, db *sql.DB, run func(context.Context, *sql.Tx) error) error {
	j := &job{run: run, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, j)
	g.mu.Unlock()
	for {
		select {
		case <-j.done:
			return j.result()
		case <-ctx.Done():
			if g.withdraw(j) {
				return ctx.Err()
			}
			<-j.done
			return j.result()
		case g.turn <- struct{}{}:
			g.write(db)
			<-g.turn
		}
	}
}

// withdraw takes back a job that nobody has begun.
func (g *group) withdraw(j *job) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, j)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	return i >= 0
}

// take takes those that wait, in their order.
func (g *group) take() []*job {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), groupSize)
	jobs := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return jobs
}

// write does what waits. Where that fails, each job is done by itself, so that it
// has its own error and nobody else's.
func (g *group) write(db *sql.DB) {
	jobs := g.take()
	err := transact(db, jobs)
	for i, j := range jobs {
		if err != nil && len(jobs) > 1 {
			j.err = transact(db, jobs[i:i+1])
		} else {
			j.err = err
		}
		close(j.done)
	}
}

// transact runs jobs in one transaction: all of them, or none.
func transact(db *sql.DB, jobs []*job) error {
	if len(jobs) == 0 {
		return nil // the one before has done them
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
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

func (j *job) result() error {
	if j.panicked != nil {
		panic(j.panicked)
	}
	return j.err
}
