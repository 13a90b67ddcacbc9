package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// keptSecret reads the secret in a file, and draws it first if there is none. Of
// several processes that start at once, one draws and all read the same.
func keptSecret(path string, log *slog.Logger) (string, error) {
	text, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), "secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(draft.Name()) }()
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	if _, err := draft.WriteString(base64.StdEncoding.EncodeToString(b) + "\n"); err != nil {
		return "", err
	}
	if err := errors.Join(draft.Sync(), draft.Close()); err != nil {
		return "", err
	}
	// A link fails if the name is taken: then another process was first.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // where the system can sync a directory
		_ = dir.Sync()
		_ = dir.Close()
	}
	log.Info("drew a new secret; tokens that were signed with another are void", "file", path)
	return readSecret(path)
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("others may read it (mode %04o): run chmod 600 on it", mode)
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}
