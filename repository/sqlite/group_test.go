package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/repository"
)

// numbers opens a file with a table for numbers.
func numbers(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "latchkey.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.write.ExecContext(t.Context(), `CREATE TABLE numbers (n INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	return db
}

func (db *DB) put(ctx context.Context, n int) error {
	return db.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO numbers VALUES (?)`, n)
		return err
	})
}

func (db *DB) has(t *testing.T, n int) bool {
	t.Helper()
	var found bool
	if err := db.read.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM numbers WHERE n = ?)`, n).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// held occupies the writer, so that further calls are queued until it is released.
func (db *DB) held(t *testing.T) (release func()) {
	t.Helper()
	begun, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- db.inTx(context.Background(), func(context.Context, *sql.Tx) error {
			close(begun)
			<-goOn
			return nil
		})
	}()
	<-begun
	return func() {
		close(goOn)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestGroup_QueuedJobsShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		release := db.held(t)
		var mu sync.Mutex
		transactions := map[*sql.Tx]int{}
		var all sync.WaitGroup
		for n := range groupSize {
			all.Go(func() {
				err := db.inTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					mu.Lock()
					transactions[tx]++
					mu.Unlock()
					_, err := tx.ExecContext(ctx, `INSERT INTO numbers VALUES (?)`, n)
					return err
				})
				if err != nil || !db.has(t, n) {
					t.Errorf("%d is not there when its job is done: %v", n, err)
				}
			})
		}
		synctest.Wait() // until the calls are queued
		release()
		all.Wait()
		if len(transactions) != 1 {
			t.Errorf("%d transactions: %v", len(transactions), transactions)
		}
	})
}

func TestGroup_FailedJobFailsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		own := errors.New("this one's own")
		release := db.held(t)
		var all sync.WaitGroup
		errs := make([]error, 20)
		for n := range errs {
			all.Go(func() {
				errs[n] = db.inTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					if _, err := tx.ExecContext(ctx, `INSERT INTO numbers VALUES (?)`, n/2*2); err != nil { // every second number exists already
						return err
					}
					if n == 4 || n == 5 {
						return own
					}
					return nil
				})
			})
		}
		synctest.Wait() // until the calls are queued
		release()
		all.Wait()
		for n := 0; n < len(errs); n += 2 {
			good := 0
			for _, err := range errs[n : n+2] {
				if err == nil {
					good++
				} else if errors.Is(err, own) != (n == 4) {
					t.Errorf("%d: %v", n, err)
				}
			}
			if n == 4 && (good != 0 || db.has(t, n)) || n != 4 && (good != 1 || !db.has(t, n)) {
				t.Errorf("%d: %d jobs went well, there: %v", n, good, db.has(t, n))
			}
		}
	})
}

func TestGroup_CancelledJobDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		release := db.held(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- db.put(ctx, 1) }()
		synctest.Wait() // until the calls are queued
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		release()
		if err := db.put(t.Context(), 2); err != nil || db.has(t, 1) || !db.has(t, 2) {
			t.Errorf("%v; 1 is there: %v", err, db.has(t, 1))
		}
	})
}

func TestGroup_PanicReachesOnlyItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		release := db.held(t)
		caught := make(chan any)
		go func() {
			defer func() { caught <- recover() }()
			_ = db.inTx(t.Context(), func(context.Context, *sql.Tx) error { panic("a bug") })
		}()
		other := make(chan error)
		go func() { other <- db.put(t.Context(), 1) }()
		synctest.Wait() // until the calls are queued
		release()
		if v := <-caught; fmt.Sprint(v) != "a bug" {
			t.Errorf("%v", v)
		}
		if err := <-other; err != nil || !db.has(t, 1) {
			t.Errorf("the other job: %v", err)
		}
		if err := db.put(t.Context(), 2); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

func TestGroup_LockedFileFailsAllCallsAtTheLimit(t *testing.T) {
	db := numbers(t)
	const limit = 100 * time.Millisecond
	db.group = newGroup(db.write.DB, limit)
	other, err := Open(t.Context(), db.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	release := other.held(t)
	var all sync.WaitGroup
	for n := range 30 {
		all.Go(func() {
			begun := time.Now()
			err := db.put(t.Context(), n)
			if took := time.Since(begun); !errors.Is(err, repository.ErrUnavailable) || took > 5*limit {
				t.Errorf("%v after %s", err, took)
			}
		})
	}
	all.Wait()
	release()
	if err := db.put(t.Context(), 100); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestGroup_FailedJobRerunsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		release := db.held(t)
		var runs atomic.Int64
		var all sync.WaitGroup
		for n := range groupSize {
			all.Go(func() {
				_ = db.inTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					runs.Add(1)
					if _, err := tx.ExecContext(ctx, `INSERT INTO numbers VALUES (?)`, n); err != nil || n%2 == 1 {
						return errors.Join(err, errors.New("every second one"))
					}
					return nil
				})
				if db.has(t, n) != (n%2 == 0) {
					t.Errorf("%d", n)
				}
			})
		}
		synctest.Wait() // until the calls are queued
		release()
		all.Wait()
		if runs.Load() != groupSize {
			t.Errorf("%d runs of %d jobs", runs.Load(), groupSize)
		}
	})
}

func TestGroup_FullDiskIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := numbers(t)
		if _, err := db.write.ExecContext(t.Context(), `CREATE TABLE blobs (n INTEGER PRIMARY KEY, b BLOB)`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.write.ExecContext(t.Context(), `PRAGMA max_page_count = 100`); err != nil {
			t.Fatal(err)
		}
		release := db.held(t)
		var all sync.WaitGroup
		for n := range groupSize {
			all.Go(func() {
				err := db.inTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					if n%3 == 0 {
						return sql.ErrNoRows
					}
					_, err := tx.ExecContext(ctx, `INSERT INTO blobs VALUES (?, zeroblob(10000))`, n)
					return err
				})
				var there bool
				if err := db.read.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM blobs WHERE n = ?)`, n).Scan(&there); err != nil {
					t.Error(err)
				}
				switch {
				case there != (err == nil):
					t.Errorf("%d is there: %v, %v", n, there, err)
				case n%3 != 0 && err != nil && !errors.Is(err, repository.ErrUnavailable):
					t.Errorf("%d: %v", n, err)
				}
			})
		}
		synctest.Wait() // until the calls are queued
		release()
		all.Wait()
	})
}
