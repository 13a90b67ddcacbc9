package directory

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
)

// Limits of the users on a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// maxText limits the text of a search, in bytes: the longest email address.
const maxText = 254

// Query selects users. A nil or zero field does not restrict the selection.
type Query struct {
	// Text is the start of a username or of an email address, in any case. With it the users are
	// in alphabetical order; without it the newest is first.
	Text         string
	Privilege    *int
	Disabled     *bool
	Verified     *bool
	CreatedAfter time.Time // no earlier than this
	Limit        int       // 1 to MaxLimit; 0: DefaultLimit
	Cursor       string    // of the previous page
}

// Page is a part of the users that match a query.
type Page struct {
	Users  []User
	Cursor string // of the next page, also if this page has fewer users than the limit; empty: the last page
}

// List returns a page of users. A user who exists during the whole reading is on exactly one page. It
// returns invalid_request with the fields concerned.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	find, err := q.check()
	if err != nil {
		return Page{}, err
	}
	limit := find.Limit
	if find.Prefix != "" { // usernames and addresses that begin alike are half of the entries
		find.Limit *= 2
	}
	find.Limit++ // one more shows whether there is another page
	var page Page
	for range maxReads {
		found, err := s.users.ListUsers(ctx, find)
		if err != nil {
			return Page{}, service.StoreFailure("list users", err)
		}
		for _, e := range found {
			if find.Repeats(e) {
				find.After = e.Cursor()
				continue
			}
			if len(page.Users) == limit {
				page.Cursor = encodeCursor(find.After)
				return page, nil
			}
			find.After = e.Cursor()
			page.Users = append(page.Users, of(e.User))
		}
		if len(found) < find.Limit {
			return page, nil
		}
	}
	page.Cursor = encodeCursor(find.After)
	return page, nil
}

// maxReads limits the reads for one page. A page that would take more has fewer users than the limit.
const maxReads = 4

// check returns the query in the form of the store.
func (q Query) check() (repository.UserQuery, error) {
	find := repository.UserQuery{
		Privilege: q.Privilege, Disabled: q.Disabled, Verified: q.Verified, CreatedAfter: q.CreatedAfter, Limit: q.Limit,
	}
	fields := map[string]string{}
	if q.Limit == 0 {
		find.Limit = DefaultLimit
	}
	if find.Limit < 1 || find.Limit > MaxLimit {
		fields["limit"] = "must be 1 to " + strconv.Itoa(MaxLimit)
	}
	if p := q.Privilege; p != nil && (*p < repository.PrivilegeUser || *p > repository.PrivilegeAdministrator) {
		fields["privilege"] = "must be 0, 1 or 2"
	}
	text := account.Trim(q.Text)
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		fields["query"] = "must be text in UTF-8"
	case len(text) > maxText:
		fields["query"] = "must be at most " + strconv.Itoa(maxText) + " bytes long"
	default:
		find.Prefix = account.SearchKey(text)
	}
	if q.Cursor != "" {
		var ok bool
		if find.After, ok = decodeCursor(q.Cursor, find.Prefix); !ok {
			fields["cursor"] = "is not from a page of this query: leave it out to start again"
		}
	}
	if len(fields) > 0 {
		return find, &service.Error{Code: service.CodeInvalidRequest, Message: "The query is invalid.", Fields: fields}
	}
	return find, nil
}

// cursor is the text form of a repository.UserCursor, in JSON and base64url.
type cursor struct {
	ID  string `json:"i,omitempty"`
	At  int64  `json:"t,omitempty"` // microseconds since 1970
	Key string `json:"k,omitempty"`
}

func encodeCursor(c repository.UserCursor) string {
	out := cursor{ID: c.ID, Key: c.Key}
	if c.Key == "" {
		out.At = c.CreatedAt.UnixMicro()
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeCursor returns false for a text that is not a cursor of a query with the prefix. The stores can
// compare every cursor that it accepts.
func decodeCursor(text, prefix string) (repository.UserCursor, bool) {
	const latest = 253402300800e6 // the year 10000
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return repository.UserCursor{}, false
	}
	var c cursor
	if err := json.Unmarshal(raw, &c); err != nil {
		return repository.UserCursor{}, false
	}
	if prefix != "" {
		return repository.UserCursor{Key: c.Key}, strings.HasPrefix(c.Key, prefix) && !strings.ContainsRune(c.Key, 0)
	}
	id, err := service.AccountID(c.ID)
	return repository.UserCursor{ID: id, CreatedAt: time.UnixMicro(c.At)}, err == nil && c.At >= 0 && c.At < latest
}
