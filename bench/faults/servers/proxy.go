package servers

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"latchkey/internal/testserver"
)

// ReplicaHeader is the header in which HAProxy names the replica that answered.
const ReplicaHeader = "X-Replica"

// haproxyDir has the settings that operators start from; the program runs in the root of
// the tree.
const haproxyDir = "deploy/haproxy"

// StartHAProxy writes the settings of haproxyDir with other addresses to a directory,
// checks them, and starts HAProxy.
func StartHAProxy(dir, log, bind string, replicas []string) (*testserver.Process, error) {
	errorFiles, err := filepath.Abs(filepath.Join(haproxyDir, "errors"))
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, name := range []string{"haproxy.cfg", "replicas.cfg"} {
		part, err := os.ReadFile(filepath.Join(haproxyDir, name))
		if err != nil {
			return nil, fmt.Errorf("run it in the root of the tree: %w", err)
		}
		text = append(text, part...)
	}
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(string(text), "/etc/haproxy/errors", errorFiles)) {
		switch words := strings.Fields(line); {
		case len(words) > 0 && words[0] == "bind":
			fmt.Fprintf(&b, "    bind %s\n", bind)
		case len(words) > 0 && words[0] == "server":
		default:
			b.WriteString(line)
		}
	}
	fmt.Fprintf(&b, "    http-response set-header %s %%s\n", ReplicaHeader)
	for i, address := range replicas { // the last section is the backend
		fmt.Fprintf(&b, "    server replica%d %s\n", i, address)
	}
	path := filepath.Join(dir, "haproxy.cfg")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, []byte(b.String()), 0o644)); err != nil {
		return nil, err
	}
	if out, err := exec.Command("haproxy", "-c", "-f", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("haproxy -c: %w: %s", err, out)
	}
	p, err := StartLogged(log, "haproxy", nil, "-db", "-f", path)
	if err != nil {
		return nil, err
	}
	return p, Eventually(10*time.Second, func() error {
		if Ended(p) {
			return fmt.Errorf("haproxy ended: see %s", log)
		}
		return Ready("http://" + bind)
	})
}

// Ready returns an error while a service is not ready.
func Ready(url string) error {
	c := http.Client{Timeout: 2 * time.Second}
	res, err := c.Get(url + "/readyz")
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the service is not ready: " + res.Status)
	}
	return nil
}
