package throwaway

import (
	"os"
	"syscall"
)

// nobody is who Postgres runs as when the tests run as root, which it refuses.
const nobody = 65534

func attributes(asNobody bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if asNobody && os.Getuid() == 0 {
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return a
}

// give hands a directory to the user that Postgres runs as.
func give(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}
