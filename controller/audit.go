package controller

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"latchkey/service/audit"
	"latchkey/service/session"
)

// auditBody is a record of the audit log.
type auditBody struct {
	ID        string  `json:"id"`
	At        isoTime `json:"at"`
	Event     string  `json:"event"`
	Outcome   string  `json:"outcome"`
	User      string  `json:"user,omitempty"`
	Actor     string  `json:"actor,omitempty"`
	Session   string  `json:"session,omitempty"`
	Client    string  `json:"client,omitempty"`
	Key       string  `json:"key,omitempty"`
	RequestID string  `json:"request,omitempty"`
	Address   string  `json:"address,omitempty"`
	Agent     string  `json:"agent,omitempty"`
}

func auditOf(a audit.Record) auditBody {
	return auditBody{
		ID: a.ID, At: iso(a.At), Event: string(a.Event), Outcome: a.Outcome, User: a.UserID, Actor: a.ActorID, Session: a.SessionID,
		Client: a.ClientID, Key: a.KeyID, RequestID: a.RequestID, Address: a.Address, Agent: a.Agent,
	}
}

type auditPageBody struct {
	Items  []auditBody `json:"items"`
	Cursor string      `json:"cursor,omitempty"`
}

// auditLog handles GET /api/audit. As JSON it returns a page, and as CSV or JSON lines all records from
// the cursor on, or as many as the limit.
func (s *server) auditLog(c *call, _ session.Live, _ empty) (reply, error) {
	q, err := auditQuery(c.r.URL)
	if err != nil {
		return reply{}, err
	}
	form := acceptedForm(c.r.Header)
	left := q.Limit
	if form != formJSON {
		q.Limit = audit.MaxLimit
		if left > 0 {
			q.Limit = min(left, audit.MaxLimit)
		}
	}
	page, err := s.Audit.List(c.ctx(), q)
	if err != nil {
		return reply{}, err
	}
	if form == formJSON {
		body := auditPageBody{Items: make([]auditBody, len(page.Records)), Cursor: page.Cursor}
		for i, a := range page.Records {
			body.Items[i] = auditOf(a)
		}
		return reply{body: body, header: map[string]string{"Vary": "Accept"}}, nil
	}
	return reply{mediaType: string(form), header: map[string]string{"Vary": "Accept"}, stream: func(w http.ResponseWriter) error {
		return s.streamAudit(c.ctx(), w, form, q, page, left)
	}}, nil
}

// auditQuery returns the query in a URL.
func auditQuery(u *url.URL) (q audit.Query, err error) {
	return q, parameters(u, map[string]parameter{
		"user":   textParameter(&q.UserID),
		"actor":  textParameter(&q.ActorID),
		"event":  textParameter(&q.Event),
		"since":  parsed(&q.Since, moment, notATime),
		"until":  parsed(&q.Until, moment, notATime),
		"limit":  parsed(&q.Limit, positive, "must be 1 or more"),
		"cursor": textParameter(&q.Cursor),
	})
}

// recordForm is the media type of the records in a response.
type recordForm string

const (
	formJSON  recordForm = "application/json"
	formLines recordForm = "application/jsonl"
	formCSV   recordForm = "text/csv; charset=utf-8"
)

// acceptedForm returns the first form in the header Accept that the route has; default JSON.
func acceptedForm(h http.Header) recordForm {
	for _, part := range strings.Split(strings.Join(h.Values("Accept"), ","), ",") {
		kind, _, _ := mime.ParseMediaType(part)
		switch kind {
		case "text/csv":
			return formCSV
		case "application/jsonl", "application/x-ndjson":
			return formLines
		case "application/json":
			return formJSON
		}
	}
	return formJSON
}

// streamAudit writes a page and the pages after it, at most left records (0: all). Each page has the time
// of a request, however long the stream is.
func (s *server) streamAudit(ctx context.Context, w http.ResponseWriter, form recordForm, q audit.Query, page audit.Page, left int) error {
	out := bufio.NewWriterSize(w, 1<<15)
	write := recordWriter(out, form)
	control := http.NewResponseController(w)
	for n := 0; ; {
		for _, a := range page.Records {
			if err := write(auditOf(a)); err != nil {
				return err
			}
		}
		n += len(page.Records)
		if q.Cursor = page.Cursor; q.Cursor == "" || n == left {
			return out.Flush()
		}
		if left > 0 {
			q.Limit = min(q.Limit, left-n)
		}
		_ = control.SetWriteDeadline(time.Now().Add(s.RequestTimeout)) //nolint:forbidigo // the deadline of a connection is in real time, whatever clock the service has
		next, err := s.nextAudit(ctx, q)
		if err != nil {
			return err
		}
		page = next
	}
}

func (s *server) nextAudit(ctx context.Context, q audit.Query) (audit.Page, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.RequestTimeout)
	defer cancel()
	return s.Audit.List(ctx, q)
}

// recordWriter returns a function that writes records in a form, as CSV after a line with their names.
func recordWriter(w io.Writer, form recordForm) func(auditBody) error {
	if form == formLines {
		lines := json.NewEncoder(w)
		return func(a auditBody) error { return lines.Encode(a) }
	}
	rows := csv.NewWriter(w)
	row := func(cells ...string) error {
		for i, cell := range cells {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cells[i] = "'" + cell // clients choose their names, and a spreadsheet would compute a formula
			}
		}
		err := rows.Write(cells)
		rows.Flush()
		return err
	}
	_ = row("id", "at", "event", "outcome", "user", "actor", "session", "client", "key", "request", "address", "agent") // into the buffer
	return func(a auditBody) error {
		return row(a.ID, string(a.At), a.Event, a.Outcome, a.User, a.Actor, a.Session, a.Client, a.Key, a.RequestID, a.Address, a.Agent)
	}
}
