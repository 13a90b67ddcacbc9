package service

import "syscall"

// niceness of the threads that hash, as measured by bench: with 0 the median of a
// refresh doubles under a flood of log-ins; with 19 it is no better than with 10,
// and a busy machine would leave log-ins next to nothing.
const niceness = 10

// yieldToOthers makes the calling thread, which must be locked, step back for
// others. Where the system refuses, it does not.
func yieldToOthers() {
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
}
