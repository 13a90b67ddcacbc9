package controller

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzForms compares the parsed parameters of a form with net/url: the same values, and no
// parameter twice.
func FuzzForms(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a=b&a=c", "a=%00", "a=%zz", "a=b;c=d", "", "=", "&&&", "a=%ff", "grant_type=password&username=%C3%A9", "a="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		p, err := readForm(httptest.NewRecorder(), r)
		if err != nil {
			return
		}
		values, parseErr := url.ParseQuery(body)
		if parseErr != nil {
			t.Fatalf("%q was read", body)
		}
		for name, list := range values {
			if len(list) != 1 || p[name] != list[0] {
				t.Errorf("%q: %s is %q, of %q", body, name, p[name], list)
			}
		}
		for name, value := range p {
			if strings.ContainsRune(value, 0) || values.Get(name) != value {
				t.Errorf("%q: %s is %q", body, name, value)
			}
		}
	})
}

// FuzzBasic looks for an HTTP Basic header that is parsed differently from how it was written.
func FuzzBasic(f *testing.F) {
	for _, s := range []string{"Basic c2hvcDpzZWNyZXQ=", "basic  c2hvcDpzZWNyZXQ=", "Basic", "Basic Og==", "Bearer a.b.c", "Basic ///=", "Basic " + base64.StdEncoding.EncodeToString([]byte("a%20b:c+d:e"))} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := basic(header)
		if err != nil {
			return
		}
		again, err := basic("Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.ID)+":"+url.QueryEscape(string(c.Secret)))))
		if err != nil || again != c || c.ID == "" {
			t.Errorf("%q is %+v, and again %+v, %v", header, c.ID, again.ID, err)
		}
	})
}
