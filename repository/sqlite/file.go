package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The permission bits of a file's group, and of everybody else.
const (
	groupBits  = 0o070
	othersBits = 0o007
)

// ErrReadableByOthers is in the error of a file that every user of the machine can read
// and whose mode cannot be changed.
var ErrReadableByOthers = errors.New("every user of this machine may read it")

// makePrivate creates a file that nobody but its owner may read, or takes the rights of
// others from one that exists. SQLite would make it readable for all, and gives its side
// files the same mode. The group has what it has: an orchestrator grants it rights so that
// the next container, with another user, can read the file. For the same reason a new
// file in a directory that the group may write to is its group's, too.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode()&0o020 != 0 {
			_ = f.Chmod(0o660) // else it is its owner's alone
		}
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err = os.OpenFile(path, os.O_RDWR, 0) // SQLite would not say why it cannot
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	mode := info.Mode().Perm()
	if mode&othersBits == 0 || runtime.GOOS == "windows" {
		return nil
	}
	if err := os.Chmod(path, mode&^othersBits); err != nil {
		return fmt.Errorf("%w (%04o), and its mode cannot be changed: run chmod o= %s as its owner: %w", ErrReadableByOthers, mode, path, err)
	}
	return nil
}

// Warnings says who else may read the files.
func (db *DB) Warnings() []string {
	info, err := os.Stat(db.path)
	if err != nil || info.Mode()&groupBits == 0 || runtime.GOOS == "windows" {
		return nil
	}
	return []string{fmt.Sprintf("members of its group may read %s (mode %04o); that is needed where containers have changing users", db.path, info.Mode().Perm())}
}
