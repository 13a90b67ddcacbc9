package await

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// Eventually polls until a condition holds, and fails the test on a timeout. It is for other
// processes, which offer no event to wait for.
func Eventually(t testing.TB, timeout time.Duration, what string, condition func() bool) {
	t.Helper()
	if !Poll(timeout, condition) {
		t.Fatalf("not within %s: %s", timeout, what)
	}
}

// Poll is Eventually for goroutines other than the goroutine of the test: it reports whether
// the condition held in time.
func Poll(timeout time.Duration, condition func() bool) bool {
	return NoError(timeout, func() error {
		if !condition() {
			return errors.New("not yet")
		}
		return nil
	}) == nil
}

// NoError calls try until it succeeds or the time is up.
func NoError(limit time.Duration, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Buffer collects the output of a program. It can be read while the program writes, and a test
// can wait for a text in it.
type Buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	written chan struct{} // closed by the next write; nil if no goroutine waits
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.written != nil {
		close(b.written)
		b.written = nil
	}
	return b.b.Write(p)
}

// String returns the output so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Await waits until the output contains a text, and fails the test after half a minute.
func (b *Buffer) Await(t testing.TB, text string) {
	t.Helper()
	b.AwaitTimes(t, text, 1)
}

// AwaitTimes is Await for a text that appears several times.
func (b *Buffer) AwaitTimes(t testing.TB, text string, times int) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		so, next := b.soFar()
		if strings.Count(so, text) >= times {
			return
		}
		select {
		case <-next:
		case <-timeout:
			t.Fatalf("%q was not written %d times:\n%s", text, times, so)
		}
	}
}

// soFar returns the output so far and a channel that the next write closes.
func (b *Buffer) soFar() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.written == nil {
		b.written = make(chan struct{})
	}
	return b.b.String(), b.written
}
