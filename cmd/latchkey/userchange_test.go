package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestUserCommands finds, changes and deletes accounts as an operator does, with and without --json.
func TestUserCommands(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "password.bcrypt_cost: 10")
	r := serveIn(t, port, "--config", file)
	run := func(args ...string) string {
		t.Helper()
		out, err := command(t, "correct horse\n", append([]string{"user", "--config", file}, args...)...)
		must(t, err)
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if _, err := command(t, "", append([]string{"user", "--config", file}, args...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
	for i := range 3 {
		run("create", "--username", fmt.Sprintf("ada%d", i), "--email", fmt.Sprintf("a%d@example.org", i), "--privilege", fmt.Sprint(i))
	}

	if out := run("create", "--username", "eve", "--email", "eve@example.org", "--json"); !strings.Contains(out, `"username":"eve"`) {
		t.Errorf("create: %s", out)
	}
	run("delete", "--user", "eve")

	// The table, the search, the filters and the pages.
	if out := run("list"); strings.Count(out, "\n") != 4 || strings.Index(out, "ada2") > strings.Index(out, "ada0") {
		t.Errorf("the list: %s", out)
	}
	if out := run("list", "--query", "ADA", "--limit", "2"); strings.Count(out, "\n") != 3 || strings.Contains(out, "ada2") {
		t.Errorf("the search: %s", out)
	}
	if out := run("list", "--privilege", "0", "--verified=false", "--created-after", "1h", "--json"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"username":"ada0"`) {
		t.Errorf("the filters: %s", out)
	}
	refused("--created-after", "list", "--created-after", "soon")
	refused("privilege must be 0, 1 or 2", "list", "--privilege", "3")
	refused("--limit", "list", "--limit", "-1")

	user := func(out string) (u struct {
		ID, Username, Email, DisabledReason string
		Privilege                           int
		Disabled, EmailVerified             bool
	},
	) {
		t.Helper()
		must(t, json.Unmarshal([]byte(out), &u))
		return u
	}
	if u := user(run("set-privilege", "--user", "ada0", "--privilege", "1", "--json")); u.Privilege != 1 {
		t.Errorf("set-privilege: %+v", u)
	}
	if out := run("rename", "--user", "ada0", "--username", "grace", "--email", "grace@example.org", "--verified"); !strings.Contains(out, "renamed ada0 to grace (grace@example.org)") {
		t.Errorf("rename: %s", out)
	}
	refused("taken", "rename", "--user", "grace", "--username", "ADA1")
	if u := user(run("show", "--user", "grace", "--json")); !u.EmailVerified || u.Username != "grace" {
		t.Errorf("show: %+v", u)
	}
	if u := user(run("disable", "--user", "grace", "--reason", "sends spam", "--json")); !u.Disabled || u.DisabledReason != "sends spam" {
		t.Errorf("disable: %+v", u)
	}
	if out := run("show", "--user", "grace"); !strings.Contains(out, `disabled ("sends spam")`) {
		t.Errorf("show: %s", out)
	}
	if out := run("enable", "--user", "grace"); !strings.Contains(out, "enabled grace") {
		t.Errorf("enable: %s", out)
	}

	// The last administrator stays.
	for _, args := range [][]string{{"set-privilege", "--privilege", "0"}, {"disable"}, {"delete"}} {
		refused("last enabled administrator", append(args, "--user", "ada2")...)
	}

	var tokens tokens
	post(t, r.url+"/api/users/login", `{"username":"grace","password":"correct horse"}`, &tokens)
	if out, err := command(t, "", "sessions", "list", "--user", "grace", "--json", "--config", file); err != nil || !strings.Contains(out, `"clientId":"latchkey"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("sessions: %s, %v", out, err)
	}
	if out := run("delete", "--user", "grace"); !strings.Contains(out, "deleted grace") {
		t.Errorf("delete: %s", out)
	}
	if status := post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, tokens.RefreshToken), nil); status != 401 {
		t.Errorf("refresh of a deleted user: %d", status)
	}
	refused("account", "show", "--user", "grace")
	if out, err := command(t, "", "audit", "list", "--actor", "ada2", "--until", "1h", "--config", file); err != nil || out != "" {
		t.Errorf("records of an actor who did nothing: %q, %v", out, err)
	}
	log, err := command(t, "", "audit", "list", "--config", file)
	must(t, err)
	for _, want := range []string{"user_changed  privilege=1", "user_changed  \"username email verified\"", "user_disabled  disabled", "user_enabled  enabled", "user_deleted  ok"} {
		if !strings.Contains(strings.ReplaceAll(log, `"`, ""), strings.ReplaceAll(want, `"`, "")) {
			t.Errorf("the audit log has no %q:\n%s", want, log)
		}
	}
}
