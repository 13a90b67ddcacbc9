package testserver

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Program builds the program once, without the race detector, and returns its path. The
// packages of a run share one file, which is linked again only if the code has changed.
var Program = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Dir(filepath.Dir(filepath.Dir(here)))
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	shared := filepath.Join(cache, "latchkey-test", fmt.Sprintf("program-%x", sha256.Sum256([]byte(root)))[:24])
	if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
		return "", err
	}
	unlock, err := lockedfile.MutexAt(shared + ".lock").Lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	cmd := exec.Command("go", "build", "-tags", "nomsgpack,grpcnotrace", "-o", shared, "./cmd/latchkey")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %s", out)
	}
	// A file for this process only: another process may build again while this one runs tests.
	dir, err := os.MkdirTemp("", "latchkey-program-")
	if err != nil {
		return "", err
	}
	AtExit(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "latchkey")
	return path, clone(shared, path)
})
