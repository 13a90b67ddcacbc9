package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var secretLine = regexp.MustCompile(`client_secret +(\S+)`)

func TestClientCommand_ManagesClients(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10")
	r := serveIn(t, port, "--config", file)
	do := func(args ...string) string {
		t.Helper()
		out, err := command(t, "", append(append([]string{"client"}, args...), "--config", file)...)
		must(t, err)
		return out
	}
	secretOf := func(out string) string {
		t.Helper()
		m := secretLine.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no secret in %q", out)
		}
		return m[1]
	}
	token := func(secret string) int {
		t.Helper()
		res, err := http.PostForm(r.url+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"jobs"}, "client_secret": {secret}})
		must(t, err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	first := secretOf(do("create", "--id", "jobs", "--grant", "client_credentials", "--scope", "jobs"))
	if out := do("create", "--id", "spa", "--public", "--grant", "authorization_code", "--redirect-uri", "https://shop.example/cb"); strings.Contains(out, "secret") {
		t.Errorf("a public client has a secret: %s", out)
	}
	if out := do("list"); !strings.Contains(out, "jobs") || !strings.Contains(out, "public") || strings.Contains(out, first) {
		t.Errorf("listed %s", out)
	}
	second := secretOf(do("rotate-secret", "jobs"))
	if a, b := token(first), token(second); a != 200 || b != 200 {
		t.Errorf("two secrets: %d %d", a, b)
	}
	third := secretOf(do("rotate-secret", "jobs", "--keep", "0s"))
	if a, b := token(second), token(third); a != 401 || b != 200 {
		t.Errorf("one secret: %d %d", a, b)
	}
	do("disable", "jobs")
	if status := token(third); status != 401 {
		t.Errorf("disabled: %d", status)
	}
	do("enable", "jobs")
	if status := token(third); status != 200 {
		t.Errorf("enabled: %d", status)
	}
	do("delete", "jobs")
	if status := token(third); status != 401 {
		t.Errorf("deleted: %d", status)
	}
	for name, args := range map[string][]string{
		"a deleted id": {"create", "--id", "jobs", "--grant", "client_credentials"}, "no grant": {"create"}, "a grant": {"create", "--grant", "implicit"},
		"password of another": {"create", "--grant", "password"}, "unknown": {"delete", "nobody"}, "a public one": {"rotate-secret", "spa"},
	} {
		if out, err := command(t, "", append(append([]string{"client"}, args...), "--config", file)...); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
	if strings.Contains(r.stderr.String(), first) || strings.Contains(r.stderr.String(), third) {
		t.Error("a secret is in the log")
	}
}
