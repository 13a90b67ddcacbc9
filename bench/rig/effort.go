package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"latchkey/bench/report"
)

// Effort is the use of the cores by some processes so far.
type Effort struct {
	User, System time.Duration // in user and kernel mode
	// Voluntary counts how often a thread gave up its core to wait, and Involuntary how often
	// the core was taken from it.
	Voluntary, Involuntary int
	Starved                time.Duration // ready to run, without a core
}

// EffortOf returns the effort of some processes so far.
func EffortOf(pids ...int) (e Effort) {
	for _, pid := range pids {
		if f := statOf(strconv.Itoa(pid)); f != nil {
			e.User += ticks(f[11]) + ticks(f[13]) // with the children that have ended
			e.System += ticks(f[12]) + ticks(f[14])
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
		for _, t := range threads {
			e.Voluntary += number(report.Field(t+"/status", "voluntary_ctxt_switches"))
			e.Involuntary += number(report.Field(t+"/status", "nonvoluntary_ctxt_switches"))
			text, _ := os.ReadFile(t + "/schedstat")
			if f := strings.Fields(string(text)); len(f) == 3 {
				e.Starved += time.Duration(number(f[1]))
			}
		}
	}
	return e
}

// Since returns the effort after an earlier reading.
func (e Effort) Since(before Effort) Effort {
	return Effort{
		e.User - before.User, e.System - before.System,
		e.Voluntary - before.Voluntary, e.Involuntary - before.Involuntary, e.Starved - before.Starved,
	}
}

// MachineIdle returns the idle time of all cores together.
func MachineIdle() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	if f := strings.Fields(string(text)); len(f) > 5 {
		return ticks(f[4]) + ticks(f[5]) // idle, and idle while waiting for the disk
	}
	return 0
}

func ticks(s string) time.Duration { return time.Duration(number(s)) * time.Second / ticksPerSecond }

// number returns 0 for a text that is not a number.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
