package rig

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

// Programs are the paths of the measured programs, built as for a release.
type Programs struct{ Service, floor string }

// BuildPrograms builds the programs into a directory.
func BuildPrograms(dir string) (Programs, error) {
	p := Programs{filepath.Join(dir, "latchkey"), filepath.Join(dir, "floor")}
	return p, errors.Join(build(p.Service, "latchkey/cmd/latchkey", ""), build(p.floor, "latchkey/bench/floor", ""))
}

// BuildProfiled builds the service so that it writes a profile of its CPU time into the file that
// the variable CPU_PROFILE names.
func BuildProfiled(dir string) (Programs, error) {
	p := Programs{Service: filepath.Join(dir, "latchkey-profiled")}
	return p, build(p.Service, "latchkey/cmd/latchkey", ",profile")
}

func build(path, pkg, tags string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "nomsgpack,grpcnotrace"+tags, "-ldflags", "-s -w", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %s", pkg, out)
	}
	return nil
}

// Running is a program under measurement.
type Running struct {
	*testserver.Process
	Address  string
	On       *Deployment
	First    time.Duration // from the start to the first healthy response
	Settings string        // those that differ from the defaults, or ""
}

func (r *Running) url() string { return "http://" + r.Address }

// StartAt starts a program that listens on the address in LATCHKEY_SERVER_LISTEN, and waits
// until it responds at a path.
func StartAt(address, path, ready string, environment []string, args ...string) (*Running, error) {
	cmd := exec.Command(path, args...)
	cmd.Env = append(append(os.Environ(), "LATCHKEY_SERVER_LISTEN="+address), environment...)
	return Start(cmd, address, ready)
}

// Start starts a program that listens on an address, and waits until it responds at a path.
func Start(cmd *exec.Cmd, address, ready string) (r *Running, err error) {
	r = &Running{Address: address}
	begin := time.Now()
	if r.Process, err = testserver.Start(cmd); err != nil {
		return nil, err
	}
	for time.Since(begin) < 30*time.Second {
		if res, err := plain.Get(r.url() + ready); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				r.First = time.Since(begin)
				return r, nil
			}
		}
		select {
		case <-r.Done():
			return nil, fmt.Errorf("%s ended: %s", filepath.Base(cmd.Path), r.Output())
		case <-time.After(time.Millisecond):
		}
	}
	r.Kill()
	return nil, fmt.Errorf("%s is not ready: %s", filepath.Base(cmd.Path), r.Output())
}

// FreeAddress returns an address that no program listens on.
func FreeAddress() (string, error) {
	port, err := testserver.Port()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// plain sends requests that are not measured.
var plain = &http.Client{Timeout: 10 * time.Second}

// Deployment is stores with the schema, keys that we know, and the environment that
// makes the service use them.
type Deployment struct {
	Programs
	Postgres        *testserver.PostgresServer // nil: embedded
	Redis           *testserver.RedisServer
	Access, Refresh key
	needed          []string // variables without which the service would not run here
	settings        []string // variables that change what the service does
}

// The settings of a deployment.
const (
	secret   = "a root secret for benchmarks, of 32 bytes or more"
	Prefix   = "latchkey:"
	Password = "correct horse battery staple"
	Cost     = 10 // of bcrypt
)

// Deploy starts Postgres and Redis, which do not wait for a disk.
func Deploy(p Programs) (*Deployment, error) { return deploy(p, nil, nil) }

// DeployDurable starts a Postgres that syncs each commit, and a Redis that syncs its log each
// second.
func DeployDurable(p Programs) (*Deployment, error) {
	return deploy(p, testserver.SurvivesPowerFailure, []string{"--appendonly", "yes", "--appendfsync", "everysec"})
}

func deploy(p Programs, ofPostgres, ofRedis []string) (d *Deployment, err error) {
	d = &Deployment{Programs: p}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if d.Postgres, err = testserver.NewPostgres(ofPostgres...); err != nil {
		return nil, fmt.Errorf("postgres: %w; make servers installs it", err)
	}
	if d.Redis, err = testserver.NewRedis(ofRedis...); err != nil {
		return nil, fmt.Errorf("redis: %w; make servers installs it", err)
	}
	return d, d.prepare("LATCHKEY_DATABASE_URL="+d.Postgres.URL, "LATCHKEY_REDIS_URL="+d.Redis.URL, "LATCHKEY_REDIS_PREFIX="+Prefix)
}

// DeployEmbedded makes a SQLite file in a directory.
func DeployEmbedded(p Programs, dir string) (*Deployment, error) {
	d := &Deployment{Programs: p}
	return d, d.prepare("LATCHKEY_DATA_DIR=" + dir)
}

// prepare makes the schema and the keys. Refresh tokens are replaced at each use:
// without grace there is no pause between two rotations.
func (d *Deployment) prepare(stores ...string) error {
	d.needed = append(stores, "LATCHKEY_TOKENS_SECRET="+secret, "LATCHKEY_TOKENS_ISSUER="+issuer)
	d.settings = []string{
		fmt.Sprintf("LATCHKEY_PASSWORD_BCRYPT_COST=%d", Cost), "LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.0/8", "LATCHKEY_REFRESH_GRACE=0s",
		"LATCHKEY_REFRESH_MAX_SESSIONS=1000", "LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0", "LATCHKEY_LIMITS_LOGINS_PER_HOUR=0",
	}
	if err := d.command(nil, "migrate", "up"); err != nil {
		return err
	}
	return errors.Join(d.importKey("access", &d.Access), d.importKey("refresh", &d.Refresh))
}

// DataDir returns a new directory on the disk of the repository. The directory for temporary
// files may be in memory, where a write has no disk to wait for.
func DataDir() (string, error) {
	if err := os.MkdirAll("bin", 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("bin", "bench-data-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// Close ends the servers of the deployment.
func (d *Deployment) Close() {
	if d.Redis != nil {
		d.Redis.Remove()
	}
	if d.Postgres != nil {
		d.Postgres.Remove()
	}
}

// command runs the program with arguments.
func (d *Deployment) command(stdin []byte, args ...string) error {
	cmd := exec.Command(d.Service, args...)
	cmd.Env = slices.Concat(os.Environ(), d.needed, d.settings)
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
func (d *Deployment) importKey(use string, k *key) error {
	text, err := exec.Command(d.Service, "key", "generate", "--alg", "HS256").Output()
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

// KeysFile writes a file with a key of an algorithm for access tokens. The caller removes
// it.
func (d *Deployment) KeysFile(algorithm string) (path string, err error) {
	text, err := exec.Command(d.Service, "key", "generate", "--alg", algorithm).Output()
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

// StartDefault starts the service on the deployment with the settings that it has by default. The
// deployment has keys by HS256, which the service would keep. A new installation signs access
// tokens by ES256: keys is a file with such a key.
func (d *Deployment) StartDefault(keys string) (*Running, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	return d.startAt(address, d.Service, "/readyz", []string{"LATCHKEY_TOKENS_KEYS_FILE=" + keys}, "serve")
}

// StartService starts the service on the deployment.
func (d *Deployment) StartService(more ...string) (*Running, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	return d.StartServiceAt(address, more...)
}

// StartServiceAt starts the program on an address.
func (d *Deployment) StartServiceAt(address string, more ...string) (*Running, error) {
	return d.startAt(address, d.Service, "/readyz", slices.Concat(d.settings, more), "serve")
}

// StartFloor starts the baselines on it.
func (d *Deployment) StartFloor() (*Running, error) {
	script, err := os.ReadFile("repository/redis/scripts/refresh_session.lua")
	if err != nil {
		return nil, fmt.Errorf("run this in the root of the repository: %w", err)
	}
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	return d.startAt(address, d.floor, "/hello", []string{
		"FLOOR_SCRIPT=" + string(script), "FLOOR_ACCESS=" + base64.StdEncoding.EncodeToString(d.Access.raw),
		"FLOOR_REFRESH=" + base64.StdEncoding.EncodeToString(d.Refresh.raw),
	})
}

// startAt starts a program that uses the deployment, with settings.
func (d *Deployment) startAt(address, path, ready string, settings []string, args ...string) (*Running, error) {
	r, err := StartAt(address, path, ready, slices.Concat(d.needed, settings), args...)
	if err == nil {
		r.On, r.Settings = d, describe(settings)
	}
	return r, err
}

// describe returns settings as a reader of the documentation knows them: of the variables
// LATCHKEY_REFRESH_GRACE=0s it makes refresh.grace=0s. A later variable replaces an earlier one,
// and other variables are not settings of the service.
func describe(variables []string) string {
	var list []string
	for i, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		later := slices.ContainsFunc(variables[i+1:], func(w string) bool { return strings.HasPrefix(w, name+"=") })
		key, ours := strings.CutPrefix(name, "LATCHKEY_")
		if later || !ours {
			continue
		}
		if filepath.IsAbs(value) {
			value = "…" // a file of this run
		}
		list = append(list, strings.Replace(strings.ToLower(key), "_", ".", 1)+"="+value)
	}
	return strings.Join(list, " ")
}
