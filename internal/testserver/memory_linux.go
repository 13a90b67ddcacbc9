package testserver

import "syscall"

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
