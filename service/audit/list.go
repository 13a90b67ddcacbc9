package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
	"latchkey/service"
)

// Limits of the records on a page.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Query selects records. A zero field does not restrict the selection.
type Query struct {
	UserID  string // the user that the event is about
	ActorID string // the user who caused it, if another user
	Event   string
	Since   time.Time // no earlier than this
	Until   time.Time // earlier than this
	Limit   int       // 1 to MaxLimit; 0: DefaultLimit
	Cursor  string    // of the previous page
}

// Page is a part of the records that match a query, newest first.
type Page struct {
	Records []Record
	Cursor  string // of the next page, which has older records; empty: this is the last page
}

// List returns a page of records. It returns invalid_request with the fields concerned.
func (l *Log) List(ctx context.Context, q Query) (Page, error) {
	find, err := q.check()
	if err != nil {
		return Page{}, err
	}
	limit := find.Limit
	find.Limit++ // one more shows whether there is another page
	found, err := l.store.ListAudit(ctx, find)
	if err != nil {
		return Page{}, service.StoreFailure("read the audit log", err)
	}
	if len(found) <= limit {
		return Page{Records: found}, nil
	}
	return Page{Records: found[:limit], Cursor: encodeCursor(found[limit-1])}, nil
}

// check returns the query in the form of the store.
func (q Query) check() (repository.AuditQuery, error) {
	find := repository.AuditQuery{Event: repository.AuditEvent(q.Event), Since: q.Since, Until: q.Until, Limit: q.Limit}
	fields := map[string]string{}
	id := func(field, text string) string {
		if text == "" {
			return ""
		}
		parsed, err := uuid.Parse(text)
		if err != nil {
			fields[field] = "must be the ID of a user"
		}
		return parsed.String()
	}
	find.UserID, find.ActorID = id("user", q.UserID), id("actor", q.ActorID)
	if q.Event != "" && !slices.Contains(repository.AuditEvents(), find.Event) {
		fields["event"] = fmt.Sprintf("must be one of %v", repository.AuditEvents())
	}
	if q.Limit == 0 {
		find.Limit = DefaultLimit
	}
	if find.Limit < 1 || find.Limit > MaxLimit {
		fields["limit"] = "must be 1 to " + strconv.Itoa(MaxLimit)
	}
	if q.Cursor != "" {
		var ok bool
		if find.After, ok = decodeCursor(q.Cursor); !ok {
			fields["cursor"] = "is not from a page of this query: leave it out to start again"
		}
	}
	if len(fields) > 0 {
		return find, &service.Error{Code: service.CodeInvalidRequest, Message: "The query is invalid.", Fields: fields}
	}
	return find, nil
}

// A cursor is the time in microseconds since 1970, in base 36, a dot, and the ID of a record.
func encodeCursor(last Record) string {
	return strconv.FormatInt(last.At.UnixMicro(), 36) + "." + last.ID
}

func decodeCursor(text string) (last Record, ok bool) {
	const latest = 253402300800e6 // the year 10000, which the stores can compare with
	at, id, _ := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(at, 36, 64)
	if err != nil || micros < 0 || micros >= latest {
		return Record{}, false
	}
	parsed, err := uuid.Parse(id)
	return Record{At: time.UnixMicro(micros), ID: parsed.String()}, err == nil
}
