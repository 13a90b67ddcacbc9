package testserver

import "syscall"

const sharedMemory = "/dev/shm"

// memory returns the directory of a file system in memory that has a gigabyte free, or an
// empty string. No test can lose power, so what fsync costs on a disk buys nothing.
func memory() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(sharedMemory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < 1<<30 || syscall.Access(sharedMemory, 2) != nil {
		return ""
	}
	return sharedMemory
}
