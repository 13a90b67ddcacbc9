package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
)

// The names of the counts. Refreshes are counted by outcome as well.
const (
	nRefreshes   = "refreshes accepted"
	nLogins      = "logins"
	nEnded       = "sessions ended, and acknowledged"
	nLost        = "answers lost on purpose"
	nRenewed     = "sessions renewed after 2 recoveries"
	nServer      = "answers 5xx"
	nLimited     = "answers 429"
	nTimeouts    = "no answer: timeout of the client"
	nBroken      = "no answer: connection error"
	nForced      = "forced logouts"
	nReuse       = "honest sessions ended by reuse"
	nBadServer   = "5xx not problem+json with Retry-After"
	nRefreshBack = "refresh tokens accepted after an acknowledged end"
	nAccessBack  = "access tokens accepted after an acknowledged end"
	nMeRefused   = "access tokens of a live session refused by /me"
	nStuck       = "clients without a refresh a minute after a fault"
	nStoreLost   = "logins lost with the store (allowed)"
	nOverBudget  = "sessions over the budget of recoveries (allowed)"
)

// mustBeZero are the counts that make a run fail.
var mustBeZero = []string{nForced, nReuse, nBadServer, nRefreshBack, nAccessBack, nMeRefused, nStuck}

// tally counts what the clients of a part saw.
type tally struct {
	mu      sync.Mutex
	n       map[string]int
	samples []string // of 5xx that break the rule
	thefts  []*theft
}

func newTally() *tally { return &tally{n: map[string]int{}} }

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[name]++
}

// badServer counts a 5xx that breaks the rule, and keeps the first few.
func (t *tally) badServer(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n[nBadServer]++
	if len(t.samples) < 8 {
		t.samples = append(t.samples, fmt.Sprintf(format, args...))
	}
}

func (t *tally) stolen(one *theft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.thefts = append(t.thefts, one)
}

// counts returns a copy.
func (t *tally) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.n)
}

// merge adds the counts of another tally.
func (t *tally) merge(other *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range other.counts() {
		t.n[name] += n
	}
	t.samples = append(t.samples, other.samples...)
	t.thefts = append(t.thefts, other.thefts...)
}

// broken reports whether a count that must be 0 is not.
func broken(n map[string]int) bool {
	for _, name := range mustBeZero {
		if n[name] > 0 {
			return true
		}
	}
	return false
}

// answer is what a client got for a request. Status 0: nothing.
type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    []byte
	err     error
	at      time.Time // when the request was made
	took    time.Duration
	problem struct{ Error, Retry string }
}

// later reports whether the protocol tells the client to wait and send the same again.
func (a answer) later() bool {
	return a.status == 0 || a.status >= 500 || a.status == http.StatusTooManyRequests
}

func (a answer) ok() bool { return a.status/100 == 2 }

// wait returns how long a client waits before it sends the same request again.
func (a answer) wait() time.Duration {
	d := time.Second
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && n > 0 {
		d = min(time.Duration(n)*time.Second, 10*time.Second)
	}
	return d + rand.N(d/4)
}

// transport is shared by all clients.
var transport = &http.Transport{MaxIdleConnsPerHost: 100, IdleConnTimeout: 30 * time.Second, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}

// call sends a request with a JSON body, or none, and reads the answer. It counts what
// must be counted of any client.
func (t *tally) call(ctx context.Context, timeout time.Duration, method, url string, header http.Header, body any) (a answer) {
	a.at = time.Now()
	defer func() { a.took = time.Since(a.at) }()
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // strings, which always encode
	}
	req, err := http.NewRequestWithContext(limited, method, url, bytes.NewReader(text))
	if err != nil {
		a.err = err
		return a
	}
	if header != nil {
		req.Header = header
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := transport.RoundTrip(req)
	if err == nil {
		a.body, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err != nil {
		if a.err = err; ctx.Err() == nil { // else the client itself has ended the call
			t.noAnswer(err)
		}
		return a
	}
	a.status, a.header, a.cookies = res.StatusCode, res.Header, res.Cookies()
	if !a.ok() {
		_ = json.Unmarshal(a.body, &a.problem)
	}
	t.check(a, method+" "+req.URL.Path)
	return a
}

func (t *tally) noAnswer(err error) {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		t.add(nTimeouts)
	} else {
		t.add(nBroken)
	}
}

// check holds an answer against the rule for 5xx.
func (t *tally) check(a answer, what string) {
	switch {
	case a.status == http.StatusTooManyRequests:
		t.add(nLimited)
	case a.status >= 500:
		t.add(nServer)
		kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
		if kind != "application/problem+json" || a.header.Get("Retry-After") == "" || a.problem.Error == "" {
			t.badServer("%s %s %s: %d, %q, Retry-After %q, replica %q: %.300s", a.at.Format(clockForm), what,
				a.took.Round(time.Millisecond), a.status, kind, a.header.Get("Retry-After"), a.header.Get(servers.ReplicaHeader), a.body)
		}
	}
}
