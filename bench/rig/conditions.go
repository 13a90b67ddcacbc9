package rig

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Conditions are the state of the machine during a run.
type Conditions struct {
	// Foreign is the share of all cores that processes outside the benchmark used, and Steal the
	// share that the hypervisor gave to other machines.
	Foreign, Steal float64
	// Speed is how fast one core computed SHA-256 just before the run, in MB/s.
	Speed float64
}

// DuringRun returns the conditions.
func (c Conditions) DuringRun() Conditions { return c }

// MostForeign is the share of foreign CPU time above which a run does not count.
const MostForeign = 0.10

// Observe measures the conditions during a run.
func Observe(run func()) Conditions {
	speed := coreSpeed()
	begin, before := time.Now(), readMachine()
	run()
	after := readMachine()
	all := time.Since(begin).Seconds() * float64(runtime.NumCPU())
	foreign := (after.busy - before.busy) - (after.own - before.own)
	return Conditions{
		// The two clocks are read one after the other.
		Foreign: max(0, foreign.Seconds()/all),
		Steal:   (after.stolen - before.stolen).Seconds() / all,
		Speed:   speed,
	}
}

// coreSpeed computes for a few milliseconds. It takes the best of several turns: another process
// may take the core during one of them.
func coreSpeed() float64 {
	const size, turns = 1 << 20, 9
	block := make([]byte, size)
	least := time.Hour
	for range turns {
		begin := time.Now()
		_ = sha256.Sum256(block)
		least = min(least, time.Since(begin))
	}
	return size / 1e6 / least.Seconds()
}

// machineTime is the CPU time of the machine so far.
type machineTime struct {
	busy   time.Duration // of all processes, in user and kernel mode
	stolen time.Duration
	own    time.Duration // of this process and its descendants
}

func readMachine() (m machineTime) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	// cpu user nice system idle iowait irq softirq steal (proc(5)). Interrupts belong to no process.
	if f := strings.Fields(line); len(f) > 8 {
		m.busy, m.stolen = ticks(f[1])+ticks(f[2])+ticks(f[3]), ticks(f[8])
	}
	m.own = TreeTime(os.Getpid())
	return m
}

// TreeTime returns the processor time of a process and all of its descendants.
func TreeTime(root int) (sum time.Duration) {
	children := map[int][]int{}
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		name := filepath.Base(p)
		if f := statOf(name); f != nil {
			pid, _ := strconv.Atoi(name)
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		sum += ProcessorTime(queue[0])
		queue = append(queue, children[queue[0]]...)
	}
	return sum
}
