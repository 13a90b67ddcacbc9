package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The permission bits of the group, and of all other users.
const (
	groupBits  = 0o070
	othersBits = 0o007
)

// ErrReadableByOthers is returned if every user of the machine can read a file and its mode
// cannot be changed.
var ErrReadableByOthers = errors.New("every user of this machine may read it")

// makePrivate creates a file that only its owner may read. If the file exists, it removes the
// rights of users outside the group. SQLite would create a file that every user may read, and
// gives its side files the same mode.
//
// The rights of the group stay: an orchestrator grants them so that the next container, which
// may run as another user, can read the file. For the same reason the group may use a new
// file in a directory that it may write to.
func makePrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode()&0o020 != 0 {
			_ = f.Chmod(0o660) // otherwise only the owner may use it
		}
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err = os.OpenFile(path, os.O_RDWR, 0) // the error of SQLite would not name the cause
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

// Warnings reports whether users other than the owner may read the files.
func (db *DB) Warnings() []string {
	info, err := os.Stat(db.path)
	if err != nil || info.Mode()&groupBits == 0 || runtime.GOOS == "windows" {
		return nil
	}
	return []string{fmt.Sprintf("members of its group may read %s (mode %04o); that is needed where containers have changing users", db.path, info.Mode().Perm())}
}
