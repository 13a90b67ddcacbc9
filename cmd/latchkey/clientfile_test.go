package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	jobsSecret  = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
)

// grantToJobs requests a token as the client jobs, and returns the status.
func grantToJobs(t *testing.T, base, secret string) int {
	t.Helper()
	res, err := http.PostForm(base+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"jobs"}, "client_secret": {secret}})
	must(t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

// TestClients_AreWhatTheFileSays starts the service with a file of clients, changes the file,
// and applies it while the service runs.
func TestClients_AreWhatTheFileSays(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	file, secretFile := filepath.Join(dir, "clients.yaml"), filepath.Join(dir, "jobs.secret")
	write := func(path, text string) { t.Helper(); must(t, os.WriteFile(path, []byte(text), 0o600)) }
	write(secretFile, jobsSecret+"\n")
	write(file, `clients:
- id: jobs
  grants: [client_credentials]
  scopes: [jobs]
  secret_file: jobs.secret
  access_ttl: 5m
- id: shop
  name: Shop
  public: true
  grants: [authorization_code, refresh_token]
  redirect_uris: [https://shop.example/cb]
`)
	settings := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+filepath.Join(dir, "data")+"'", "oauth.clients_file: '"+file+"'")
	r := serveIn(t, port, "--config", settings)
	if status := grantToJobs(t, r.url, jobsSecret); status != 200 {
		t.Errorf("a client of the file: %d", status)
	}
	apply := func() string {
		t.Helper()
		out, err := command(t, "", "client", "apply", "--config", settings)
		must(t, err)
		return out
	}
	if out := apply(); !strings.Contains(out, "unchanged  jobs shop") {
		t.Errorf("applied again: %s", out)
	}
	// Declared clients can only be changed in the file.
	for _, args := range [][]string{{"client", "update", "jobs", "--scope", "x"}, {"client", "rotate-secret", "jobs"}, {"client", "delete", "jobs"}, {"client", "disable", "jobs"}} {
		if _, err := command(t, "", append(args, "--config", settings)...); err == nil || !strings.Contains(err.Error(), "oauth.clients_file") {
			t.Errorf("%v: %v", args, err)
		}
	}
	write(secretFile, otherSecret)
	write(file, "clients: [{id: jobs, grants: [client_credentials], secret_file: jobs.secret}]\n")
	if out := apply(); !strings.Contains(out, "changed    jobs") || !strings.Contains(out, "new secret jobs") || !strings.Contains(out, "disabled   shop") {
		t.Errorf("a changed file: %s", out)
	}
	for _, secret := range []string{jobsSecret, otherSecret} { // the previous secret stays valid for a day
		if status := grantToJobs(t, r.url, secret); status != 200 {
			t.Errorf("after the change of the secret: %d", status)
		}
	}
	// A client that was removed from the file can be changed by command.
	if out, err := command(t, "", "client", "list", "--config", settings); err != nil || !strings.Contains(out, "public, disabled") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := command(t, "", "client", "enable", "shop", "--config", settings); err != nil {
		t.Errorf("a client that was released: %v", err)
	}
	// If the secret is the same again, the previous secret stays valid.
	if out := apply(); !strings.Contains(out, "unchanged  jobs") || grantToJobs(t, r.url, jobsSecret) != 200 {
		t.Errorf("applied again: %s", out)
	}

	for text, want := range map[string]string{
		"clients: [{id: jobs, grants: [client_credentials]}]":                                             "clients[0].secret (clients.yaml, line 1): is missing",
		"clients: [{id: jobs, grants: [client_credentials], secret: short}]":                              "32 to 200 characters",
		"clients: [{id: jobs, grants: [client_credentials], secret: 1111111111111111111111111111111111}]": "repeats itself",
		"clients: [{id: jobs, grants: [nothing], secret_file: jobs.secret}, {id: x}]":                     "clients[0].grants (clients.yaml, line 1): must be of",
		"clients:\n- {id: jobs, grant: [x]}\n":                                                            "clients[0].grant (clients.yaml, line 2): is not a key of a client",
		"clients:\n- id: jobs\n  access_ttl: 5\n":                                                         "clients[0].access_ttl (clients.yaml, line 3): write a duration",
		"clients:\n- id: jobs\n  public: perhaps\n":                                                       "line 3): write true or false",
		"clients: [{id: jobs, secret:00b437aa, grants: [x]}]\n":                                           "clients[0].a key (clients.yaml, line 1): is not a key of a client",
		"clients: [{id: 0777, public: true, grants: [nothing]}]\n":                                        "clients[0].grants (clients.yaml, line 1): must be of",
		"clients: {}\n":                   "one list under the key clients",
		"clients: []\n---\nclients: []\n": "second document",
		"clients: [{id: jobs, public: true, grants: [authorization_code], redirect_uris: [https://a.example/cb]}]": "choose another id",
	} {
		write(file, text)
		_, err := command(t, "", "client", "apply", "--config", settings)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "short}") || strings.Contains(err.Error(), "00b437aa") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	// One round reports the problems of the file and the problems of the clients, each once.
	write(file, "clients:\n- id: jobs\n  grant: [x]\n  grants:\n  - client_credentials\n  access_ttl: 5\n- id: a\n  public: true\n  grants: [nothing]\n"+
		"  redirect_uris: ['http://x y']\n- id: jobs\n  secret_file: missing\n  grants: [client_credentials]\n- id: spa\n  public: perhaps\n  grants: [authorization_code]\n")
	const want = "clients[0].grant (clients.yaml, line 3): is not a key of a client\n" +
		"clients[0].access_ttl (clients.yaml, line 6): write a duration with its unit, as in 10m or 14d\n" +
		"clients[2].secret_file (clients.yaml, line 12): cannot be read: open "
	_, err := command(t, "", "client", "apply", "--config", settings)
	for _, want := range []string{
		want, "clients[0].secret (clients.yaml, line 2): is missing", "clients[1].id (clients.yaml, line 7): must have 3 to 64",
		"clients[1].grants (clients.yaml, line 9): must be of", "clients[1].redirect_uris (clients.yaml, line 10): ",
		"clients[2].id (clients.yaml, line 11): appears twice", "clients[3].public (clients.yaml, line 15): write true or false",
		"clients[3].redirect_uris (clients.yaml, line 14): must not be empty",
	} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() || strings.Contains(err.Error(), "clients[2].secret ") || strings.Contains(err.Error(), "clients[3].secret") {
		t.Error(err)
	}
	// The service reports them together with its other settings.
	err = run(t.Context(), []string{"config", "--config", settings}, strings.NewReader(""), &lockedBuffer{}, &lockedBuffer{})
	if err == nil || strings.Count(err.Error(), "oauth.clients_file (latchkey.yaml, line 3): clients[") < 8 {
		t.Errorf("latchkey config: %v", err)
	}
	if status := grantToJobs(t, r.url, otherSecret); status != 200 {
		t.Errorf("after files that were refused: %d", status)
	}
}

// TestClients_IDsSecretsAndChangesOfTheOperator tests the values that an operator may choose.
func TestClients_IDsSecretsAndChangesOfTheOperator(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	settings := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+filepath.Join(t.TempDir(), "data")+"'")
	r := serveIn(t, port, "--config", settings)
	out, err := command(t, jobsSecret+"\n", "client", "create", "--id", "jobs", "--grant", "client_credentials", "--scope", "a", "--scope", "b", "--secret-file", "-", "--config", settings)
	must(t, err)
	if strings.Contains(out, jobsSecret) || grantToJobs(t, r.url, jobsSecret) != 200 {
		t.Errorf("a secret of the operator's: %s", out)
	}
	// White space and a byte order mark around a secret are removed, as in the file of the clients.
	_, err = command(t, "\uFEFF"+otherSecret+"\r\n", "client", "rotate-secret", "jobs", "--secret-file", "-", "--keep", "0s", "--config", settings)
	must(t, err)
	if grantToJobs(t, r.url, jobsSecret) != 401 || grantToJobs(t, r.url, otherSecret) != 200 {
		t.Error("the new secret is not the secret")
	}
	_, err = command(t, "", "client", "update", "jobs", "--scope", "c", "--access-ttl", "5m", "--absolute-ttl", "7d", "--audience", "https://orders.example", "--config", settings)
	must(t, err)
	list, err := command(t, "", "client", "list", "--config", settings)
	must(t, err)
	if !strings.Contains(list, "client_credentials  c ") {
		t.Errorf("updated: %s", list)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"client", "update", "jobs"}, "nothing to change"},
		{[]string{"client", "update", "missing", "--scope", "x"}, "client does not exist"},
		{[]string{"client", "update", "jobs", "--scope", "openid"}, "openid"},
		{[]string{"client", "update", "jobs", "--grant", ""}, "must not be empty"},
		{[]string{"client", "update", "jobs", "--access-ttl", "5"}, "with its unit, as in 10m or 14d"},
		{[]string{"client", "create", "--id", "spa", "--public", "--grant", "authorization_code", "--redirect-uri", "https://a.example", "--secret-file", "-"}, "not allowed for a public client"},
	} {
		if _, err := command(t, jobsSecret, append(c.args, "--config", settings)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}
