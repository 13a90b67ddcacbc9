package testserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// The ports of Port are below the ports that systems give to clients, so that no connection
// takes one before a server has started on it.
const (
	firstPort = 10000
	lastPort  = 32000
)

// Port returns a TCP port of 127.0.0.1 that was free a moment ago. No other call, in any
// process, returns the same port soon: HAProxy would share a port on which another test
// listens.
func Port() (int, error) {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("latchkey-test-port-%d", os.Getuid()))
	unlock, err := lockFile(file + ".lock")
	if err != nil {
		return 0, err
	}
	defer unlock()
	text, _ := os.ReadFile(file) // missing at the first call on the machine
	last, _ := strconv.Atoi(string(text))
	for range lastPort - firstPort {
		if last++; last < firstPort || last > lastPort {
			last = firstPort
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", last))
		if err != nil {
			continue
		}
		return last, errors.Join(l.Close(), os.WriteFile(file, []byte(strconv.Itoa(last)), 0o600))
	}
	return 0, errors.New("no port is free")
}
