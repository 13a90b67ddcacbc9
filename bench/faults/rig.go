package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"latchkey/bench/faults/servers"
	"latchkey/internal/testserver"
)

const (
	replicaCount = 3
	// victimCount is the number of accounts whose tokens are stolen.
	victimCount = 4
	secret      = "a root secret for fault runs, of 32 bytes or more"
)

// rig is everything that runs: the stores, the replicas of the program, HAProxy, and the
// clients of the current part.
type rig struct {
	times    times
	program  string
	skewed   bool   // the program reads clockVariable; else it refuses to start with it
	dir      string // deleted at the end
	logs     string // kept
	stores   *servers.Stores
	replicas []*replica
	haproxy  *testserver.Process
	address  string // of HAProxy
	accounts []*account
	graves   *graves
	begin    time.Time

	mu         sync.Mutex
	now        *crowd
	fault      string // that is under way
	excuses    []excuse
	violations []violation
}

// excuse is a time whose logins were lost with the store, which the protocol allows.
type excuse struct{ from, to time.Time }

func (r *rig) url() string { return "http://" + r.address }

func (r *rig) crowd() *crowd {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) setCrowd(c *crowd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = c
}

// during names the fault that is under way, or the last one.
func (r *rig) during(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = name
}

// say prints a line of progress.
func (r *rig) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%5.0fs  "+format+"\n", append([]any{time.Since(r.begin).Seconds()}, args...)...)
}

// complain prints what should not happen, but is no violation.
func (r *rig) complain(format string, args ...any) { r.say("UNEXPECTED: "+format, args...) }

// build builds the program into the directory of the rig. The tag skewed lets the
// program read clockVariable.
func (r *rig) build() error {
	r.program = filepath.Join(r.dir, "latchkey")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "nomsgpack,grpcnotrace,skewed", "-ldflags", "-s -w", "-o", r.program, "latchkey/cmd/latchkey")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %s", out)
	}
	text, err := os.ReadFile(r.program)
	if r.skewed = bytes.Contains(text, []byte(clockVariable)); err == nil && !r.skewed {
		r.say("NOTE: this program does not read %s: faults of clocks have no effect", clockVariable)
	}
	return err
}

// deploy starts the stores and chooses all addresses. The replicas start with each part.
func (r *rig) deploy(ctx context.Context) (err error) {
	if r.stores, err = servers.StartStores(r.dir, r.logs); err != nil {
		return err
	}
	for i := range replicaCount {
		one, err := newReplica(i, r.dir, r.stores)
		if one != nil {
			r.replicas = append(r.replicas, one)
		}
		if err != nil {
			return err
		}
	}
	r.stores.Changed = func(primary int) {
		r.say("the sentinel has made Redis %d the primary", primary)
		for _, one := range r.replicas {
			one.announce(primary)
		}
	}
	go r.stores.Follow(ctx)
	r.address, err = servers.FreeAddress()
	return err
}

// close ends all that the rig has started.
func (r *rig) close() {
	servers.Stop(r.haproxy)
	var all sync.WaitGroup
	for _, one := range r.replicas {
		all.Go(one.close)
	}
	all.Wait()
	if r.stores != nil {
		r.stores.Stop()
	}
	_ = os.RemoveAll(r.dir)
}

// restart runs all replicas anew, with another grace, and HAProxy if it does not run yet.
func (r *rig) restart(name string, grace time.Duration) error {
	environment := []string{
		"LATCHKEY_DATABASE_URL=" + r.stores.Postgres.URL, "LATCHKEY_TOKENS_SECRET=" + secret, "LATCHKEY_SERVER_PUBLIC_URL=" + r.url(),
		"LATCHKEY_SERVER_TRUSTED_PROXIES=127.0.0.0/8", "LATCHKEY_SERVER_DRAIN_DELAY=0s", "LATCHKEY_REFRESH_GRACE=" + grace.String(),
		"LATCHKEY_LIMITS_SIGNUPS_PER_HOUR=0", "LATCHKEY_LIMITS_LOGINS_PER_HOUR=0", "LATCHKEY_PASSWORD_BCRYPT_COST=10", "LATCHKEY_LIMITS_LOGIN_ACCOUNT_ADDRESS=0",
		"LATCHKEY_LIMITS_LOGIN_ACCOUNT=0", "LATCHKEY_LIMITS_LOGIN_ADDRESS=0", "LATCHKEY_LIMITS_LOGIN_DEVICE=0",
		"LATCHKEY_LOG_LEVEL=debug", "LATCHKEY_LOG_FORMAT=json",
	}
	errs := make([]error, len(r.replicas))
	var all sync.WaitGroup
	var addresses []string
	for i, one := range r.replicas {
		addresses = append(addresses, one.address)
		own := environment
		if r.skewed {
			own = append(slices.Clone(own), clockVariable+"="+one.clock)
		}
		all.Go(func() {
			servers.Stop(one.process)
			errs[i] = one.start(r.program, filepath.Join(r.logs, fmt.Sprintf("%s-replica%d.log", name, i)), own)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil || r.haproxy != nil {
		time.Sleep(time.Second) // until HAProxy has seen that they are ready
		return err
	}
	var err error
	r.haproxy, err = servers.StartHAProxy(r.dir, filepath.Join(r.logs, "haproxy.log"), r.address, addresses)
	return err
}

// signUpAll creates the accounts of all clients and victims.
func (r *rig) signUpAll(ctx context.Context, t *tally) error {
	for i := range r.times.clients + victimCount {
		name := fmt.Sprintf("client-%02d", i)
		if i >= r.times.clients {
			name = fmt.Sprintf("victim-%02d", i-r.times.clients)
		}
		a, err := r.signUp(ctx, t, name)
		if err != nil {
			return err
		}
		r.accounts = append(r.accounts, a)
	}
	return nil
}
