package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/await"
	"latchkey/internal/testserver"
)

// do sends JSON with an access token, and returns the status and the body.
func do(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

// letterTo waits for the n-th mail to an address.
func letterTo(t *testing.T, server *testserver.SMTPServer, to string, n int) apptest.Letter {
	t.Helper()
	var raw []byte
	await.Eventually(t, 20*time.Second, fmt.Sprintf("mail %d to %s", n, to), func() bool {
		found := 0
		for _, m := range server.Received() {
			if m.To == to {
				if found++; found == n {
					raw = m.Raw
				}
			}
		}
		return raw != nil
	})
	return apptest.ReadLetter(t, raw)
}

// onServers returns the settings of a replica on Postgres and Redis.
func onServers(t *testing.T, port int, pg, rd, prefix string, more ...string) string {
	t.Helper()
	return settingsFile(t, append([]string{
		fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: 'http://localhost:1'", port),
		"database.url: '" + pg + "'", "redis.url: '" + rd + "', prefix: '" + prefix + "'", "tokens.secret: '" + testSecret + "'", "password.bcrypt_cost: 10",
	}, more...)...)
}

// TestMail_RecoversAnAccountOnTwoReplicas runs each flow with a real mail server. Each step goes to
// the other replica than the step before.
func TestMail_RecoversAnAccountOnTwoReplicas(t *testing.T) {
	t.Parallel()
	server := testserver.StartSMTP(t, testserver.SMTPOptions{User: "u", Password: "p"})
	pg := testserver.Postgres(t)
	rd, prefix := testserver.Redis(t)
	var urls []string
	for range 2 {
		port := freePort(t)
		urls = append(urls, serveIn(t, port, "--config", onServers(t, port, pg, rd, prefix, "mail.url: 'smtp://u:p@"+server.Address+"'")).url+"/api/users")
	}
	step := 0
	next := func(want int, method, path, token, body string) string {
		t.Helper()
		step++
		status, answer := do(t, method, urls[step%2]+path, token, body)
		if status != want {
			t.Fatalf("%s %s: %d %s", method, path, status, answer)
		}
		return answer
	}
	login := func(password string) (access string) {
		t.Helper()
		var got tokens
		step++
		if status := post(t, urls[step%2]+"/login", fmt.Sprintf(`{"username":"ada","password":%q}`, password), &got); status != 200 {
			t.Fatalf("login: %d %s", status, got.Error)
		}
		return got.AccessToken
	}
	next(201, "POST", "", "", ada)
	verify := letterTo(t, server, "ada@example.org", 1)
	next(204, "POST", "/verify-email", "", fmt.Sprintf(`{"token":%q}`, verify.Token))

	// A link that is used many times at once, at both replicas, has one winner.
	next(202, "POST", "/forgot-password", "", `{"email":"ada@example.org"}`)
	reset := letterTo(t, server, "ada@example.org", 2)
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 8 {
		all.Go(func() {
			status, _ := do(t, "POST", urls[i%2]+"/reset-password", "", fmt.Sprintf(`{"token":%q,"newPassword":"battery staple %d"}`, reset.Token, i%2))
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	all.Wait()
	if statuses[204] != 1 || statuses[400] != 7 {
		t.Fatalf("one link, used eight times at once: %v", statuses)
	}
	if l := letterTo(t, server, "ada@example.org", 3); !strings.Contains(l.Subject, "was changed") {
		t.Errorf("the notice is %q", l.Subject)
	}
	password := "battery staple 0"
	if status, _ := do(t, "POST", urls[0]+"/login", "", `{"username":"ada","password":"battery staple 0"}`); status != 200 {
		password = "battery staple 1"
	}

	access := login(password)
	next(202, "PATCH", "/me", access, fmt.Sprintf(`{"email":"ada@example.net","currentPassword":%q}`, password))
	next(204, "POST", "/verify-email", "", fmt.Sprintf(`{"token":%q}`, letterTo(t, server, "ada@example.net", 1).Token))
	if me := next(200, "GET", "/me", access, ""); !strings.Contains(me, `"email":"ada@example.net"`) {
		t.Errorf("after the change: %s", me)
	}
	undo := letterTo(t, server, "ada@example.org", 4)
	next(204, "POST", "/undo-email", "", fmt.Sprintf(`{"token":%q,"newPassword":"correct horse again"}`, undo.Token))
	next(401, "GET", "/me", access, "")
	access = login("correct horse again")
	if me := next(200, "GET", "/me", access, ""); !strings.Contains(me, `"email":"ada@example.org"`) || !strings.Contains(me, `"emailVerified":true`) {
		t.Errorf("after the undo: %s", me)
	}
	next(204, "DELETE", "/me", access, `{"currentPassword":"correct horse again"}`)
	next(401, "POST", "/login", "", `{"username":"ada","password":"correct horse again"}`)
	before := len(server.Received())
	next(202, "POST", "/forgot-password", "", `{"email":"ada@example.org"}`)
	time.Sleep(2500 * time.Millisecond)
	if n := len(server.Received()) - before; n > 0 {
		t.Errorf("%d mails to an account that was deleted", n)
	}
}

// TestMail_NotConfigured runs on Postgres and Redis without a mail server: what needs mail says so, and an
// administrator passes links on.
func TestMail_NotConfigured(t *testing.T) {
	t.Parallel()
	pg := testserver.Postgres(t)
	rd, prefix := testserver.Redis(t)
	port := freePort(t)
	file := onServers(t, port, pg, rd, prefix)
	r := serveIn(t, port, "--config", file)
	url := r.url + "/api/users"
	if !strings.Contains(r.stderr.String(), "mail is not configured") {
		t.Error("the log does not say that mail is not configured")
	}
	_, err := command(t, "correct horse\n", "user", "create", "--username", "root", "--email", "root@example.org", "--privilege", "2", "--verified", "--config", file)
	must(t, err)
	var root, user struct {
		ID, AccessToken, ResetLinkIssuedAt string
	}
	post(t, url, ada, nil)
	post(t, url+"/login", loginBody, &user)
	post(t, url+"/login", `{"username":"root","password":"correct horse"}`, &root)
	for _, c := range []struct{ method, path, token, body string }{
		{"POST", "/forgot-password", "", `{"email":"ada@example.org"}`},
		{"POST", "/me/verify-email", user.AccessToken, ``},
		{"PATCH", "/me", user.AccessToken, `{"email":"new@example.org","currentPassword":"correct horse"}`},
	} {
		if status, body := do(t, c.method, url+c.path, c.token, c.body); status != 503 || !strings.Contains(body, `"error":"mail_unavailable"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
	if status, body := do(t, "POST", url+"/"+root.ID+"/reset-password", root.AccessToken, ""); status != 403 || !strings.Contains(body, "reset-link") {
		t.Errorf("a link of an administrator: %d %s", status, body)
	}
	if _, body := do(t, "GET", url+"/me", root.AccessToken, ""); !strings.Contains(body, `"emailVerified":true`) {
		t.Errorf("an account that was created as verified: %s", body)
	}
	status, body := do(t, "POST", url+"/"+user.ID+"/reset-password", root.AccessToken, "")
	_, rest, found := strings.Cut(body, "token=")
	token, _, _ := strings.Cut(rest, `"`)
	if status != 200 || !found {
		t.Fatalf("a link of a user: %d %s", status, body)
	}
	if status, body := do(t, "POST", url+"/reset-password", "", fmt.Sprintf(`{"token":%q,"newPassword":"battery staple"}`, token)); status != 204 {
		t.Errorf("%d %s", status, body)
	}
	if status := post(t, url+"/login", strings.Replace(loginBody, "correct horse", "battery staple", 1), &user); status != 200 || user.ResetLinkIssuedAt == "" {
		t.Errorf("the next login: %d, issued %q", status, user.ResetLinkIssuedAt)
	}
	link, err := command(t, "", "user", "reset-link", "--user", "root", "--config", file)
	must(t, err)
	if !strings.HasPrefix(link, "http://localhost:1/api/users/reset-password?token=") {
		t.Errorf("the command prints %q", link)
	}
	if _, err := command(t, "", "mail", "test", "ada@example.org", "--config", file); err == nil || !strings.Contains(err.Error(), "mail.url") {
		t.Errorf("a test mail: %v", err)
	}
}

// TestMail_DatabaseDownWhileAResetIsRequested: 503, and nothing is half done.
func TestMail_DatabaseDownWhileAResetIsRequested(t *testing.T) {
	t.Parallel()
	server := testserver.StartSMTP(t, testserver.SMTPOptions{})
	pg := testserver.StartPostgres(t)
	rd, prefix := testserver.Redis(t)
	port := freePort(t)
	r := serveIn(t, port, "--config", onServers(t, port, pg.URL, rd, prefix, "mail.url: 'smtp://"+server.Address+"'"))
	url := r.url + "/api/users"
	post(t, url, ada, nil)
	letterTo(t, server, "ada@example.org", 1)
	pg.Stop()
	for _, address := range []string{"ada@example.org", "nobody@example.org"} {
		if status, body := do(t, "POST", url+"/forgot-password", "", fmt.Sprintf(`{"email":%q}`, address)); status != 503 || !strings.Contains(body, "store_unavailable") {
			t.Errorf("%s: %d %s", address, status, body)
		}
	}
	if status, body := do(t, "POST", url+"/reset-password", "", `{"token":"x","newPassword":"battery staple"}`); status != 503 {
		t.Errorf("reset: %d %s", status, body)
	}
	pg.Restart(t)
	await.Eventually(t, 20*time.Second, "the service is back", func() bool {
		status, _ := do(t, "POST", url+"/forgot-password", "", `{"email":"ada@example.org"}`)
		return status == 202
	})
	letterTo(t, server, "ada@example.org", 2)
	time.Sleep(1500 * time.Millisecond)
	if n := len(server.Received()); n != 2 {
		t.Errorf("%d mails: the refused requests were half done", n)
	}
}

func TestMailCommand(t *testing.T) {
	port := freePort(t)
	dir := t.TempDir()
	server := testserver.StartSMTP(t, testserver.SMTPOptions{Recipient: func(to string) error {
		if strings.HasPrefix(to, "full") {
			return testserver.Reply(550, "mailbox full")
		}
		return nil
	}})
	texts := t.TempDir()
	must(t, os.WriteFile(filepath.Join(texts, "reset_password.de.txt"), []byte("Subject: Mein {{product}}\n\n[Los]({{link}})\n"), 0o600))
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "mail.url: 'smtp://"+server.Address+"', templates: '"+texts+"', from: 'Shop <shop@example.org>'",
		"branding.name: Shop", "password.bcrypt_cost: 10")
	out, err := command(t, "", "mail", "preview", "reset_password", "--locale", "de", "--config", file)
	must(t, err)
	if !strings.Contains(out, "From: Shop <shop@example.org>") || !strings.Contains(out, "Subject: Mein Shop") || !strings.Contains(out, "Los:\nhttp://localhost:") {
		t.Errorf("preview:\n%s", out)
	}
	for _, refused := range [][]string{
		{"mail", "preview", "nope"},
		{"mail", "preview", "reset_password", "--locale", "fr"},
		{"mail", "test", "nobody"},
		{"mail", "list", "--state", "gone"},
		{"mail", "retry"},
		{"mail", "retry", "--all", "x"},
	} {
		if _, err := command(t, "", append(refused, "--config", file)...); err == nil {
			t.Errorf("%v: accepted", refused)
		}
	}
	out, err = command(t, "", "mail", "test", "ada@example.org", "--locale", "ko", "--config", file)
	must(t, err)
	if l := letterTo(t, server, "ada@example.org", 1); !strings.Contains(out, "SMTP at "+server.Address) || !strings.Contains(l.Subject, "테스트") {
		t.Errorf("%s %s", out, l.Subject)
	}
	if _, err = command(t, "", "mail", "test", "full@example.org", "--config", file); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("a refused test mail: %v", err)
	}
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", strings.Replace(ada, "ada@example.org", "full@example.org", 1), nil)
	var list string
	await.Eventually(t, 20*time.Second, "a dead mail", func() bool {
		list, err = command(t, "", "mail", "list", "--state", "dead", "--config", file)
		must(t, err)
		return strings.Contains(list, "1 mail\n")
	})
	if !strings.Contains(list, "verify_email") || !strings.Contains(list, "f…@example.org") || !strings.Contains(list, "refused: ") || strings.Contains(list, "full@") {
		t.Errorf("the list:\n%s", list)
	}
	id, _, _ := strings.Cut(list, " ")
	out, err = command(t, "", "mail", "retry", id, "--config", file)
	must(t, err)
	if out != "1 mail will be sent again\n" {
		t.Errorf("retry: %q", out)
	}
	await.Eventually(t, 20*time.Second, "the mail is dead again", func() bool {
		list, err = command(t, "", "mail", "list", "--json", "--config", file)
		must(t, err)
		return strings.Contains(list, `"state":"dead"`) && strings.Contains(list, `"attempts":1`)
	})
	out, err = command(t, "", "mail", "retry", "--all", "--config", file)
	must(t, err)
	if out != "1 mail will be sent again\n" {
		t.Errorf("retry --all: %q", out)
	}
	if log := r.stderr.String(); strings.Contains(log, "full@") || strings.Contains(log, "token=") {
		t.Errorf("the log has an address or a link:\n%s", log)
	}
}
