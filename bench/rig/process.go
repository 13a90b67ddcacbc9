package rig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const ticksPerSecond = 100 // USER_HZ, the same on all of Linux

// ProcessorTime returns the time of a process in user and kernel mode, with its children that
// have ended. It returns 0 if the process does not exist (proc(5)).
func ProcessorTime(pid int) time.Duration {
	f := statOf(strconv.Itoa(pid))
	if f == nil {
		return 0
	}
	ticks := 0
	for _, s := range f[11:15] {
		n, _ := strconv.Atoi(s)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// Family returns a process and its children: Postgres has one for each connection.
func Family(pid int) []int {
	list := []int{pid}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		name := filepath.Base(p)
		if f := statOf(name); f != nil && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(name)
			list = append(list, n)
		}
	}
	return list
}

// FamilyTime returns the processor time of a process and its children.
func FamilyTime(pid int) time.Duration {
	var sum time.Duration
	for _, p := range Family(pid) {
		sum += ProcessorTime(p)
	}
	return sum
}

// statOf returns the fields of a process after its name, which may have blanks.
func statOf(pid string) []string {
	line, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil
	}
	return strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:]))
}

// Memory is the resident memory of a process, in bytes; peak since it started, or
// since resetPeak.
func Memory(pid int) (now, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			now = n << 10
		case "VmHWM:":
			peak = n << 10
		}
	}
	return now, peak
}
