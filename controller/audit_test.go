package controller_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/redis"
	"latchkey/service"
)

// lastPages calls a function before each read of the audit log. The function gets the number of the read.
type lastPages struct {
	repository.Audits
	before func(n int)
	n      int
}

func (a *lastPages) ListAudit(ctx context.Context, q repository.AuditQuery) ([]repository.AuditRecord, error) {
	a.n++
	a.before(a.n)
	return a.Audits.ListAudit(ctx, q)
}

// TestAuditStream_IsWholeOrCut reads more records than a page has, while records are added. Then it stops the
// database in the middle: the client must not take the part for the whole.
func TestAuditStream_IsWholeOrCut(t *testing.T) {
	server := testserver.StartPostgres(t)
	pg, err := postgres.Open(t.Context(), server.URL, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { _ = pg.Close() })
	_, err = pg.Migrate(t.Context())
	must(t, err)
	rd, err := redis.Open(testserver.StartRedis(t).URL, redis.Options{})
	must(t, err)
	t.Cleanup(func() { _ = rd.Close() })
	store := rd.Store(pg.Store())
	before := func(int) {}
	store.Audits = &lastPages{Audits: store.Audits, before: func(n int) { before(n) }}
	clock := newClock()
	i, err := start(t, store, clock)
	must(t, err)
	i.addPrivileged(t, "root", 2)
	root := i.logInAdmin(t, "root")
	const records = 1700
	for range records {
		_, err := store.Audits.AppendAudit(t.Context(), record(root.id, clock.Now()))
		must(t, err)
	}
	read := func() (lines int, err error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.public.String()+"/api/audit?event=code_issued", http.NoBody)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+root.access)
		req.Header.Set("Accept", "application/jsonl")
		res, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(retarget(req, i.address))
		must(t, err)
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
		lineReader := bufio.NewReader(res.Body)
		for {
			if _, err := lineReader.ReadString('\n'); err != nil {
				return lines, err
			}
			lines++
		}
	}
	before = func(int) {
		_, err := store.Audits.AppendAudit(t.Context(), record(root.id, clock.Now().Add(time.Second)))
		must(t, err)
	}
	if lines, err := read(); lines != records+1 || !errors.Is(err, io.EOF) { // the last record was added before the first page
		t.Errorf("%d lines, %v", lines, err)
	}
	store.Audits.(*lastPages).n = 0
	before = func(n int) {
		if n == 3 {
			server.Kill()
		}
	}
	if lines, err := read(); !errors.Is(err, io.ErrUnexpectedEOF) || lines >= records {
		t.Errorf("after the database was stopped: %d lines, %v", lines, err)
	}
}

func record(user string, at time.Time) repository.AuditRecord {
	return repository.AuditRecord{ID: service.NewID(), At: at, Event: repository.AuditCodeIssued, Outcome: "ok", UserID: user}
}

// retarget sends a request to an address, whatever its URL says.
func retarget(r *http.Request, address string) *http.Request {
	r.URL.Host = address
	return r
}
