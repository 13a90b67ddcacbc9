package app

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

	"latchkey/config"
	"latchkey/service/secret"
)

// keptSecret returns the secret in a file. With create it generates the secret first if the
// file does not exist. If several processes start at once, one generates the secret and all
// read the same.
func keptSecret(path string, create bool, log *slog.Logger) (string, error) {
	text, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if !create {
		return "", errors.New("it does not exist; the first start of the service generates it")
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
	// A link fails if the file exists: then another process was first.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // if the system can sync a directory
		_ = dir.Sync()
		_ = dir.Close()
	}
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode()&0o020 != 0 {
		// The group may write here, because the next container may run as another user of the
		// group.
		_ = os.Chmod(path, 0o640) //nolint:gosec // intended, see above
	}
	log.Info("generated a new secret; tokens signed with an earlier secret are invalid", "file", path)
	return readSecret(path)
}

// readSecret returns an error for a file that every user of the machine may read. The group of
// the file may read it: an orchestrator grants that, so that the next container can read the
// file.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("every user of this machine may read it (mode %04o): run chmod 600 on it", mode)
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// secretWarnings reports whether users other than the owner may read the generated secret. The
// store has the same warning for the database. An operator decides which group is intended.
func secretWarnings(cfg config.Config) []string {
	path := secretFile(cfg)
	info, err := os.Stat(path)
	if !cfg.Embedded() || !cfg.Tokens.Secret.Empty() || err != nil || info.Mode()&0o070 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	return []string{fmt.Sprintf("members of its group may read the secret %s (mode %04o); that is needed where containers have changing users, "+
		"otherwise run chmod 600 on it", path, info.Mode().Perm())}
}

// secretFile returns the path of the generated secret.
func secretFile(cfg config.Config) string { return filepath.Join(cfg.Data.Dir, "secret") }

// rootSecret returns tokens.secret, or in the embedded mode the secret that the first start
// generated. It generates a missing secret only with create.
func rootSecret(cfg config.Config, create bool, log *slog.Logger) (secret.Root, error) {
	if !cfg.Tokens.Secret.Empty() {
		return secret.New([]byte(cfg.Tokens.Secret.Reveal()))
	}
	text, err := keptSecret(secretFile(cfg), create, log)
	if err != nil {
		return secret.Root{}, fmt.Errorf("the secret in data.dir: %w", err)
	}
	material, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(material) < secret.MinBytes {
		return secret.Root{}, errors.New("the secret in data.dir is damaged; restore it from a backup, " +
			"or remove it, which logs all users out")
	}
	return secret.New(material)
}
