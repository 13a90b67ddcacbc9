package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"latchkey/bench/faults/network"
	"latchkey/bench/faults/servers"
	"latchkey/internal/testserver"
)

// clockVariable names the file with the offset of the clock. Only a program that is built
// with the tag skewed reads it.
const clockVariable = "SKEWED_CLOCK_FILE"

// replica is one process of the program, with links of its own to Redis.
type replica struct {
	number  int
	address string
	clock   string // the file that clockVariable names
	gate    *network.Gate
	links   [2]*network.Link // to the two Redis servers
	toShim  *network.Link
	shim    *servers.Shim
	process *testserver.Process
}

func newReplica(number int, dir string, s *servers.Stores) (r *replica, err error) {
	r = &replica{number: number, clock: filepath.Join(dir, fmt.Sprintf("clock-%d", number)), gate: network.NewGate()}
	if r.address, err = servers.FreeAddress(); err != nil {
		return nil, err
	}
	for i, server := range s.Servers {
		if r.links[i], err = network.NewLink(server.Address(), r.gate); err != nil {
			return r, err
		}
	}
	if r.shim, err = servers.NewShim(); err != nil {
		return r, err
	}
	r.toShim, err = network.NewLink(r.shim.Address(), r.gate)
	r.announce(s.Primary())
	return r, err
}

// announce sends the replica the address of the Redis primary.
func (r *replica) announce(primary int) { r.shim.Announce(r.links[primary].Port()) }

func (r *replica) url() string { return "http://" + r.address }

// start runs the program and waits until it is ready.
func (r *replica) start(program, log string, environment []string) (err error) {
	r.process, err = servers.StartLogged(log, program, append([]string{
		"LATCHKEY_SERVER_LISTEN=" + r.address, "LATCHKEY_REDIS_MODE=sentinel",
		fmt.Sprintf("LATCHKEY_REDIS_URL=redis://127.0.0.1:%d/0?master_name=%s", r.toShim.Port(), servers.MasterName),
	}, environment...), "serve")
	if err != nil {
		return err
	}
	return servers.Eventually(30*time.Second, func() error {
		if servers.Ended(r.process) {
			return fmt.Errorf("replica %d ended: see %s", r.number, log)
		}
		return servers.Ready(r.url())
	})
}

// skew sets the clock of the replica off by d.
func (r *replica) skew(d time.Duration) error {
	return os.WriteFile(r.clock, []byte(d.String()), 0o600)
}

// heal ends all faults of this replica.
func (r *replica) heal() {
	r.gate.Pass()
	_ = os.Remove(r.clock)
	if r.process != nil && !servers.Ended(r.process) {
		r.process.Resume()
	}
}

func (r *replica) close() {
	servers.Stop(r.process)
	for _, k := range append(r.links[:], r.toShim) {
		if k != nil {
			k.Close()
		}
	}
	if r.shim != nil {
		r.shim.Close()
	}
}
