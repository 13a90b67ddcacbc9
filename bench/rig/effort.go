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

// Effort is what some processes have done so far: time in user and kernel mode, how
// often their threads gave up a core to wait for something and how often one was
// taken from them, and how long they were ready to run and had none.
type Effort struct {
	User, System           time.Duration
	Voluntary, Involuntary int
	Starved                time.Duration
}

// EffortOf returns what some processes have used so far.
func EffortOf(pids ...int) (e Effort) {
	for _, pid := range pids {
		if f := statOf(strconv.Itoa(pid)); f != nil {
			e.User += ticks(f[11]) + ticks(f[13]) // and of the children that have ended
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

// Since is what was done after an earlier reading.
func (e Effort) Since(before Effort) Effort {
	return Effort{
		e.User - before.User, e.System - before.System,
		e.Voluntary - before.Voluntary, e.Involuntary - before.Involuntary, e.Starved - before.Starved,
	}
}

// MachineIdle is how long the cores had nothing to do, all together.
func MachineIdle() time.Duration {
	text, _ := os.ReadFile("/proc/stat")
	if f := strings.Fields(string(text)); len(f) > 5 {
		return ticks(f[4]) + ticks(f[5]) // idle, and that for want of the disk
	}
	return 0
}

func ticks(s string) time.Duration { return time.Duration(number(s)) * time.Second / ticksPerSecond }

// number is 0 for what is none.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
