// The tests of the program are in its package, because a main package cannot be imported.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/app"
	"latchkey/internal/await"
	"latchkey/internal/testserver"
)

func TestMain(m *testing.M) {
	// Under the race detector a hash takes seconds, and longer while other tests run.
	_ = os.Setenv("LATCHKEY_PASSWORD_BCRYPT_COST", "10")
	_ = os.Setenv("LATCHKEY_SERVER_REQUEST_TIMEOUT", "30s")
	testserver.Main(m)
}

const testSecret = "a root secret for tests, of 32 bytes or more"

// program builds the program once and returns its path.
var program = testserver.Program

// settingsFile writes a file of settings; each line is key: value, in YAML.
func settingsFile(t *testing.T, lines ...string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		section, rest, _ := strings.Cut(line, ".")
		fmt.Fprintf(&b, "%s: {%s}\n", section, rest)
	}
	path := filepath.Join(t.TempDir(), "latchkey.yaml")
	must(t, os.WriteFile(path, []byte(b.String()), 0o600))
	return path
}

// running is the program in this process.
type running struct {
	url    string
	cancel context.CancelCauseFunc
	done   chan error
	stdout *lockedBuffer
	stderr *lockedBuffer
}

// serveIn runs the program in this process and waits until it is ready.
func serveIn(t *testing.T, port int, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &running{
		url: fmt.Sprintf("http://localhost:%d", port), cancel: cancel, done: make(chan error, 1),
		stdout: &lockedBuffer{}, stderr: &lockedBuffer{},
	}
	go func() {
		r.done <- run(ctx, append([]string{"serve"}, args...), strings.NewReader(""), r.stdout, r.stderr)
	}()
	t.Cleanup(func() { r.stop(t) })
	waitReady(t, r.url, r.stderr)
	return r
}

// stop ends the program like an interrupt, and requires that it ends without an error.
func (r *running) stop(t *testing.T) {
	t.Helper()
	if r.done == nil {
		return
	}
	r.cancel(app.ErrInterrupted)
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("the program ended with: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the program does not end")
	}
	r.done = nil
}

// startProgram starts the built program in its own process, without the race detector, and
// waits until it is ready. The end of the test kills it.
func startProgram(t *testing.T, port int, file string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	binary, err := program()
	must(t, err)
	cmd, log := exec.Command(binary, "serve", "--config", file), &lockedBuffer{}
	cmd.Stderr = log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // a second call, if the test has waited already
	})
	waitReady(t, fmt.Sprintf("http://localhost:%d", port), log)
	return cmd, log
}

func waitReady(t *testing.T, url string, log fmt.Stringer) {
	t.Helper()
	ready := await.Poll(60*time.Second, func() bool {
		res, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	if !ready {
		t.Fatalf("not ready:\n%s", log)
	}
}

// post sends JSON and decodes the response into out.
func post(t *testing.T, url, body string, out any) int {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	if out != nil {
		must(t, json.Unmarshal(b, out))
	}
	return res.StatusCode
}

// fetch returns the status and the body of a request without credentials.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

func get(t *testing.T, url, token string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

type tokens struct {
	AccessToken  string
	RefreshToken string
	Privilege    int
	Error        string
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := testserver.Port()
	must(t, err)
	return port
}

// lockedBuffer can be written and read concurrently.
type lockedBuffer = await.Buffer

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
