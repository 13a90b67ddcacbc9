package testserver

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The UID nobody runs Postgres if the tests run as root, because Postgres refuses to run as
// root.
const nobody = 65534

func attributes(asNobody bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if asNobody && os.Getuid() == 0 {
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return a
}

// signal sends a signal to a server and its children.
func signal(pid int, sig syscall.Signal) {
	_ = syscall.Kill(pid, sig)
	// Each child of Postgres is in its own process group.
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(n, sig)
		}
	}
}

// give changes the owner of a directory to the user of Postgres.
func give(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}

const sharedMemory = "/dev/shm"

// memory returns the directory of an in-memory file system with a gigabyte free, or an empty
// string. Tests do not simulate a power failure, so fsync to a disk would have no benefit.
func memory() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(sharedMemory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < 1<<30 || syscall.Access(sharedMemory, 2) != nil {
		return ""
	}
	return sharedMemory
}
