package main

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// logQueue accepts the lines of the log and writes them from one goroutine, so that a blocked
// reader of the log does not block requests. Lines that do not fit are dropped and counted.
// Once the reader reads again, the log reports the count. If the reader has exited, the program
// continues.
type logQueue struct {
	w io.Writer

	mu      sync.Mutex
	lines   []byte // waiting to be written
	count   int64  // number of waiting lines
	lost    int64  // lines dropped since the last report
	dropped int64  // lines dropped in total
	report  *slog.Logger

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
}

// maxQueued is the maximum size of the waiting lines, in bytes.
const maxQueued = 1 << 20

// newLogQueue returns a queue that writes to w.
func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{w: w, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// reportTo sets the log in which dropped lines are reported. That log writes to the queue.
func (q *logQueue) reportTo(log *slog.Logger) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report = log
}

// Write implements io.Writer. It accepts one line, never waits and never fails.
func (q *logQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	if len(q.lines)+len(line) > maxQueued {
		q.lost++
		q.dropped++
	} else {
		q.lines = append(q.lines, line...)
		q.count++
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// Dropped returns how many lines were dropped.
func (q *logQueue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *logQueue) run() {
	defer close(q.done)
	for {
		q.flush()
		select {
		case <-q.wake:
		case <-q.quit:
			q.flush()
			return
		}
	}
}

// flush writes the waiting lines.
func (q *logQueue) flush() {
	q.mu.Lock()
	lines, count := q.lines, q.count
	q.lines, q.count = nil, 0
	q.mu.Unlock()
	if count == 0 {
		return
	}
	_, err := q.w.Write(lines)
	q.mu.Lock()
	if err != nil { // the reader has exited
		q.lost += count
		q.dropped += count
	}
	lost, report := q.lost, q.report
	if err == nil {
		q.lost = 0
	}
	q.mu.Unlock()
	if err == nil && lost > 0 && report != nil {
		report.Warn("log lines dropped", "lines", lost)
	}
}

// Close writes the waiting lines, for at most limit: a blocked reader must not keep the program
// from exiting.
func (q *logQueue) Close(limit time.Duration) {
	close(q.quit)
	select {
	case <-q.done:
	case <-time.After(limit):
	}
}
