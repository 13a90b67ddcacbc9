package problem

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"latchkey/service"
)

// ContentType is the media type of a problem.
const ContentType = "application/problem+json"

// Problem is the body of an error response. Programs should use Error.
type Problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Error     string            `json:"error"`
	Code      int               `json:"code"` // the status again
	Message   string            `json:"message"`
	Retry     string            `json:"retry,omitempty"` // refresh, login, verify or later
	RequestID string            `json:"requestId,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"`
}

// Writer writes problems, with the statuses that a deployment has chosen.
type Writer struct {
	statuses map[service.Code]int
}

// New returns a Writer that answers each code in statuses with the given status. It returns an
// error for an unknown code.
func New(statuses map[string]int) (*Writer, error) {
	w := &Writer{statuses: map[service.Code]int{}}
	if wrong := CheckStatuses(statuses); len(wrong) > 0 {
		return nil, fmt.Errorf("errors.status: %s", strings.Join(wrong, "; "))
	}
	for code, status := range statuses {
		w.statuses[service.Code(code)] = status
	}
	return w, nil
}

// CheckStatuses returns every problem with the codes in statuses.
func CheckStatuses(statuses map[string]int) (problems []string) {
	for _, code := range slices.Sorted(maps.Keys(statuses)) {
		if !slices.Contains(service.Codes(), service.Code(code)) {
			problems = append(problems, fmt.Sprintf("unknown error %q", code))
		} else if s := kindOf(service.Code(code)).status; s >= 500 || s == http.StatusTooManyRequests {
			problems = append(problems, fmt.Sprintf("%s must stay %d, so that clients try again", code, s))
		}
	}
	return problems
}

// challengeOf returns the challenge of an error, with the scope or the age that the error
// requires.
func challengeOf(k kind, e *service.Error) string {
	switch {
	case e.Scope != "":
		return k.challenge + `, scope="` + e.Scope + `"` // RFC 6750 3
	case e.MaxAge > 0:
		return k.challenge + `, max_age="` + strconv.Itoa(int(e.MaxAge.Seconds())) + `"` // RFC 9470 3
	}
	return k.challenge
}

// Write writes an error as the response. It requires the context of the request.
func (w *Writer) Write(ctx context.Context, rw http.ResponseWriter, err error) {
	e := service.AsError(err)
	k := kindOf(e.Code)
	if status, ok := w.statuses[e.Code]; ok {
		k.status = status
	}
	if e.Refreshable {
		k.retry = retryRefresh
	}
	h := rw.Header()
	if k.challenge != "" {
		h.Set("WWW-Authenticate", challengeOf(k, e))
	}
	SetRetryAfter(h, err)
	if e.Code == service.CodeRateLimited { // according to draft-ietf-httpapi-ratelimit-headers-10
		h.Set("RateLimit", `"default";r=0;t=`+retryAfter(e))
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", ContentType)
	rw.WriteHeader(k.status)
	_ = json.NewEncoder(rw).Encode(Problem{ // fails only if the client has disconnected
		Type: "urn:latchkey:error:" + string(e.Code), Title: k.title, Status: k.status, Error: string(e.Code), Code: k.status,
		Message: e.Message, Retry: k.retry, RequestID: RequestID(ctx), Fields: e.Fields,
	})
}

// SetRetryAfter sets the header Retry-After (RFC 9110 10.2.3) if the same request can succeed
// later. For any other error it does nothing.
func SetRetryAfter(h http.Header, err error) {
	if e := service.AsError(err); kindOf(e.Code).retry == retryLater {
		h.Set("Retry-After", retryAfter(e))
	}
}

// retryAfter returns the time until a retry in whole seconds, at least one.
func retryAfter(e *service.Error) string {
	return strconv.Itoa(int(math.Ceil(max(e.RetryAfter.Seconds(), 1))))
}
