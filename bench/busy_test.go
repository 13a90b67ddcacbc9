package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// busy is the processor time that has been used, in seconds, or the cores that were
// busy, if it is a difference over a time.
type busy struct {
	at                   time.Time
	service, client, all float64
}

// busy reads it from the kernel (proc(5)).
func (s *service) busy() busy {
	b := busy{at: time.Now(), service: processorTime(strconv.Itoa(s.pid)), client: processorTime("self")}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range processes {
		b.all += processorTime(filepath.Base(p))
	}
	return b
}

func (b busy) since(a busy) busy {
	took := b.at.Sub(a.at).Seconds()
	return busy{service: (b.service - a.service) / took, client: (b.client - a.client) / took, all: (b.all - a.all) / took}
}

const ticksPerSecond = 100 // USER_HZ, the same on all of Linux

// processorTime is that of a process in user and kernel mode, in seconds; 0 when
// it is not there.
func processorTime(pid string) float64 {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(line), ") ") // the name may have blanks
	sum := 0.0
	for _, f := range strings.Fields(rest)[11:13] {
		n, _ := strconv.ParseFloat(f, 64)
		sum += n / ticksPerSecond
	}
	return sum
}
