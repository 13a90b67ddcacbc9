package main

import (
	"net/http/httptest"
	"testing"

	"latchkey/middleware/access"
)

func TestOrders(t *testing.T) {
	verifier, err := access.NewStatic([]byte(`{"keys":[]}`), "https://auth.example.org", "latchkey", nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler(verifier)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/orders", nil))
	if w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
