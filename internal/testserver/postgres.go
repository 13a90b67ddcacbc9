package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/await"
)

// PostgresServer is a Postgres server for one test.
type PostgresServer struct {
	*Process
	URL      string
	dir      string
	bin      string
	port     int
	settings []string
}

var sharedPostgres = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("LATCHKEY_TEST_POSTGRES_URL"); u != "" {
		return u, nil
	}
	s, err := NewPostgres()
	if err != nil {
		return "", err
	}
	AtExit(s.Remove)
	return s.URL, nil
})

// Postgres returns the URL of an empty schema, on the server that the tests of this process
// share. If the server outlives the process, the schema is dropped at the end of the test.
func Postgres(t testing.TB) string {
	t.Helper()
	skipIfQuick(t)
	return newSchema(t, "")
}

// newSchema returns the URL of a new schema in which a script has run.
func newSchema(t testing.TB, script string) string {
	t.Helper()
	base := needPostgres(t)
	schema := "t_" + random()
	if err := execute(base, fmt.Sprintf("CREATE SCHEMA %[1]s; SET search_path = %[1]s; %s", schema, script)); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LATCHKEY_TEST_POSTGRES_URL") != "" { // the server outlives the process
		t.Cleanup(func() { _ = execute(base, "DROP SCHEMA "+schema+" CASCADE") })
	}
	url, err := inSchema(base, schema)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// needPostgres returns the URL of the server that the tests of this process share.
func needPostgres(t testing.TB) string {
	t.Helper()
	if os.Getenv("LATCHKEY_TEST_POSTGRES_URL") == "" && postgresBin() == "" {
		missing(t, "Postgres", "LATCHKEY_TEST_POSTGRES_URL")
	}
	base, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// inSchema returns a URL with a search_path.
func inSchema(base, schema string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", errors.New("LATCHKEY_TEST_POSTGRES_URL is not a URL")
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// StartPostgres starts a server that this test may stop, kill and restart. Committed data
// survives a kill.
func StartPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	skipIfQuick(t)
	if postgresBin() == "" {
		missing(t, "Postgres", "PATH")
	}
	s, err := NewPostgres(SurvivesKill)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Remove)
	return s
}

// Restart starts a stopped server on the same port, with its data.
func (s *PostgresServer) Restart(t testing.TB) {
	t.Helper()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Remove stops the server and deletes its files.
func (s *PostgresServer) Remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// SurvivesKill makes a Postgres server lose no committed data when it is killed.
const SurvivesKill = "synchronous_commit=on"

// SurvivesPowerFailure are the settings of a Postgres server that loses nothing at all.
var SurvivesPowerFailure = []string{SurvivesKill, "fsync=on", "full_page_writes=on"}

// NewPostgres starts a server that the caller stops. Settings are "name=value"; without any, the
// server is as fast as possible and loses data when it is killed.
func NewPostgres(settings ...string) (*PostgresServer, error) {
	bin := postgresBin()
	dir, err := os.MkdirTemp("", "latchkey-postgres-")
	if err != nil {
		return nil, err
	}
	s := &PostgresServer{dir: dir, bin: bin, settings: settings}
	if err := give(dir); err != nil {
		return nil, err
	}
	if err := s.initialise(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	for range 5 { // the port may be taken between the choice and the start
		if s.port, err = Port(); err != nil {
			break
		}
		s.URL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
		if err = s.run(); err == nil {
			return s, nil
		}
	}
	_ = os.RemoveAll(dir)
	return nil, err
}

// run starts the server and waits until it answers.
func (s *PostgresServer) run() (err error) {
	args := []string{"-D", "data", "-p", fmt.Sprint(s.port)}
	for _, setting := range append([]string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.dir, "max_connections=300",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
	}, s.settings...) {
		args = append(args, "-c", setting)
	}
	s.Process, err = start(s.dir, true, filepath.Join(s.bin, "postgres"), args...)
	if err != nil {
		return err
	}
	return await.NoError(20*time.Second, func() error {
		if err := s.ended(); err != nil {
			return err
		}
		return execute(s.URL, "SELECT 1")
	})
}

// initialise creates the data directory as a copy of a template that is kept between runs. A
// copy takes a fifth of the time of an initdb.
func (s *PostgresServer) initialise() error {
	data := filepath.Join(s.dir, "data")
	cache, err := os.UserCacheDir()
	if err != nil {
		return s.initdb(data)
	}
	version, err := exec.Command(filepath.Join(s.bin, "postgres"), "--version").Output()
	if err != nil {
		return err
	}
	name := strings.Join(strings.Fields(string(version)), "-")
	template := filepath.Join(cache, "latchkey-test", strings.ReplaceAll(name, "/", "-"))
	if _, err := os.Stat(template); err != nil {
		if err := s.initdb(data); err != nil {
			return err
		}
		// Several test processes may do this at the same time: one rename wins.
		_ = os.MkdirAll(filepath.Dir(template), 0o755)
		draft := template + "-" + random()
		if err := clone(data, draft); err == nil && os.Rename(draft, template) != nil {
			_ = os.RemoveAll(draft)
		}
		return nil
	}
	return clone(template, data)
}

func (s *PostgresServer) initdb(data string) error {
	p, err := start(s.dir, true, filepath.Join(s.bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
		"--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C.UTF-8")
	if err != nil {
		return err
	}
	<-p.done
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("initdb: %s", p.out.String())
	}
	return nil
}

// clone copies a directory with owners and modes.
func clone(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the template: %s", out)
	}
	return nil
}

// postgresBin returns the directory of the server's programs, which Debian keeps off the PATH.
// It returns "" if there is none.
func postgresBin() string {
	if p, err := exec.LookPath("postgres"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p)
		}
	}
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	for i := len(candidates) - 1; i >= 0; i-- {
		if _, err := os.Stat(filepath.Join(candidates[i], "initdb")); err == nil {
			return candidates[i]
		}
	}
	return ""
}

func execute(url, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	_ = conn.Close(ctx)
	return err
}
