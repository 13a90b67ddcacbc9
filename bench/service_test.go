package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/repository/throwaway"
)

// service is the built program on servers of its own.
type service struct {
	url    string
	client *http.Client
	tokens []string // the refresh token of each client
	pid    int
}

// start starts it, with settings besides those that every benchmark needs.
func start(b *testing.B, settings ...string) *service {
	dir := b.TempDir()
	program := filepath.Join(dir, "latchkey")
	out, err := exec.Command("go", "build", "-tags", "nomsgpack,grpcnotrace", "-o", program, "latchkey/cmd/latchkey").CombinedOutput()
	if err != nil {
		b.Fatalf("build: %s", out)
	}
	pg := throwaway.Postgres(b)
	rd, prefix := throwaway.Redis(b)
	port, err := throwaway.Port()
	must(b, err)
	cmd := exec.Command(program, "serve")
	cmd.Env = append(os.Environ(),
		fmt.Sprintf("LATCHKEY_SERVER_LISTEN=127.0.0.1:%d", port), "LATCHKEY_DATABASE_URL="+pg, "LATCHKEY_REDIS_URL="+rd, "LATCHKEY_REDIS_PREFIX="+prefix,
		"LATCHKEY_TOKENS_SECRET=a root secret for a benchmark, long enough", fmt.Sprintf("LATCHKEY_PASSWORD_BCRYPT_COST=%d", cost),
		"LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.0/8", "LATCHKEY_REFRESH_GRACE=0s", "LATCHKEY_REFRESH_MAX_SESSIONS=1000", "LATCHKEY_LOG_LEVEL=error",
		"LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0")
	cmd.Env = append(cmd.Env, settings...)
	cmd.Stderr = os.Stderr
	must(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &service{pid: cmd.Process.Pid, url: fmt.Sprintf("http://localhost:%d", port), client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}}}
	for range 200 {
		if res, err := s.client.Get(s.url + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status, body := s.post("/api/users", "", `{"username":"ada","email":"ada@example.org","password":"correct horse"}`); status != 201 {
		b.Fatalf("sign-up: %d %s", status, body)
	}
	return s
}

// logIn makes a session for each of so many clients.
func (s *service) logIn(b *testing.B, clients int) {
	for range clients {
		status, body := s.post("/api/users/login", "", `{"username":"ada","password":"correct horse"}`)
		if status != 200 {
			b.Fatalf("login: %d %s", status, body)
		}
		s.tokens = append(s.tokens, refreshTokenOf(body))
	}
}

func refreshTokenOf(body []byte) string {
	var tokens struct{ RefreshToken string }
	_ = json.Unmarshal(body, &tokens)
	return tokens.RefreshToken
}

func (s *service) post(path, address, body string) (int, []byte) {
	req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	req.Header.Set("Content-Type", "application/json")
	if address != "" {
		req.Header.Set("X-Forwarded-For", address)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer func() { _ = res.Body.Close() }()
	var b bytes.Buffer
	_, _ = io.Copy(&b, res.Body)
	return res.StatusCode, b.Bytes()
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
