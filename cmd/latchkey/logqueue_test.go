package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// blocked is a reader of the log that reads when the test allows it, and may have exited.
type blocked struct {
	lockedBuffer
	gate chan struct{}
	gone atomic.Bool
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.gate
	if b.gone.Load() {
		return 0, syscall.EPIPE
	}
	return b.lockedBuffer.Write(p)
}

func TestLogQueue_BlockedReaderDropsLinesAndReportsThem(t *testing.T) {
	w := &blocked{gate: make(chan struct{})}
	q := newLogQueue(w)
	log := slog.New(slog.NewJSONHandler(q, nil))
	q.reportTo(log)
	line := strings.Repeat("x", 1000)
	begin := time.Now()
	for range 5000 { // five times the size of the queue
		log.Info(line)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("5000 lines took %s", took)
	}
	if n := q.Dropped(); n < 2000 || n > 4500 {
		t.Errorf("%d lines were dropped", n)
	}
	close(w.gate)
	w.Await(t, "log lines dropped")
	q.Close(time.Second)
	if !strings.Contains(w.String(), fmt.Sprintf(`"msg":"log lines dropped","lines":%d`, q.Dropped())) {
		t.Errorf("the log does not say that %d lines are missing", q.Dropped())
	}
	if got := int64(strings.Count(w.String(), line)) + q.Dropped(); got != 5000 {
		t.Errorf("%d lines were written or dropped, of 5000", got)
	}
}

func TestLogQueue_ContinuesAfterABrokenPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &blocked{gate: make(chan struct{})}
		w.gone.Store(true)
		close(w.gate)
		q := newLogQueue(w)
		if _, err := q.Write([]byte("lost\n")); err != nil {
			t.Error(err)
		}
		synctest.Wait() // until it was written
		w.gone.Store(false)
		_, _ = q.Write([]byte("kept\n"))
		q.Close(time.Second)
		if q.Dropped() != 1 || w.String() != "kept\n" {
			t.Errorf("%d dropped, written: %q", q.Dropped(), w.String())
		}
	})
}

// TestServe_RunsWithoutAReaderOfTheLog runs the program with both outputs in one pipe, first
// with a blocked reader, then with a reader that has exited. The program processes a login and
// a logout, and ends on SIGTERM.
func TestServe_RunsWithoutAReaderOfTheLog(t *testing.T) {
	t.Parallel()
	binary, err := program()
	must(t, err)
	for name, gone := range map[string]bool{"not read": false, "gone": true} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', drain_delay: '0s'", port), "data.dir: '"+t.TempDir()+"'", "log.level: debug")
			r, w, err := os.Pipe()
			must(t, err)
			defer func() { _ = r.Close() }()
			cmd := exec.Command(binary, "serve", "--config", file)
			cmd.Stdout, cmd.Stderr = w, w
			must(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			must(t, w.Close())
			url := fmt.Sprintf("http://localhost:%d", port)
			waitReady(t, url, &lockedBuffer{})
			if gone {
				must(t, r.Close())
			}
			client := &http.Client{Timeout: 20 * time.Second}
			post := func(path, body string) (int, string) {
				res, err := client.Post(url+path, "application/json", strings.NewReader(body))
				must(t, err)
				defer func() { _ = res.Body.Close() }()
				b, err := io.ReadAll(res.Body)
				must(t, err)
				return res.StatusCode, string(b)
			}
			for range 3000 { // more than fits into the pipe and the queue
				res, err := client.Get(url + "/livez?" + strings.Repeat("x", 10))
				must(t, err)
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			const ada = `{"username":"ada","email":"ada@example.org","password":"correct horse battery"}`
			if status, body := post("/api/users", ada); status != 201 {
				t.Fatalf("sign-up: %d %s", status, body)
			}
			status, body := post("/api/users/login", ada)
			var tokens struct{ RefreshToken string }
			if _ = json.Unmarshal([]byte(body), &tokens); status != 200 || tokens.RefreshToken == "" {
				t.Fatalf("log-in: %d %s", status, body)
			}
			if status, body := post("/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, tokens.RefreshToken)); status != 204 {
				t.Fatalf("log-out: %d %s", status, body)
			}
			must(t, cmd.Process.Signal(syscall.SIGTERM))
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(15 * time.Second):
				t.Error("it does not end on SIGTERM")
			}
		})
	}
}

// TestServe_AllOutputHasTheFormatOfTheLog checks all output of the program: when it starts,
// fails to start, and ends.
func TestServe_AllOutputHasTheFormatOfTheLog(t *testing.T) {
	binary, err := program()
	must(t, err)
	port := freePort(t)
	good := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', drain_delay: '0s'", port), "data.dir: '"+t.TempDir()+"'")
	for name, file := range map[string]string{
		"good": good, "bad settings": settingsFile(t, "password.bcrypt_cost: 1", "log.level: 'loud'"),
		"a store that is not there": settingsFile(t, "data.dir: '/dev/null/x'"),
	} {
		t.Run(name, func(t *testing.T) {
			var out lockedBuffer
			cmd := exec.Command(binary, "serve", "--config", file)
			cmd.Stdout, cmd.Stderr = &out, &out
			must(t, cmd.Start())
			if file == good {
				waitReady(t, fmt.Sprintf("http://localhost:%d", port), &out)
				must(t, cmd.Process.Signal(syscall.SIGTERM))
			}
			if err := cmd.Wait(); (err == nil) != (file == good) {
				t.Errorf("it ended with %v", err)
			}
			lines := 0
			for scanner := bufio.NewScanner(strings.NewReader(out.String())); scanner.Scan(); lines++ {
				var object map[string]any
				if err := json.Unmarshal(scanner.Bytes(), &object); err != nil || object["msg"] == nil {
					t.Errorf("not a line of the log: %q", scanner.Text())
				}
			}
			if lines == 0 {
				t.Error("nothing was written")
			}
		})
	}
}
