package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"latchkey/repository/throwaway" //nolint:depguard // a measurement, as bench is
)

// replicaHeader is the header in which HAProxy names the replica that answered.
const replicaHeader = "X-Replica"

//go:embed haproxy/haproxy.cfg haproxy/errors
var haproxyFiles embed.FS

// startHAProxy writes the settings and the error files to a directory, checks them, and
// starts HAProxy.
func startHAProxy(dir, log, bind string, replicas []string) (*throwaway.Process, error) {
	errorsDir := filepath.Join(dir, "errors")
	if err := os.MkdirAll(errorsDir, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{"502.http", "503.http", "504.http"} {
		text, err := haproxyFiles.ReadFile("haproxy/errors/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(errorsDir, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(dir, "haproxy.cfg")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	err = template.Must(template.ParseFS(haproxyFiles, "haproxy/haproxy.cfg")).Execute(file, map[string]any{
		"Socket": "", "Errors": errorsDir, "Bind": bind, "Header": replicaHeader, "Replicas": replicas,
	})
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if out, err := exec.Command("haproxy", "-c", "-f", path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("haproxy -c: %w: %s", err, out)
	}
	p, err := startLogged(log, "haproxy", nil, "-db", "-f", path)
	if err != nil {
		return nil, err
	}
	return p, eventually(10*time.Second, func() error {
		if ended(p) {
			return fmt.Errorf("haproxy ended: see %s", log)
		}
		return ready("http://" + bind)
	})
}
