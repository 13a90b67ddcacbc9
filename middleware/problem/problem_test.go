package problem_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/middleware/problem"
	"latchkey/service"
)

// TestCodes_HaveStatusAndTitle writes each code once. Only internal errors may use the default
// of the table.
func TestCodes_HaveStatusAndTitle(t *testing.T) {
	w, err := problem.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]service.Code{}
	for _, code := range service.Codes() {
		rec := httptest.NewRecorder()
		w.Write(problem.WithRequestID(t.Context(), "req-1"), rec, &service.Error{Code: code, Message: "m", RetryAfter: 1500 * time.Millisecond})
		var p problem.Problem
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if (p.Status == 500) != (code == service.CodeInternal) {
			t.Errorf("%s: status %d", code, p.Status)
		}
		if other, taken := titles[p.Title]; taken {
			t.Errorf("%s and %s have one title", code, other)
		}
		titles[p.Title] = code
		if p.Error != string(code) || p.Code != rec.Code || p.Status != rec.Code || p.RequestID != "req-1" {
			t.Errorf("%s: %+v", code, p)
		}
		if got := rec.Header().Get("Content-Type"); got != problem.ContentType {
			t.Errorf("%s: content type %q", code, got)
		}
		if rec.Code == 401 && !strings.HasPrefix(rec.Header().Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: no challenge", code)
		}
		if (rec.Code == 503 || rec.Code == 429) && rec.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: Retry-After %q", code, rec.Header().Get("Retry-After"))
		}
	}
}

func TestWrite_UnknownErrorRevealsNothing(t *testing.T) {
	w, err := problem.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w.Write(t.Context(), rec, errors.New("dial tcp 10.0.0.7: password is hunter2"))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "hunter2") || strings.Contains(rec.Body.String(), "10.0.0.7") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestStatuses_CanBeConfigured(t *testing.T) {
	w, err := problem.New(map[string]int{"token_expired": 419})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w.Write(t.Context(), rec, service.NewError(service.CodeTokenExpired, "m"))
	if rec.Code != 419 || !strings.Contains(rec.Body.String(), `"code":419`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if _, err := problem.New(map[string]int{"token_expird": 419}); err == nil {
		t.Error("an unknown code was accepted")
	}
	if _, err := problem.New(map[string]int{"store_unavailable": 401}); err == nil {
		t.Error("trouble of a store may look like a refusal")
	}
}
