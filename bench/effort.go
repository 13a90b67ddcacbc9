package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// effort is what some processes have done so far: time in user and kernel mode, how
// often their threads gave up a core to wait for something and how often one was
// taken from them, and how long they were ready to run and had none.
type effort struct {
	user, system           time.Duration
	voluntary, involuntary int
	starved                time.Duration
}

func effortOf(pids ...int) (e effort) {
	for _, pid := range pids {
		if f := statOf(strconv.Itoa(pid)); f != nil {
			e.user += ticks(f[11]) + ticks(f[13]) // and of the children that have ended
			e.system += ticks(f[12]) + ticks(f[14])
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
		for _, t := range threads {
			e.voluntary += number(field(t+"/status", "voluntary_ctxt_switches"))
			e.involuntary += number(field(t+"/status", "nonvoluntary_ctxt_switches"))
			text, _ := os.ReadFile(t + "/schedstat")
			if f := strings.Fields(string(text)); len(f) == 3 {
				e.starved += time.Duration(number(f[1]))
			}
		}
	}
	return e
}

// since is what was done after an earlier reading.
func (e effort) since(before effort) effort {
	return effort{
		e.user - before.user, e.system - before.system,
		e.voluntary - before.voluntary, e.involuntary - before.involuntary, e.starved - before.starved,
	}
}

// machineIdle is how long the cores had nothing to do, all together.
func machineIdle() time.Duration {
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
