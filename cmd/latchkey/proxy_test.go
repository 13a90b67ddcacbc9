package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testserver"
)

// visitor is a browser as seen by a proxy: it has an address and a cookie jar, and sends the
// headers that browsers send.
type visitor struct {
	t    *testing.T
	base string
	http *http.Client
	// staging adds HTTP Basic credentials, which browsers send once they know them.
	staging bool
}

func newVisitor(t *testing.T, base, from string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &visitor{t: t, base: base, http: &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

// proxied is a response of a proxy, or of the service through the proxy.
type proxied struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) send(method, path, body string, headers ...string) proxied {
	v.t.Helper()
	req, err := http.NewRequest(method, v.base+path, strings.NewReader(body))
	must(v.t, err)
	req.Header.Set("Sec-Fetch-Mode", "cors")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if v.staging {
		req.SetBasicAuth("staging", "secret")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.http.Do(req)
	must(v.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	must(v.t, err)
	return proxied{res.StatusCode, res.Header, string(text)}
}

func (v *visitor) wants(status int, method, path, body string) string {
	v.t.Helper()
	got := v.send(method, path, body)
	if got.status != status {
		v.t.Errorf("%s %s: %d, want %d: %s", method, path, got.status, status, got.body)
	}
	return got.body
}

// TestServe_BehindNginx runs the program behind an nginx that strips a prefix, requires a
// password for a staging site, caches cacheable responses, and identifies clients by address
// and port.
func TestServe_BehindNginx(t *testing.T) {
	t.Parallel()
	port, users := freePort(t), filepath.Join(t.TempDir(), "users")
	must(t, os.WriteFile(users, []byte("staging:{PLAIN}secret\n"), 0o600))
	proxy := testserver.StartNginx(t, fmt.Sprintf(`proxy_cache_path {dir}/cache keys_zone=all:1m;
upstream latchkey { server 127.0.0.1:%d; keepalive 4; }
---
auth_basic "staging";
auth_basic_user_file %s;
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For "$remote_addr:$remote_port";
location /auth/ { proxy_pass http://latchkey/; }
location /auth/.well-known/ {
    proxy_pass http://latchkey/.well-known/;
    proxy_cache all;
    add_header X-Cache $upstream_cache_status always;
}
location = /.well-known/oauth-authorization-server/auth { proxy_pass http://latchkey; auth_basic off; }
`, port, users))
	base := fmt.Sprintf("http://localhost:%d/auth", proxy)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: '%s', trusted_proxies: [127.0.0.1]", port, base),
		"data.dir: '"+filepath.Join(t.TempDir(), "data")+"'", "limits.login_address: 3, login_delay: 30s") // longer than the hashes take
	serveIn(t, port, "--config", file)

	v := newVisitor(t, base, "127.0.0.2")
	v.wants(401, "GET", "/livez", "")
	v.staging = true
	v.wants(201, "POST", "/api/users", ada)
	v.wants(200, "POST", "/api/users/login", loginBody)
	v.wants(200, "GET", "/api/users/me", "")
	v.wants(200, "POST", "/api/users/refresh", "")
	v.wants(200, "HEAD", "/api/users/me", "")
	if text := v.wants(200, "GET", "/.well-known/oauth-authorization-server", ""); !strings.Contains(text, `"token_endpoint":"`+base+`/oauth/token"`) {
		t.Errorf("the metadata: %s", text)
	}
	root := newVisitor(t, strings.TrimSuffix(base, "/auth"), "127.0.0.3")
	root.wants(200, "GET", "/.well-known/oauth-authorization-server/auth", "")

	// A cached response serves pages of every origin, regardless of the client that requested it
	// first.
	for _, want := range []string{"MISS", "HIT"} {
		got := v.send("GET", "/.well-known/jwks.json", "")
		if got.header.Get("X-Cache") != want || got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("the key set: %v, want %s", got.header, want)
		}
	}
	if got := v.send("GET", "/.well-known/jwks.json", "", "Origin", "https://app.example"); got.header.Get("X-Cache") != "HIT" || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the key set for a page: %v", got.header)
	}

	// One visitor's failures delay no other visitor, although the proxy adds a port to addresses.
	guesser := newVisitor(t, base, "127.0.0.3")
	guesser.staging = true
	for i := range 4 {
		guesser.send("POST", "/api/users/login", fmt.Sprintf(`{"username":"stranger%d","password":"wrong guess"}`, i))
	}
	guesser.wants(429, "POST", "/api/users/login", `{"username":"stranger9","password":"wrong guess"}`)
	v.wants(200, "POST", "/api/users/login", loginBody)
	v.wants(204, "POST", "/api/users/logout", "")
	v.wants(401, "GET", "/api/users/me", "")
}

// TestServe_BehindHAProxy runs the program behind the settings of deploy/haproxy.
func TestServe_BehindHAProxy(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	text, err := os.ReadFile("../../deploy/haproxy/haproxy.cfg")
	must(t, err)
	replicas, err := os.ReadFile("../../deploy/haproxy/replicas.cfg")
	must(t, err)
	errors, err := filepath.Abs("../../deploy/haproxy/errors")
	must(t, err)
	conf := strings.NewReplacer("bind :443 ssl crt /etc/haproxy/auth.pem alpn h2,http/1.1", "bind 127.0.0.1:{port}", "/etc/haproxy/errors", errors,
		"10.0.0.11:8080", fmt.Sprintf("127.0.0.1:%d", port), "    server b 10.0.0.12:8080\n    server c 10.0.0.13:8080\n", "",
		"option httpchk GET /readyz", "option httpchk HEAD /readyz").Replace(string(text) + string(replicas))
	proxy := testserver.StartHAProxy(t, conf)
	base := fmt.Sprintf("http://localhost:%d", proxy)
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: '%s', trusted_proxies: [127.0.0.1]", port, base),
		"data.dir: '"+filepath.Join(t.TempDir(), "data")+"'")
	serveIn(t, port, "--config", file)
	v := newVisitor(t, base, "127.0.0.2")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for v.send("GET", "/livez", "").status != 200 { // until HAProxy's HEAD check has found the replica
		select {
		case <-ctx.Done():
			t.Fatal("HAProxy finds no replica")
		case <-time.After(50 * time.Millisecond):
		}
	}
	v.wants(201, "POST", "/api/users", ada)
	v.wants(200, "POST", "/api/users/login", loginBody)
	v.wants(200, "GET", "/api/users/me", "")
	v.wants(200, "POST", "/api/users/refresh", "")
	v.wants(204, "POST", "/api/users/logout", "")
}
