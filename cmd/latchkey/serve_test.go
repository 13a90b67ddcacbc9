package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
)

const (
	ada       = `{"username":"ada","email":"ada@example.org","password":"correct horse"}`
	loginBody = `{"username":"ada","password":"correct horse"}`
)

func TestServe_EmbeddedKeepsUsersAndSessionsOverARestart(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), filepath.Join(t.TempDir(), "data")
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10")
	first := serveIn(t, port, "--config", file)
	first.stderr.Await(t, fmt.Sprintf(`"address":"127.0.0.1:%d"`, port))
	first.stderr.Await(t, `"mode":"embedded"`)
	if status := post(t, first.url+"/api/users", ada, nil); status != 201 {
		t.Fatalf("sign-up: %d", status)
	}
	var before, after tokens
	post(t, first.url+"/api/users/login", loginBody, &before)
	for name, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "secret"): 0o600, filepath.Join(dir, "latchkey.db"): 0o600, filepath.Join(dir, "latchkey.db.migrate"): 0o600} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o, want %04o", name, info.Mode().Perm(), mode)
		}
	}
	first.stop(t)

	second := serveIn(t, port, "--config", file)
	if status := get(t, second.url+"/api/users/me", before.AccessToken); status != 200 {
		t.Errorf("the access token from before the restart: %d", status)
	}
	body := fmt.Sprintf(`{"refreshToken":%q}`, before.RefreshToken)
	if status := post(t, second.url+"/api/users/refresh", body, &after); status != 200 {
		t.Errorf("the refresh token from before the restart: %d %s", status, after.Error)
	}
	if status := post(t, second.url+"/api/users/login", loginBody, nil); status != 200 {
		t.Errorf("login after the restart: %d", status)
	}
	for _, token := range []string{before.AccessToken, before.RefreshToken, after.RefreshToken, "correct horse"} {
		if strings.Contains(first.stderr.String()+second.stderr.String(), token) {
			t.Error("a secret is in the log")
		}
	}
}

func TestServe_ReplicasAcceptEachOthersTokens(t *testing.T) {
	t.Parallel()
	var replicas []*running
	pg := testserver.Postgres(t)
	rd, prefix := testserver.Redis(t)
	// They start at the same time: one migrates, and all serve.
	var starts sync.WaitGroup
	var mu sync.Mutex
	for range 3 {
		port := freePort(t)
		file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: 'http://localhost:1'", port),
			"database.url: '"+pg+"'", "redis.url: '"+rd+"', prefix: '"+prefix+"'", "tokens.secret: '"+testSecret+"'", "password.bcrypt_cost: 10")
		starts.Go(func() {
			r := serveIn(t, port, "--config", file)
			mu.Lock()
			defer mu.Unlock()
			replicas = append(replicas, r)
		})
	}
	starts.Wait()
	if status := post(t, replicas[0].url+"/api/users", ada, nil); status != 201 {
		t.Fatalf("sign-up: %d", status)
	}
	var got tokens
	if status := post(t, replicas[1].url+"/api/users/login", loginBody, &got); status != 200 {
		t.Fatalf("login at another replica: %d", status)
	}
	for i, r := range replicas {
		if status := get(t, r.url+"/api/users/me", got.AccessToken); status != 200 {
			t.Errorf("replica %d refuses the access token: %d", i, status)
		}
	}
	body := fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken)
	if status := post(t, replicas[2].url+"/api/users/refresh", body, &got); status != 200 {
		t.Errorf("refresh at a third replica: %d %s", status, got.Error)
	}
	if status := post(t, replicas[0].url+"/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken), nil); status != 204 {
		t.Errorf("logout: %d", status)
	}
	if status := post(t, replicas[1].url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken), nil); status != 401 {
		t.Errorf("refresh after a logout at another replica: %d", status)
	}
}

// TestServe_TerminationUnderLoadLosesNoRequest sends the real program a SIGTERM while clients
// call it as fast as they can. Clients that use another replica once this one is not ready,
// like every client behind a load balancer, see no failure. Clients that continue until the end
// get a response to every request that the program accepted. A connection that the operating
// system refuses or resets was never accepted by the program.
func TestServe_TerminationUnderLoadLosesNoRequest(t *testing.T) {
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', drain_delay: 1s", port), "data.dir: '"+t.TempDir()+"'",
		"password.bcrypt_cost: 10")
	cmd, log := startProgram(t, port, file)
	url := fmt.Sprintf("http://localhost:%d", port)
	post(t, url+"/api/users", ada, nil)
	var got tokens
	post(t, url+"/api/users/login", loginBody, &got)

	var answered, lost atomic.Int64
	var away atomic.Bool // state of a load balancer
	var clients sync.WaitGroup
	for i := range 16 {
		heedful := i%2 == 0
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			for !heedful || !away.Load() {
				status, err := me(client, url, got.AccessToken)
				notAccepted := errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
				if !heedful && notAccepted {
					return
				}
				if err != nil || status != 200 {
					lost.Add(1)
					t.Logf("lost, heedful %v: %d %v", heedful, status, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	clients.Go(func() {
		await.Poll(time.Minute, func() bool {
			res, err := http.Get(url + "/readyz")
			if err != nil {
				return true
			}
			_ = res.Body.Close()
			away.Store(res.StatusCode == http.StatusServiceUnavailable)
			return away.Load()
		})
	})
	await.Eventually(t, time.Minute, "the load has begun", func() bool { return answered.Load() >= 500 })
	before := answered.Load()
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v\n%s", err, log)
	}
	clients.Wait()
	t.Logf("%d requests answered, %d of them after SIGTERM, %d lost", answered.Load(), answered.Load()-before, lost.Load())
	if lost.Load() > 0 || answered.Load() == before || !away.Load() {
		t.Error("want none lost, some answered while draining, and to be seen as not ready")
	}
}

func me(client *http.Client, url, token string) (int, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+"/api/users/me", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func TestServe_BadSettingsStopTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"redis is missing":      {[]string{"database.url: 'postgres://x/y'", "tokens.secret: '" + testSecret + "'"}, "redis.url"},
		"the secret is missing": {[]string{"database.url: 'postgres://x/y'", "redis.url: 'redis://x'"}, "tokens.secret"},
		"no database URL":       {[]string{"database.url: 'mysql://x'", "redis.url: 'redis://x'", "tokens.secret: '" + testSecret + "'"}, "database.url"},
		"no redis URL":          {[]string{"database.url: 'postgres://x/y'", "redis.url: 'http://x'", "tokens.secret: '" + testSecret + "'"}, "redis.url"},
		"an unknown error":      {[]string{"data.dir: '" + t.TempDir() + "'", "errors.status: {token_expird: 419}"}, "token_expird"},
		"a taken port":          {[]string{"data.dir: '" + t.TempDir() + "'", "server.listen: '" + taken.Addr().String() + "'"}, "server.listen"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), []string{"serve", "--config", settingsFile(t, c.lines...)}, strings.NewReader(""), &lockedBuffer{}, &lockedBuffer{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not mention %s", err, c.want)
			}
		})
	}
}
