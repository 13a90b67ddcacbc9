package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// command runs the program with an input and returns its output.
func command(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out lockedBuffer
	err := run(t.Context(), args, strings.NewReader(stdin), &out, &lockedBuffer{})
	return out.String(), err
}

func TestUserCommand_CreatesTheFirstAdministrator(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10")
	_, err := command(t, "", "migrate", "up", "--config", file)
	must(t, err)
	out, err := command(t, "correct horse\n", "user", "create", "--username", "ada", "--email", "ada@example.org", "--privilege", "2", "--config", file)
	must(t, err)
	if !strings.Contains(out, "privilege 2") {
		t.Errorf("printed %q", out)
	}
	r := serveIn(t, port, "--config", file)
	var got tokens
	if status := post(t, r.url+"/api/users/login", loginBody, &got); status != 200 || got.Privilege != 2 {
		t.Errorf("login: %d, privilege %d", status, got.Privilege)
	}

	for name, c := range map[string]struct{ stdin, username, want string }{
		"a taken name":     {"correct horse\n", "ADA", "taken"},
		"no password":      {"", "bob", "standard input"},
		"a short password": {"short\n", "bob", "8 characters"},
		"a bad name":       {"correct horse\n", "a b", "username"},
		"a NUL":            {"correct\x00horse\n", "bob", "NUL"},
		"bytes":            {"correct \xff horse\n", "bob", "UTF-8"},
		"two lines":        {"correct\nhorse\n", "bob", "more than one line"},
	} {
		_, err := command(t, c.stdin, "user", "create", "--username", c.username, "--email", "bob@example.org", "--config", file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not mention %q", name, err, c.want)
		}
	}
}

func TestMigrate_StatusAndUp(t *testing.T) {
	dir := t.TempDir()
	file := settingsFile(t, "data.dir: '"+dir+"'")
	db, err := os.Create(filepath.Join(dir, "latchkey.db")) // an empty database
	must(t, err)
	must(t, db.Close())
	status, err := command(t, "", "migrate", "status", "--config", file)
	must(t, err)
	up, err := command(t, "", "migrate", "up", "--config", file)
	must(t, err)
	again, err := command(t, "", "migrate", "up", "--config", file)
	must(t, err)
	after, err := command(t, "", "migrate", "status", "--config", file)
	must(t, err)
	if !strings.Contains(status, "pending 00001_init.sql") || !strings.Contains(up, "applied 00001_init.sql") ||
		!strings.Contains(again, "up to date") || !strings.Contains(after, "applied 00001_init.sql") || strings.Contains(after, "pending") {
		t.Errorf("status %q, up %q, up again %q, status %q", status, up, again, after)
	}
}

func TestConfigCommand_OutputCanBeLoadedAndHasNoSecret(t *testing.T) {
	file := settingsFile(t, "tokens.secret: '"+testSecret+"'", "errors.status: {token_expired: 419}", "server.trusted_proxies: [10.0.0.0/8]")
	out, err := command(t, "", "config", "--config", file)
	must(t, err)
	if strings.Contains(out, testSecret) || !strings.Contains(out, `tokens.secret = "REDACTED"`) {
		t.Errorf("printed %s", out)
	}
	toml := filepath.Join(t.TempDir(), "latchkey.toml")
	must(t, os.WriteFile(toml, []byte(strings.Replace(out, "REDACTED", testSecret, 1)), 0o600))
	again, err := command(t, "", "config", "--config", toml)
	must(t, err)
	if again != out {
		t.Errorf("loaded and printed again:\n%s\nfirst:\n%s", again, out)
	}
}

// TestSettings_AllProblemsAtOnce checks that the problems that only the drivers and the services
// find are reported together with all other problems, with their lines.
func TestSettings_AllProblemsAtOnce(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	must(t, os.WriteFile(keys, []byte("{}"), 0o600))
	for name, c := range map[string]struct{ lines, want []string }{
		"everything": {
			[]string{
				"log.level: loud", "errors.status: {nope: 420, token_expired: 99, store_unavailable: 400}", "database.url: 'postgres://a:s3cret@h:port/d'",
				"redis.url: 'redis://h:xx/abc'", "tokens.secret: '" + testSecret + "', keys_file: '" + keys + "'", "password.breach_file: /nonexistent",
				"oauth.clients_file: /missing.yaml",
			},
			[]string{
				"log.level (latchkey.yaml, line 1): must", `errors.status (latchkey.yaml, line 2): unknown error "nope"`, "errors.status (latchkey.yaml, line 2): token_expired must",
				"errors.status (latchkey.yaml, line 2): store_unavailable must stay 503",
				"database.url (latchkey.yaml, line 3): not of the form postgres://", "redis.url (latchkey.yaml, line 4): not of the form redis://",
				"tokens.keys_file (latchkey.yaml, line 5): ", "password.breach_file (latchkey.yaml, line 6): open /nonexistent",
				"oauth.clients_file (latchkey.yaml, line 7): read the clients: open /missing.yaml",
			},
		},
		"sentinels without the name of the primary": {
			[]string{"database.url: 'postgres://a:s3cret@h/d?sslmode=verify-full&sslrootcert=/none.pem'", "redis.url: 'rediss://u:s3cret@h', mode: sentinel, ca_file: /missing.pem", "tokens.secret: '" + testSecret + "'"},
			[]string{"database.url (latchkey.yaml, line 1): a file in the URL cannot be used: open /none.pem", "redis.url (latchkey.yaml, line 2): not of the form redis://user:password@sentinel:port/number?master_name=name"},
		},
		"files of certificates": {
			[]string{"database.url: 'postgres://a:s3cret@h/d'", "redis.url: 'rediss://u:s3cret@h:6379', ca_file: /missing.pem, cert_file: /c.pem, key_file: /k.pem", "tokens.secret: '" + testSecret + "'"},
			[]string{"redis.ca_file (latchkey.yaml, line 2): open /missing.pem", "redis.cert_file (latchkey.yaml, line 2): cannot be used with redis.key_file: open /c.pem"},
		},
		"two passwords for one server": {
			[]string{"database.url: 'postgres://a:s3cret@h/d'", "redis.url: 'redis://u:p@h:26379?master_name=x&username=u&password=s3cret', mode: sentinel, sentinel_password: abc", "tokens.secret: '" + testSecret + "'"},
			[]string{"redis.sentinel_password (latchkey.yaml, line 2): cannot be combined with username or password in the query of redis.url"},
		},
		"a port out of range": {
			[]string{"database.url: 'postgres://a:s3cret@h:99999/d'", "redis.url: 'redis://h:99999'", "tokens.secret: '" + testSecret + "'"},
			[]string{"database.url (latchkey.yaml, line 1): not of", "redis.url (latchkey.yaml, line 2): not of"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := settingsFile(t, c.lines...)
			for _, command := range []string{"config", "serve"} {
				err := run(t.Context(), []string{command, "--config", file}, strings.NewReader(""), &lockedBuffer{}, &lockedBuffer{})
				for _, want := range c.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: no %q", command, want)
					}
				}
				if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Count(err.Error(), "\n") != len(c.want)-1 {
					t.Errorf("%s: %v", command, err)
				}
			}
		})
	}
	// Other commands may run where the files are not.
	dir := t.TempDir()
	if _, err := command(t, "", "migrate", "up", "--config", settingsFile(t, "data.dir: '"+dir+"'", "password.breach_file: /nonexistent", "oauth.clients_file: /missing.yaml")); err != nil {
		t.Error(err)
	}
}

func TestHealthcheck_ExitCodeIsTheReadiness(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "password.bcrypt_cost: 10")
	if _, err := command(t, "", "healthcheck", "--config", file); err == nil {
		t.Error("healthy before the start")
	}
	serveIn(t, port, "--config", file)
	if _, err := command(t, "", "healthcheck", "--config", file); err != nil {
		t.Errorf("not healthy: %v", err)
	}
}

func TestHelp_EachCommandHasAnExample(t *testing.T) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Example == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if s := cmd.Short; s == "" || strings.HasSuffix(s, ".") || strings.Contains(s, "\n") {
			t.Errorf("%s: %q is not one line without a full stop", cmd.CommandPath(), s)
		}
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(rootCommand())
	out, err := command(t, "", "key", "revoke", "--help")
	if err != nil || !strings.Contains(out, "Examples:") {
		t.Errorf("key revoke --help: %v\n%s", err, out)
	}
}

// TestFlags_BadValuesAreExplained passes bad values to flags of each kind.
func TestFlags_BadValuesAreExplained(t *testing.T) {
	for line, want := range map[string]string{
		"user create --privilege abc":                `invalid argument "abc" for "--privilege" flag: write a whole number`,
		"audit list --limit 1.5":                     `invalid argument "1.5" for "--limit" flag: write a whole number`,
		"audit list --limit 99999999999999999999":    "the number is too large",
		"audit list --json=maybe":                    `invalid argument "maybe" for "--json" flag: write true or false`,
		"client create --public=perhaps":             "write true or false",
		"key rotate --now=x":                         "write true or false",
		"version --help=maybe":                       "write true or false",
		"client update jobs --access-ttl 5":          "write a duration with its unit",
		"client rotate-secret jobs --keep yesterday": "write a duration with its unit",
	} {
		_, err := command(t, "", strings.Fields(line)...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "strconv") {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// TestIDs_BeginWithAHyphen passes IDs that look like flags: generated IDs are base64url.
func TestIDs_BeginWithAHyphen(t *testing.T) {
	file := settingsFile(t, "server.listen: '127.0.0.1:0', public_url: 'http://localhost:1'", "data.dir: '"+t.TempDir()+"'", "tokens.secret: '"+testSecret+"'")
	_, err := command(t, "", "migrate", "up", "--config", file)
	must(t, err)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"key", "revoke", "-abc"}, `if KID begins with "-", write it after "--": latchkey key revoke -- KID`},
		{[]string{"client", "delete", "--abc"}, "latchkey client delete -- CLIENT_ID"},
		{[]string{"key", "revoke", "--", "-abc"}, "the database has no key -abc"},
		{[]string{"client", "delete", "--", "--abc"}, "client does not exist"},
	} {
		args := append([]string{c.args[0], c.args[1], "--config", file}, c.args[2:]...)
		if _, err := command(t, "", args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}

func TestSessionCommand_ListsAndRevokes(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10")
	if _, err := command(t, "", "sessions", "list", "--user", "ada", "--config", file); err == nil || !strings.Contains(err.Error(), "migrate up") {
		t.Errorf("without a database: %v", err)
	}
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", ada, nil)
	var one, two, three tokens
	for _, got := range []*tokens{&one, &two, &three} {
		post(t, r.url+"/api/users/login", loginBody, got)
	}
	list := func() string {
		out, err := command(t, "", "sessions", "list", "--user", "ada", "--config", file)
		must(t, err)
		return out
	}
	if out := list(); !strings.Contains(out, "3 sessions\n") {
		t.Errorf("listed %s", out)
	}
	id, _, _ := strings.Cut(list(), " ")
	for _, step := range []struct {
		args []string
		left string
	}{
		{[]string{"--user", "ada", "--session", id}, "2 sessions\n"},
		{[]string{"--user", "ada@example.org"}, "0 sessions\n"},
	} {
		_, err := command(t, "", append([]string{"sessions", "revoke", "--config", file}, step.args...)...)
		must(t, err)
		if out := list(); !strings.Contains(out, step.left) {
			t.Errorf("after revoke %v: %s", step.args, out)
		}
	}
	post(t, r.url+"/api/users/login", loginBody, &one)
	out, err := command(t, "", "sessions", "revoke", "--all", "--config", file)
	must(t, err)
	if !strings.Contains(out, "of 1 user\n") {
		t.Errorf("printed %q", out)
	}
	if status := post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, one.RefreshToken), &two); status != 401 || two.Error != "session_revoked" {
		t.Errorf("refresh after the end of all: %d %s", status, two.Error)
	}
	for _, args := range [][]string{{"--user", "nobody"}, {}, {"--user", "ada", "--all"}, {"--user", "ada", "--session", "nothing"}} {
		if _, err := command(t, "", append([]string{"sessions", "revoke", "--config", file}, args...)...); err == nil {
			t.Errorf("revoke %v did something", args)
		}
	}
	_, err = command(t, "", "user", "disable", "--user", "ada", "--config", file)
	must(t, err)
	if status := post(t, r.url+"/api/users/login", loginBody, nil); status != 403 {
		t.Errorf("login of a disabled user: %d", status)
	}
	_, err = command(t, "", "user", "enable", "--user", "ada", "--config", file)
	must(t, err)
	if status := post(t, r.url+"/api/users/login", loginBody, nil); status != 200 {
		t.Errorf("login of an enabled user: %d", status)
	}
}

// TestSetPasswordCommand gives a user who has lost the password a new one.
func TestSetPasswordCommand(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'", "password.bcrypt_cost: 10")
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", ada, nil)
	var before, after tokens
	post(t, r.url+"/api/users/login", loginBody, &before)
	set := func(password, user string) (string, error) {
		return command(t, password+"\n", "user", "set-password", "--user", user, "--config", file)
	}
	for _, refused := range []struct{ password, user, want string }{
		{"another horse", "nobody", "account"},
		{"short", "ada", "at least"},
		{"password1", "ada", "common"},
		{"ada@example.org", "ada", "your own name"},
		{"", "ada", "no password on standard input"},
	} {
		if _, err := set(refused.password, refused.user); err == nil || !strings.Contains(err.Error(), refused.want) {
			t.Errorf("%+v: %v", refused, err)
		}
	}
	if status := post(t, r.url+"/api/users/login", loginBody, nil); status != 200 {
		t.Errorf("login after refused passwords: %d", status)
	}
	out, err := set("another horse", "ADA@example.org")
	must(t, err)
	if !strings.Contains(out, "ada") || strings.Contains(out, "horse") {
		t.Errorf("printed %q", out)
	}
	if status := post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, before.RefreshToken), &after); status != 401 || after.Error != "session_revoked" {
		t.Errorf("refresh of an earlier session: %d %s", status, after.Error)
	}
	if status := post(t, r.url+"/api/users/login", loginBody, nil); status != 401 {
		t.Errorf("login with the old password: %d", status)
	}
	if status := post(t, r.url+"/api/users/login", strings.Replace(loginBody, "correct", "another", 1), nil); status != 200 {
		t.Errorf("login with the new password: %d", status)
	}
	records, err := command(t, "", "audit", "list", "--user", "ada", "--event", "password_changed", "--config", file)
	must(t, err)
	if !strings.Contains(records, "password_changed") {
		t.Errorf("audit records: %q", records)
	}
}

func TestAuditCommand_ListsRecords(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+t.TempDir()+"'")
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", ada, nil)
	post(t, r.url+"/api/users/login", loginBody, nil)
	post(t, r.url+"/api/users/login", strings.Replace(loginBody, "horse", "house", 1), nil)
	audit := func(args ...string) string {
		t.Helper()
		out, err := command(t, "", append([]string{"audit", "--config", file}, args...)...)
		must(t, err)
		return out
	}
	if out := audit("list", "--user", "ada"); !strings.Contains(out, "login_failed  wrong_password") || !strings.Contains(out, "user_created  ok") ||
		strings.Index(out, "login_failed") > strings.Index(out, "user_created") || strings.Contains(out, "house") {
		t.Errorf("listed %s", out)
	}
	if out := audit("list", "--event", "login", "--since", "1h", "--json"); strings.Count(out, "\n") != 1 || !json.Valid([]byte(out)) || !strings.Contains(out, `"address":"127.0.0.1"`) {
		t.Errorf("as JSON: %s", out)
	}
	if out := audit("list", "--limit", "2"); strings.Count(out, "\n") != 2 {
		t.Errorf("two of them: %s", out)
	}
	if out := audit("purge", "--before", "1d"); !strings.Contains(out, "deleted 0 records") {
		t.Errorf("purged: %s", out)
	}
	if out := audit("list", "--event", "audit_purged"); strings.Count(out, "\n") != 1 {
		t.Errorf("the purge is not on record: %s", out)
	}
	for _, args := range [][]string{{"list", "--event", "lunch"}, {"list", "--since", "yesterday"}, {"list", "--limit", "-1"}, {"list", "--user", "nobody"}, {"purge"}, {"purge", "--before", ""}, {"purge", "--before", "150000d"}, {"purge", "--before", "2999-01-01"}, {"list", "--since", "3h30d"}} {
		if _, err := command(t, "", append([]string{"audit", "--config", file}, args...)...); err == nil {
			t.Errorf("audit %v did something", args)
		}
	}
}
