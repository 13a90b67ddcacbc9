package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/bench/attack"
	"latchkey/bench/rig"
)

// peer is a server that is measured.
type peer struct {
	key, name string
	program   string // its executable, or its script for Node.js
	install   string // how to get the program; "": make bench-peers does it
	module    string // the Go package that make bench-peers installs, with its version
	stores    string
	signs     string // the algorithm of access tokens
	refresh   string // what it does on a refresh
	start     func(*bench, peer, string) (*server, error)
}

// server is a running peer.
type server struct {
	peer
	*rig.Running
	version string
	users   int // of all sessions
	// signUp makes a user. Nil: the server has its users.
	signUp func(user int) error
	// login logs a user in, and returns a refresh token.
	login func(user int) (string, error)
	// request appends a refresh with a token, as HTTP/1.1.
	request func(b []byte, token string) []byte
	// next returns the refresh token in a response. Nil: the session keeps its token.
	next func(body []byte) string
	// ok is the status of a successful refresh.
	ok int
	// target is the login for a flood, if the server has one by password.
	target *attack.Login
	stop   func()
}

// programOf returns the path of the program of a peer, which it installs if it knows how.
func (b *bench) programOf(p peer) (string, error) {
	if strings.HasSuffix(p.program, ".js") {
		if _, err := os.Stat(filepath.Join(nodeDir, "node_modules")); err != nil {
			return "", errors.New("the packages from npm are not installed: make bench-peers does it")
		}
		return exec.LookPath("node")
	}
	here, err := filepath.Abs(filepath.Join(b.programs, p.program))
	if err != nil {
		return "", err
	}
	if p.module != "" {
		if info, err := buildinfo.ReadFile(here); err == nil && strings.HasSuffix(p.module, "@"+info.Main.Version) {
			return here, nil
		}
		b.Progress("%s: go install %s", p.name, p.module)
		install := exec.Command("go", "install", p.module)
		// The peer may need a newer Go than this machine has.
		install.Env = append(os.Environ(), "GOBIN="+filepath.Dir(here), "GOTOOLCHAIN=auto", "GOFLAGS=")
		install.Dir = b.dir
		if out, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go install %s: %s", p.module, lastLine(out))
		}
		return here, nil
	}
	if _, err := os.Stat(here); err == nil {
		return here, nil
	}
	// Not from the PATH: another program may have the name.
	return "", fmt.Errorf("there is no program %s in %s: %s", p.program, b.programs, p.install)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// versionOf returns the version of a program, from its own build information.
func versionOf(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		// A pseudo-version names a release that the commit may have nothing to do with.
		if s.Key == "vcs.revision" && strings.Count(version, "-") >= 2 {
			version = "commit " + s.Value[:min(len(s.Value), 12)]
		}
		if s.Key == "vcs.time" && strings.HasPrefix(version, "commit") {
			version += " of " + s.Value[:min(len(s.Value), len(time.DateOnly))]
		}
	}
	return version
}

// packageVersion returns the version of a package from npm.
func packageVersion(name string) string {
	var p struct{ Version string }
	text, err := os.ReadFile(filepath.Join(nodeDir, "node_modules", name, "package.json"))
	if err != nil || json.Unmarshal(text, &p) != nil {
		return "unknown"
	}
	return p.Version
}

// database makes a database on the common Postgres, runs a script in it, and returns its URL.
func (b *bench) database(name, script string) (string, error) {
	ctx := context.Background()
	if err := execute(ctx, b.stores.Postgres.URL, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u, err := url.Parse(b.stores.Postgres.URL)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	if script == "" {
		return u.String(), nil
	}
	return u.String(), execute(ctx, u.String(), script)
}

func execute(ctx context.Context, url, script string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, script)
	return errors.Join(err, conn.Close(ctx))
}

// redis returns the URL of one of the databases of the common Redis. The service has number 0.
func (b *bench) redis(number int) string {
	return fmt.Sprintf("%s/%d", strings.TrimSuffix(b.stores.Redis.URL, "/0"), number)
}

// launch starts a program with an environment, in a directory.
func (b *bench) launch(address, dir, path, ready string, environment []string, args ...string) (*rig.Running, error) {
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	r, err := rig.Start(cmd, address, ready)
	if err == nil {
		r.On = b.stores
	}
	return r, err
}

// once runs a program to its end.
func once(dir, path string, environment []string, args ...string) error {
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(path), strings.Join(args, " "), err, lastLine(out))
	}
	return nil
}

var plain = &http.Client{Timeout: 60 * time.Second}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// answer is the answer to a request that is not measured.
type answer struct {
	body    []byte
	header  http.Header
	cookies []*http.Cookie
}

// post sends a request that is not measured. An answer without success is an error.
func post(url, kind, body string, headers ...string) (a answer, err error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := plain.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }()
	a = answer{header: res.Header, cookies: res.Cookies()}
	if a.body, err = io.ReadAll(res.Body); err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s: %w", url, rig.Unexpected(res.StatusCode, a.body))
	}
	return a, err
}

// tokenIn returns a string of the JSON object in an answer, or an error.
func tokenIn(a answer, err error, name string) (string, error) {
	if err != nil {
		return "", err
	}
	token := rig.Member(a.body, name)
	if token == nil {
		return "", fmt.Errorf("no %s in the answer %.200s", name, a.body)
	}
	return string(token), nil
}

// member returns a function that finds a string in a response.
func member(name string) func([]byte) string {
	return func(body []byte) string { return string(rig.Member(body, name)) }
}

// posting returns a function that appends a POST of a body with a token in it, between two texts.
func posting(path, kind, open, end string) func([]byte, string) []byte {
	return func(b []byte, token string) []byte {
		return fmt.Appendf(b, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s%s%s",
			path, kind, len(open)+len(token)+len(end), open, token, end)
	}
}

// sending returns a function that appends a request without a body, with a token in the last of
// its header lines, after a text.
func sending(method, path, before string) func([]byte, string) []byte {
	return func(b []byte, token string) []byte {
		return fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n%s%s\r\n\r\n", method, path, before, token)
	}
}
