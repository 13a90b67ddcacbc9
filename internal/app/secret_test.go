package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeptSecret_ParallelStartsReadOneSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	secrets := make([]string, 16)
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			s, err := keptSecret(path, true, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
			}
			secrets[i] = s
		})
	}
	all.Wait()
	for _, s := range secrets {
		if s == "" || s != secrets[0] {
			t.Fatal("not all read the same secret")
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keptSecret(path, true, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others may read: %v", err)
	}
	if left, _ := filepath.Glob(path + "-*"); len(left) > 0 {
		t.Errorf("drafts are left: %q", left)
	}
}
