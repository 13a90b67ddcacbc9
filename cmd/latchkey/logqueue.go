package main

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

// logQueue takes the lines of the log and writes them from one goroutine, so that a
// reader which stops reading holds no request up. What does not fit is dropped and
// counted; the count becomes a line once the reader reads again. A reader that has gone
// ends nothing.
type logQueue struct {
	w io.Writer

	mu      sync.Mutex
	lines   []byte // that wait
	count   int64  // how many they are
	lost    int64  // lines since the last report of them
	dropped int64  // lines ever
	report  *slog.Logger

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
}

// maxQueued bounds what waits to be written, in bytes.
const maxQueued = 1 << 20

// newLogQueue starts to write to w.
func newLogQueue(w io.Writer) *logQueue {
	q := &logQueue{w: w, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// reportTo says to which log, which writes to the queue, dropped lines are reported.
func (q *logQueue) reportTo(log *slog.Logger) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report = log
}

// Write implements io.Writer. It takes one line, never waits and never fails.
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

// flush writes what waits.
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
	if err != nil { // the reader has gone
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

// Close writes what waits, for at most so long: a reader that does not read must not
// keep the program.
func (q *logQueue) Close(limit time.Duration) {
	close(q.quit)
	select {
	case <-q.done:
	case <-time.After(limit):
	}
}
