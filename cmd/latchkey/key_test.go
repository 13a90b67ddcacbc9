package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/await"
	"latchkey/internal/testserver"
	"latchkey/service/jose"
)

// twoReplicas runs two replicas on one Postgres and Redis, with further settings. It also
// returns the settings file of the first replica.
func twoReplicas(t *testing.T, more ...string) (file string, replicas [2]*running) {
	t.Helper()
	pg := testserver.Postgres(t)
	rd, prefix := testserver.Redis(t)
	for i := range replicas {
		port := freePort(t)
		file = settingsFile(t,
			fmt.Sprintf("server.listen: '127.0.0.1:%d', public_url: 'http://localhost:1'", port),
			"database.url: '"+pg+"'", "redis.url: '"+rd+"', prefix: '"+prefix+"'",
			"tokens.secret: '"+testSecret+"'"+strings.Join(more, ""), "password.bcrypt_cost: 10")
		replicas[i] = serveIn(t, port, "--config", file)
	}
	return file, replicas
}

// key returns the kid of the first key with a use and a state.
func key(t *testing.T, file, use, state string) string {
	t.Helper()
	out, err := command(t, "", "key", "list", "--config", file)
	must(t, err)
	for _, line := range strings.Split(out, "\n") {
		if f := strings.Fields(line); len(f) > 3 && f[0] == use && f[1] == state {
			return f[3]
		}
	}
	t.Fatalf("no %s key is %s:\n%s", use, state, out)
	return ""
}

func TestKeyRevoke_RefusedOnEveryReplicaWithinFiveSeconds(t *testing.T) {
	file, replicas := twoReplicas(t, ", algorithm: EdDSA")
	post(t, replicas[0].url+"/api/users", ada, nil)
	var got tokens
	post(t, replicas[0].url+"/api/users/login", loginBody, &got)
	for _, r := range replicas {
		if status := get(t, r.url+"/api/users/me", got.AccessToken); status != 200 {
			t.Fatalf("before: %d", status)
		}
	}
	out, err := command(t, "", "key", "revoke", key(t, file, "access", "active"), "--config", file)
	must(t, err)
	if !strings.Contains(out, "is revoked") {
		t.Errorf("printed %q", out)
	}
	revoked := time.Now()
	var last time.Duration
	for _, r := range replicas {
		await.Eventually(t, 5*time.Second, "the key is refused", func() bool {
			return get(t, r.url+"/api/users/me", got.AccessToken) != 200
		})
		last = time.Since(revoked)
	}
	t.Logf("refused everywhere after %s", last.Round(10*time.Millisecond))
	// The rotation logs no user out.
	for i, r := range []*running{replicas[1], replicas[0]} {
		body := fmt.Sprintf(`{"refreshToken":%q}`, got.RefreshToken)
		if status := post(t, r.url+"/api/users/refresh", body, &got); status != 200 {
			t.Fatalf("refresh %d: %d %s", i, status, got.Error)
		}
		if status := get(t, replicas[i].url+"/api/users/me", got.AccessToken); status != 200 {
			t.Errorf("with a token of the next key: %d", status)
		}
	}
}

func TestKeyCommand_ChangesTheAlgorithm(t *testing.T) {
	t.Parallel()
	file, replicas := twoReplicas(t)
	post(t, replicas[0].url+"/api/users", ada, nil)
	_, err := command(t, "", "key", "add", "--alg", "ES256", "--config", file)
	must(t, err)
	next := key(t, file, "access", "next")
	out, err := command(t, "", "key", "rotate", "--config", file)
	must(t, err)
	if !strings.Contains(out, "signs from") {
		t.Errorf("a key that nobody knows yet signs at once: %q", out)
	}
	await.Eventually(t, 20*time.Second, "the other replica publishes the next key", func() bool {
		_, b := fetch(t, replicas[1].url+"/.well-known/jwks.json")
		return strings.Contains(b, next)
	})
	// Import of an external key, in an emergency.
	dir := t.TempDir()
	generated, err := command(t, "", "key", "generate", "--alg", "RS256")
	must(t, err)
	path := filepath.Join(dir, "key.jwk")
	must(t, os.WriteFile(path, []byte(generated), 0o600))
	_, err = command(t, "", "key", "import", path, "--config", file)
	must(t, err)
	out, err = command(t, "", "key", "rotate", "--now", "--config", file)
	must(t, err)
	if !strings.Contains(out, "RS256") || !strings.Contains(out, "is active") {
		t.Errorf("printed %q", out)
	}
	await.Eventually(t, 20*time.Second, "the imported key signs", func() bool {
		var got tokens
		post(t, replicas[1].url+"/api/users/login", loginBody, &got)
		return len(got.AccessToken) > 600 // an RSA signature
	})
	for name, args := range map[string][]string{
		"an unknown key": {"revoke", "nothing"}, "no key": {"revoke"}, "both": {"revoke", "a", "--all"},
		"an algorithm": {"add", "--alg", "none"}, "a use": {"rotate", "--use", "id"}, "ES256 for refresh": {"add", "--use", "refresh", "--alg", "ES256"},
		"no file": {"import", filepath.Join(dir, "nothing")}, "twice": {"import", path},
	} {
		if _, err := command(t, "", append(append([]string{"key"}, args...), "--config", file)...); err == nil {
			t.Errorf("%s: done", name)
		}
	}
}

// TestKeyGenerate_UsesTheDefaultAlgorithm compares the default of the command with the
// algorithm of a new installation.
func TestKeyGenerate_UsesTheDefaultAlgorithm(t *testing.T) {
	generated, err := command(t, "", "key", "generate")
	must(t, err)
	key, err := jose.ParseKey([]byte(generated))
	must(t, err)
	if key.Algorithm != jose.DefaultAlgorithm {
		t.Errorf("generated %s, want %s", key.Algorithm, jose.DefaultAlgorithm)
	}
}

func TestKeysFile_ChangesApplyWithoutARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(text string) { must(t, os.WriteFile(path, []byte(text), 0o600)) }
	one, err := command(t, "", "key", "generate", "--alg", "EdDSA")
	must(t, err)
	write(`{"keys":[` + one + `]}`)
	port, dir := freePort(t), t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10", "tokens.keys_file: '"+path+"'")
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", ada, nil)
	var got tokens
	post(t, r.url+"/api/users/login", loginBody, &got)
	two, err := command(t, "", "key", "generate", "--alg", "ES256")
	must(t, err)
	write(`{"keys":[` + two + `]}`)
	await.Eventually(t, 20*time.Second, "a key that was taken out of the file is refused", func() bool {
		return get(t, r.url+"/api/users/me", got.AccessToken) == 401
	})
	if _, err := command(t, "", "key", "rotate", "--config", file); err == nil || !strings.Contains(err.Error(), "keys_file") {
		t.Errorf("rotate: %v", err)
	}
}

func TestServe_AnotherRootSecretStopsTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := func(secret string) string {
		return settingsFile(t, "server.listen: '127.0.0.1:0', public_url: 'http://localhost:1'", "data.dir: '"+dir+"'", "tokens.secret: '"+secret+"'")
	}
	_, err := command(t, "", "migrate", "up", "--config", settings(testSecret))
	must(t, err)
	_, err = command(t, "", "key", "rotate", "--config", settings(testSecret))
	must(t, err)
	_, err = command(t, "", "serve", "--config", settings("another root secret, of 32 bytes or more"))
	if err == nil || !strings.Contains(err.Error(), "tokens.secret") || !strings.Contains(err.Error(), "key revoke --all") {
		t.Errorf("serve: %v", err)
	}
}

func TestTokenInspect_ReportsStateWithoutChangingIt(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	file := settingsFile(t, fmt.Sprintf("server.listen: '127.0.0.1:%d'", port), "data.dir: '"+dir+"'", "password.bcrypt_cost: 10")
	r := serveIn(t, port, "--config", file)
	post(t, r.url+"/api/users", ada, nil)
	var first, second tokens
	post(t, r.url+"/api/users/login", loginBody, &first)
	inspect := func(token string, want ...string) {
		t.Helper()
		out, err := command(t, token+"\n", "token", "inspect", "--config", file)
		must(t, err)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in:\n%s", w, out)
			}
		}
		if strings.Contains(out, token) && token != "" {
			t.Errorf("the token itself is printed:\n%s", out)
		}
	}
	refresh := func(from string, into *tokens) int {
		return post(t, r.url+"/api/users/refresh", fmt.Sprintf(`{"refreshToken":%q}`, from), into)
	}
	for range 2 { // a listing changes nothing
		inspect("Bearer "+first.RefreshToken, "refresh token", "verifies  yes", "live; generation 0", "refresh   rotated", "for refresh tokens, active")
	}
	inspect(first.AccessToken, "access token", "verifies  yes", "live; generation 0", `"privilege":0`)
	if status := refresh(first.RefreshToken, &second); status != 200 {
		t.Fatalf("refresh: %d", status)
	}
	inspect(first.RefreshToken, "refresh   replayed", "returned again")
	inspect(second.RefreshToken, "refresh   kept", "two grace times")
	post(t, r.url+"/api/users/logout", fmt.Sprintf(`{"refreshToken":%q}`, second.RefreshToken), nil)
	inspect(second.RefreshToken, "verifies  yes", "ended", "refresh   session_revoked")
	inspect(first.AccessToken, "access token", "ended")
	inspect(second.RefreshToken[:len(second.RefreshToken)-4]+"AAAA", "refresh token", "verifies  no", "signature")
	inspect("eyJhbGciOiJub25lIn0.e30.AAAA", "another kind", "verifies  no")
	inspect("nonsense", "verifies  no: token is malformed")
}
