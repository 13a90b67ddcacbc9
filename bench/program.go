package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"latchkey/internal/testserver"
)

// programs are what is measured, as it is built for a release.
type programs struct{ service, floor string }

// buildPrograms builds them into a directory.
func buildPrograms(dir string) (programs, error) {
	p := programs{filepath.Join(dir, "latchkey"), filepath.Join(dir, "floor")}
	for path, pkg := range map[string]string{p.service: "latchkey/cmd/latchkey", p.floor: "latchkey/bench/floor"} {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", "nomsgpack,grpcnotrace", "-ldflags", "-s -w", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("build %s: %s", pkg, out)
		}
	}
	return p, nil
}

// running is a program under measurement.
type running struct {
	*testserver.Process
	address string
	on      *deployment
	first   time.Duration // from the start to the first healthy answer
}

func (r *running) url() string { return "http://" + r.address }

// startAt starts a program that listens where LATCHKEY_SERVER_LISTEN says, and waits
// until it answers at a path.
func startAt(address, path, ready string, environment []string, args ...string) (r *running, err error) {
	r = &running{address: address}
	cmd := exec.Command(path, args...)
	cmd.Env = append(append(os.Environ(), "LATCHKEY_SERVER_LISTEN="+r.address), environment...)
	begin := time.Now()
	if r.Process, err = testserver.Start(cmd); err != nil {
		return nil, err
	}
	for time.Since(begin) < 30*time.Second {
		if res, err := plain.Get(r.url() + ready); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				r.first = time.Since(begin)
				return r, nil
			}
		}
		select {
		case <-r.Done():
			return nil, fmt.Errorf("%s ended: %s", filepath.Base(path), r.Output())
		case <-time.After(time.Millisecond):
		}
	}
	r.Kill()
	return nil, fmt.Errorf("%s is not ready: %s", filepath.Base(path), r.Output())
}

// freeAddress is one that nothing listens on.
func freeAddress() (string, error) {
	port, err := testserver.Port()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// plain is for what is not measured.
var plain = &http.Client{Timeout: 10 * time.Second}

// deployment is stores with the schema, keys that we know, and the environment that
// makes the service use them.
type deployment struct {
	programs
	postgres        *testserver.PostgresServer // nil: embedded
	redis           *testserver.RedisServer
	access, refresh key
	environment     []string
}

const (
	secret   = "a root secret for benchmarks, of 32 bytes or more"
	prefix   = "latchkey:"
	password = "correct horse battery staple"
	cost     = 10 // of bcrypt
)

// deploy starts Postgres and Redis.
func deploy(p programs) (d *deployment, err error) {
	d = &deployment{programs: p}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.postgres, err = testserver.NewPostgres("off"); err != nil {
		return nil, fmt.Errorf("postgres: %w; make servers installs it", err)
	}
	if d.redis, err = testserver.NewRedis(); err != nil {
		return nil, fmt.Errorf("redis: %w; make servers installs it", err)
	}
	return d, d.prepare("LATCHKEY_DATABASE_URL="+d.postgres.URL, "LATCHKEY_REDIS_URL="+d.redis.URL, "LATCHKEY_REDIS_PREFIX="+prefix)
}

// deployEmbedded makes a SQLite file in a directory.
func deployEmbedded(p programs, dir string) (*deployment, error) {
	d := &deployment{programs: p}
	return d, d.prepare("LATCHKEY_DATA_DIR=" + dir)
}

// prepare makes the schema and the keys. Refresh tokens are replaced at each use:
// without grace there is no pause between two rotations.
func (d *deployment) prepare(stores ...string) error {
	d.environment = append(stores, "LATCHKEY_TOKENS_SECRET="+secret, fmt.Sprintf("LATCHKEY_PASSWORD_BCRYPT_COST=%d", cost),
		"LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.0/8", "LATCHKEY_REFRESH_GRACE=0s", "LATCHKEY_REFRESH_MAX_SESSIONS=1000",
		"LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0", "LATCHKEY_LIMITS_LOGINS_PER_HOUR=0", "LATCHKEY_TOKENS_ISSUER="+issuer)
	if err := d.command(nil, "migrate", "up"); err != nil {
		return err
	}
	return errors.Join(d.importKey("access", &d.access), d.importKey("refresh", &d.refresh))
}

func (d *deployment) close() {
	if d.redis != nil {
		d.redis.Remove()
	}
	if d.postgres != nil {
		d.postgres.Remove()
	}
}

// command runs the program with arguments.
func (d *deployment) command(stdin []byte, args ...string) error {
	cmd := exec.Command(d.service, args...)
	cmd.Env = append(os.Environ(), d.environment...)
	cmd.Stdin = strings.NewReader(string(stdin))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("latchkey %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// key is one that signs, by HMAC.
type key struct {
	id  string
	raw []byte
}

// importKey gives the service a key that the clients here can sign with, too.
func (d *deployment) importKey(use string, k *key) error {
	text, err := exec.Command(d.service, "key", "generate", "--alg", "HS256").Output()
	if err != nil {
		return err
	}
	var jwk struct{ Kid, K string }
	if err := json.Unmarshal(text, &jwk); err != nil {
		return err
	}
	k.id = jwk.Kid
	if k.raw, err = base64.RawURLEncoding.DecodeString(jwk.K); err != nil {
		return err
	}
	return errors.Join(d.command(text, "key", "import", "--use", use, "-"), d.command(nil, "key", "rotate", "--use", use, "--now"))
}

// keysFile writes a file with a key of an algorithm for access tokens. The caller removes
// it.
func (d *deployment) keysFile(algorithm string) (path string, err error) {
	text, err := exec.Command(d.service, "key", "generate", "--alg", algorithm).Output()
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "latchkey-bench-keys-")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(f, `{"keys":[{"state":"active",%s]}`, strings.TrimPrefix(strings.TrimSpace(string(text)), "{"))
	return f.Name(), errors.Join(err, f.Close())
}

// startService starts the service on the deployment.
func (d *deployment) startService(more ...string) (*running, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return d.startServiceAt(address, more...)
}

func (d *deployment) startServiceAt(address string, more ...string) (*running, error) {
	return d.startAt(address, d.service, "/readyz", more, "serve")
}

// startFloor starts the baselines on it.
func (d *deployment) startFloor() (*running, error) {
	script, err := os.ReadFile("repository/redis/scripts/present_session.lua")
	if err != nil {
		return nil, fmt.Errorf("run this in the root of the repository: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return d.startAt(address, d.floor, "/hello", []string{
		"FLOOR_SCRIPT=" + string(script), "FLOOR_ACCESS=" + base64.StdEncoding.EncodeToString(d.access.raw),
		"FLOOR_REFRESH=" + base64.StdEncoding.EncodeToString(d.refresh.raw),
	})
}

// startAt starts a program that uses the deployment.
func (d *deployment) startAt(address, path, ready string, more []string, args ...string) (*running, error) {
	r, err := startAt(address, path, ready, slices.Concat(d.environment, more), args...)
	if err == nil {
		r.on = d
	}
	return r, err
}
