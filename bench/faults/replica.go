package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

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
	gate    *gate
	links   [2]*link // to the two Redis servers
	toShim  *link
	shim    *shim
	process *testserver.Process
}

func newReplica(number int, dir string, s *stores) (r *replica, err error) {
	r = &replica{number: number, clock: filepath.Join(dir, fmt.Sprintf("clock-%d", number)), gate: newGate()}
	if r.address, err = freeAddress(); err != nil {
		return nil, err
	}
	for i, server := range s.servers {
		if r.links[i], err = newLink(server.address(), r.gate); err != nil {
			return r, err
		}
	}
	if r.shim, err = newShim(); err != nil {
		return r, err
	}
	r.toShim, err = newLink(r.shim.address(), r.gate)
	r.announce(s.primary())
	return r, err
}

// announce tells the replica which Redis server is the primary.
func (r *replica) announce(primary int) { r.shim.announce(r.links[primary].port()) }

func (r *replica) url() string { return "http://" + r.address }

// start runs the program and waits until it is ready.
func (r *replica) start(program, log string, environment []string) (err error) {
	r.process, err = startLogged(log, program, append([]string{
		"LATCHKEY_SERVER_LISTEN=" + r.address, "LATCHKEY_REDIS_MODE=sentinel",
		fmt.Sprintf("LATCHKEY_REDIS_URL=redis://127.0.0.1:%d/0?master_name=%s", r.toShim.port(), masterName),
	}, environment...), "serve")
	if err != nil {
		return err
	}
	return eventually(30*time.Second, func() error {
		if ended(r.process) {
			return fmt.Errorf("replica %d ended: see %s", r.number, log)
		}
		return ready(r.url())
	})
}

// skew sets the clock of the replica off by so much.
func (r *replica) skew(d time.Duration) error {
	return os.WriteFile(r.clock, []byte(d.String()), 0o600)
}

// heal ends all faults of this replica.
func (r *replica) heal() {
	r.gate.Pass()
	_ = os.Remove(r.clock)
	if r.process != nil && !ended(r.process) {
		r.process.Resume()
	}
}

func (r *replica) close() {
	stop(r.process)
	for _, k := range append(r.links[:], r.toShim) {
		if k != nil {
			k.close()
		}
	}
	if r.shim != nil {
		r.shim.close()
	}
}

// ready asks whether a service should be sent requests.
func ready(url string) error {
	c := http.Client{Timeout: 2 * time.Second}
	res, err := c.Get(url + "/readyz")
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the service is not ready: " + res.Status)
	}
	return nil
}
