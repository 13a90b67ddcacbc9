package testserver

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/await"
)

// StartNginx starts nginx with the content of a server block, in which {dir} is the directory
// of this server. It returns the port, which is open on all loopback addresses. Text before the
// line "---" belongs to the http block.
func StartNginx(t testing.TB, conf string) int {
	t.Helper()
	outer, inner, found := strings.Cut(conf, "---\n")
	if !found {
		outer, inner = "", conf
	}
	return startProxy(t, "nginx", false, func(port int, dir string) (string, []string) {
		text := "daemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {}\nhttp {\naccess_log off;\n" +
			"client_body_temp_path {dir}/b;\nproxy_temp_path {dir}/p;\nfastcgi_temp_path {dir}/f;\nuwsgi_temp_path {dir}/u;\nscgi_temp_path {dir}/s;\n" +
			outer + fmt.Sprintf("server {\nlisten 127.0.0.1:%d;\nlisten 127.0.0.2:%[1]d;\nlisten 127.0.0.3:%[1]d;\n", port) + inner + "}\n}\n"
		return strings.ReplaceAll(text, "{dir}", dir), []string{"-c", filepath.Join(dir, "conf"), "-p", dir}
	})
}

// StartHAProxy starts HAProxy with a configuration in which {port} is its port.
func StartHAProxy(t testing.TB, conf string) int {
	t.Helper()
	return startProxy(t, "haproxy", false, func(port int, dir string) (string, []string) {
		return strings.ReplaceAll(conf, "{port}", fmt.Sprint(port)), []string{"-f", filepath.Join(dir, "conf")}
	})
}

// StartPgBouncer starts PgBouncer in transaction mode in front of a server, with a few
// connections that its clients take turns to use. It returns the URL of the server's database
// through PgBouncer.
func StartPgBouncer(t testing.TB, s *PostgresServer, connections int) string {
	t.Helper()
	port := startProxy(t, "pgbouncer", true, func(port int, dir string) (string, []string) {
		return fmt.Sprintf("[databases]\n* = host=127.0.0.1 port=%d user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
			"auth_type = any\nauth_file = /dev/null\npool_mode = transaction\ndefault_pool_size = %d\nserver_round_robin = 1\nmax_client_conn = 500\n", s.port, port, connections), []string{filepath.Join(dir, "conf")}
	})
	return strings.Replace(s.URL, fmt.Sprint(":", s.port, "/"), fmt.Sprint(":", port, "/"), 1)
}

// startProxy starts a program that listens on a port, and waits until it does.
func startProxy(t testing.TB, name string, asNobody bool, configure func(port int, dir string) (conf string, args []string)) int {
	t.Helper()
	skipIfQuick(t)
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // the path on Debian, which is not on every user's PATH
	}
	if _, err := os.Stat(path); err != nil {
		missing(t, name, "PATH")
	}
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for above := dir; asNobody && above != os.TempDir() && above != "/"; above = filepath.Dir(above) { // only their owner may use them by default
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf, args := configure(port, dir)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	if asNobody {
		if err := give(dir); err != nil {
			t.Fatal(err)
		}
	}
	p, err := start(dir, asNobody, path, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := await.NoError(10*time.Second, func() error {
		if err := p.ended(); err != nil {
			return err
		}
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return port
}
