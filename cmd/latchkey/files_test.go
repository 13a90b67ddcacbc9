package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/testserver"
)

// TestServe_FilesOfAGroup starts the service on files as Kubernetes leaves them: the group of
// the volume may read and write them, and on OpenShift their owner is another user of that
// group. The service refuses or repairs only files that every user may read.
func TestServe_FilesOfAGroup(t *testing.T) {
	t.Parallel()
	testserver.NeedRoot(t)
	binary, err := program()
	must(t, err)
	parent := t.TempDir()
	for dir := parent; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) { // only their owner may use them by default
		must(t, os.Chmod(dir, 0o755))
	}
	must(t, os.Chmod(filepath.Dir(binary), 0o755))
	const group = 4242
	dir := filepath.Join(parent, "data")
	must(t, os.Mkdir(dir, 0o770))
	must(t, os.Chown(dir, 0, group))
	must(t, os.Chmod(dir, 0o2770))
	try := func(uid uint32) string {
		t.Helper()
		port := freePort(t)
		cmd, log := exec.Command(binary, "serve"), &lockedBuffer{}
		cmd.Stderr = log
		cmd.Dir = parent
		cmd.Env = append(os.Environ(), fmt.Sprintf("LATCHKEY_SERVER_LISTEN=127.0.0.1:%d", port), "LATCHKEY_DATA_DIR="+dir, "LATCHKEY_SERVER_DRAIN_DELAY=0s")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: group}}
		must(t, cmd.Start())
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		deadline := time.Now().Add(20 * time.Second)
		for !strings.Contains(log.String(), `"listening"`) && time.Now().Before(deadline) {
			select {
			case err := <-done:
				t.Logf("user %d: it ends: %v", uid, err)
				return log.String()
			case <-time.After(20 * time.Millisecond):
			}
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-done; err != nil {
			t.Errorf("user %d: %v", uid, err)
		}
		return log.String()
	}
	for _, uid := range []uint32{1001, 1002, 1001} {
		if out := try(uid); !strings.Contains(out, `"listening"`) {
			t.Fatalf("user %d does not start: %s", uid, out)
		}
	}
	for _, name := range []string{"secret", "latchkey.db", "latchkey.db.migrate"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode()&0o007 != 0 || info.Mode()&0o040 == 0 {
			t.Errorf("%s has mode %04o", name, info.Mode().Perm())
		}
		must(t, os.Chmod(filepath.Join(dir, name), 0o660)) // as fsGroup does
	}
	if out := try(1002); !strings.Contains(out, `"listening"`) || !strings.Contains(out, "members of its group may read") {
		t.Errorf("with files of the group: %s", out)
	}

	must(t, os.Chmod(filepath.Join(dir, "latchkey.db"), 0o666))
	if out := try(1002); strings.Contains(out, `"listening"`) || !strings.Contains(out, "every user of this machine may read it") {
		t.Errorf("a database for all, of another user: %s", out)
	}
	if out := try(1001); !strings.Contains(out, `"listening"`) {
		t.Errorf("a database for all, of the same user: %s", out)
	}
	if info, _ := os.Stat(filepath.Join(dir, "latchkey.db")); info.Mode().Perm() != 0o660 {
		t.Errorf("it has mode %04o now", info.Mode().Perm())
	}
	must(t, os.Chmod(filepath.Join(dir, "secret"), 0o644))
	if out := try(1001); strings.Contains(out, `"listening"`) || !strings.Contains(out, "chmod 600") {
		t.Errorf("a secret for all: %s", out)
	}
}

// TestServe_WarnsOnceAboutASecretOfTheGroup checks that the service warns at its start, and that a
// command, which would repeat it each time, does not.
func TestServe_WarnsOnceAboutASecretOfTheGroup(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), filepath.Join(t.TempDir(), "data")
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'")
	const warning = "members of its group may read the secret "
	r := serveIn(t, port, "--config", file)
	r.stop(t)
	if strings.Contains(r.stderr.String(), warning) {
		t.Errorf("a secret of mode 0600: %s", r.stderr)
	}
	must(t, os.Chmod(filepath.Join(dir, "secret"), 0o640))
	r = serveIn(t, port, "--config", file)
	r.stop(t)
	if log := r.stderr.String(); strings.Count(log, warning) != 1 || !strings.Contains(log, `"level":"WARN","msg":"`+warning) {
		t.Errorf("a secret of mode 0640: %s", log)
	}
	var errOut lockedBuffer
	must(t, run(t.Context(), []string{"key", "list", "--config", file}, strings.NewReader(""), &lockedBuffer{}, &errOut))
	if strings.Contains(errOut.String(), warning) {
		t.Errorf("a command: %s", &errOut)
	}
}

// TestServe_RepeatedSignalsDropNoRequest sends signals while a request is in progress: SIGHUP,
// which supervisors use for a reload and closing terminals send as well, and pairs of signals.
// systemd sends SIGTERM and SIGHUP with SendSIGHUP=yes.
func TestServe_RepeatedSignalsDropNoRequest(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][]syscall.Signal{
		"HUP": {syscall.SIGHUP}, "HUP HUP": {syscall.SIGHUP, syscall.SIGHUP}, "TERM HUP": {syscall.SIGTERM, syscall.SIGHUP},
		"HUP TERM": {syscall.SIGHUP, syscall.SIGTERM}, "TERM TERM HUP": {syscall.SIGTERM, syscall.SIGTERM, syscall.SIGHUP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', drain_delay: 5s", port), "data.dir: '"+t.TempDir()+"'", "password.bcrypt_cost: 12")
			cmd, log := startProgram(t, port, file)
			url := fmt.Sprintf("http://localhost:%d", port)
			answered, read, body := make(chan int, 1), make(chan struct{}), make(chan struct{})
			go func() { answered <- postSlowly(t, url+"/api/users", ada, func() { close(read) }, body) }()
			<-read
			must(t, cmd.Process.Signal(signals[0]))
			log.Await(t, `"draining"`)
			for _, s := range signals[1:] {
				time.Sleep(200 * time.Millisecond)
				must(t, cmd.Process.Signal(s))
			}
			time.Sleep(50 * time.Millisecond)
			close(body)
			if status := <-answered; status != 201 {
				t.Errorf("the request in progress: %d", status)
			}
			if status, _ := fetch(t, url+"/livez"); status != 200 {
				t.Errorf("a request while it drains: %d", status)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, log)
			}
		})
	}
}

// TestServe_SecondInterruptEndsAtOnce sends the signal of the keyboard twice while a request is in
// progress.
func TestServe_SecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', drain_delay: 30s, request_timeout: 60s", port), "data.dir: '"+t.TempDir()+"'")
	cmd, log := startProgram(t, port, file)
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	log.Await(t, `"draining"`)
	must(t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v\n%s", cmd.ProcessState, log)
	}
}

// postSlowly sends the header of a request, calls read once the service has read the header and
// waits for the body, and sends the body when the channel delivers it.
func postSlowly(t *testing.T, url, text string, read func(), body <-chan struct{}) int {
	in, out := io.Pipe()
	go func() {
		<-body
		_, _ = io.WriteString(out, text)
		_ = out.Close()
	}()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: read})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, in)
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
