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

// keptSecret reads the secret in a file. With create it generates the secret first if
// there is none. Of several processes that start at once, one generates it and all read
// the same.
func keptSecret(path string, create bool, log *slog.Logger) (string, error) {
	text, err := readSecret(path, log)
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
	// A link fails if the name is taken: then another process was first.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil { // where the system can sync a directory
		_ = dir.Sync()
		_ = dir.Close()
	}
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode()&0o020 != 0 {
		// The group may write here: the next container may have another user of it.
		_ = os.Chmod(path, 0o640) //nolint:gosec // that is the point
	}
	log.Info("generated a new secret; tokens signed with an earlier secret are invalid", "file", path)
	return readSecret(path, log)
}

// readSecret refuses a file that every user of the machine may read. Its group may: an
// orchestrator grants that, so that the next container can read it.
func readSecret(path string, log *slog.Logger) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" {
		switch {
		case mode&0o007 != 0:
			return "", fmt.Errorf("every user of this machine may read it (mode %04o): run chmod 600 on it", mode)
		case mode&0o070 != 0:
			log.Debug("members of its group may read the secret", "file", path, "mode", fmt.Sprintf("%04o", mode))
		}
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// rootSecret returns tokens.secret, or in the embedded mode the secret that the first
// start generated. It generates one that does not exist only with create.
func rootSecret(cfg config.Config, create bool, log *slog.Logger) (secret.Root, error) {
	if !cfg.Tokens.Secret.Empty() {
		return secret.New([]byte(cfg.Tokens.Secret.Reveal()))
	}
	text, err := keptSecret(filepath.Join(cfg.Data.Dir, "secret"), create, log)
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
