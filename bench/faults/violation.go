package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// violation is something that must not happen, with all that explains it.
type violation struct {
	kind    string
	part    string
	fault   string
	at      time.Time
	session *session
	detail  string
	audit   []string
}

func (v violation) print(w io.Writer) {
	fmt.Fprintf(w, "\n--- %s: %s, session %s; part %s, fault: %s; %s UTC; %s\n", v.kind, v.session.account.name, v.session.sid,
		v.part, v.fault, v.at.UTC().Format(clockForm), v.detail)
	for _, line := range v.session.history() {
		fmt.Fprintln(w, "   ", line)
	}
	fmt.Fprintln(w, "    audit records of the session:")
	for _, line := range v.audit {
		fmt.Fprintln(w, "     ", line)
	}
}

// violated counts a violation and keeps it for the report.
func (r *rig) violated(t *tally, kind string, s *session, detail string) {
	t.add(kind)
	v := violation{kind: kind, at: time.Now(), session: s, detail: detail}
	v.audit, _ = r.auditOf(s.sid)
	r.mu.Lock()
	defer r.mu.Unlock()
	v.part, v.fault = r.now.name, r.fault
	r.violations = append(r.violations, v)
}

// excused adds a time whose logins may be lost.
func (r *rig) excused(from, to time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.excuses = append(r.excuses, excuse{from, to})
}

func (r *rig) excusedAt(t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.excuses {
		if !t.Before(e.from) && !t.After(e.to) {
			return true
		}
	}
	return false
}

// forced judges a refusal that ended the session of an honest client. It waits until the
// audit records are there. Two cases are within the protocol: a login that the store has
// lost, and a session whose budget of recoveries was spent.
func (r *rig) forced(t *tally, s *session, a answer) {
	r.mu.Lock()
	fault := r.fault
	r.mu.Unlock()
	r.crowd().others.Go(func() {
		time.Sleep(1500 * time.Millisecond)
		audit, err := r.auditOf(s.sid)
		if err != nil {
			r.complain("audit records of a session: %v", err)
		}
		recovered, reused := 0, false
		for _, line := range audit {
			if strings.Contains(line, `"refresh_recovered"`) {
				recovered++
			}
			reused = reused || strings.Contains(line, `"refresh_reused"`)
		}
		switch {
		case a.problem.Error == "refresh_invalid" && r.excusedAt(s.born):
			t.add(nStoreLost)
			return
		case reused && recovered >= recoveriesAllowed:
			t.add(nOverBudget)
			return
		case reused:
			t.add(nReuse)
		}
		r.say("FORCED LOGOUT of %s (%s), fault: %s", s.account.name, a.problem.Error, fault)
		r.violated(t, nForced, s, fmt.Sprintf("answer %d %s", a.status, a.problem.Error))
	})
}

// auditOf returns the audit records of a session, as JSON.
func (r *rig) auditOf(sid string) ([]string, error) {
	if sid == "" { // the login itself was wrong
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, r.stores.Postgres.URL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	rows, err := c.Query(ctx, `SELECT row_to_json(a)::text FROM audit_log a WHERE session_id = $1 ORDER BY occurred_at`, sid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
