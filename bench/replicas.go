package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// replicas compares three replicas behind HAProxy with one, on one Postgres and one
// Redis, and then restarts them.
func (b *bench) replicas() error {
	if _, err := exec.LookPath(proxyProgram); err != nil {
		return fmt.Errorf("%w; make bench installs it, or: apt-get install haproxy", err)
	}
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Seed(rig.Connections + rollingSessions); err != nil {
		return err
	}
	if err := b.scale(d); err != nil {
		return err
	}
	return b.rolling(d)
}

// scale measures one replica, and then three, on the same machine.
func (b *bench) scale(d *rig.Deployment) error {
	f, err := startFleet(d)
	if err != nil {
		return err
	}
	defer f.stop()
	clients := rig.ClientsOf(rig.Refreshers("/api/users/refresh", d.Refresh, 0, rig.Connections))
	sides := []*turns{
		{name: "one replica, no proxy", address: f.replicas[0].Address, service: f.pids()[:1], clients: clients},
		{name: "one replica behind HAProxy", address: f.one, service: f.pids()[:1], clients: clients},
		{name: "three replicas behind HAProxy", address: f.proxy.Address, service: f.pids(), clients: clients},
		{name: "one replica behind HAProxy, a third of the connections", address: f.one, service: f.pids()[:1], clients: clients[:rig.Connections/3]},
	}
	for round := range b.Rounds {
		for _, s := range sides {
			one, err := compare.Undisturbed(b.Bench, s.name, f.replicas[0].Settings, func() (turn, error) {
				load.Closed(s.address, s.clients, b.Each/8) // caches, the heaps
				return f.measure(s, b.Each)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			s.runs = append(s.runs, one)
			b.Progress("%-30s run %d of %d: %s/s, p99 %s ms, %s cores busy", s.name, round+1, b.Rounds, report.Short(one.rate), report.Short(one.p99), report.Short(one.busy))
		}
	}
	b.reportScale(sides)
	return nil
}

// turns are the runs of one set of replicas.
type turns struct {
	name, address string
	service       []int // the processes
	clients       []load.Client
	runs          []turn
}

// turn is the result of one run, by process.
type turn struct {
	rig.Conditions
	rate, p50, p99 float64
	requests       float64
	took           time.Duration
	busy           float64 // cores of the machine
	by             map[string]rig.Effort
	waits          rig.Waits
}

func (f *fleet) pids() (list []int) {
	for _, r := range f.replicas {
		list = append(list, r.Pid())
	}
	return list
}

// processes are the names of the processes that take part in a run.
var processes = []string{"service", "Postgres", "Redis", "HAProxy", "client"}

func (f *fleet) measure(s *turns, d time.Duration) (turn, error) {
	read := func() map[string]rig.Effort {
		return map[string]rig.Effort{
			"service": rig.EffortOf(s.service...), "Postgres": rig.EffortOf(rig.Family(f.d.Postgres.Pid())...), "Redis": rig.EffortOf(f.d.Redis.Pid()),
			"HAProxy": rig.EffortOf(f.proxy.Pid()), "client": rig.EffortOf(os.Getpid()),
		}
	}
	stop, watched := make(chan struct{}), make(chan error)
	t := turn{by: map[string]rig.Effort{}}
	go func() {
		var err error
		t.waits, err = f.d.Watch(stop)
		watched <- err
	}()
	var r load.Result
	var before, after map[string]rig.Effort
	var idle time.Duration
	t.Conditions = rig.Observe(func() {
		before, idle = read(), rig.MachineIdle()
		r = load.Closed(s.address, s.clients, d)
		idle = rig.MachineIdle() - idle
		after = read()
	})
	close(stop)
	if err := <-watched; err != nil {
		return t, err
	}
	if r.Requests == 0 || r.First != nil {
		return t, fmt.Errorf("%d requests failed, the first: %w", r.Failed, r.First)
	}
	for name, e := range after {
		t.by[name] = e.Since(before[name])
	}
	t.rate, t.p50, t.p99 = r.Rate(), compare.Milliseconds(r.Quantile(.5)), compare.Milliseconds(r.Quantile(.99))
	t.requests, t.took = float64(r.Requests), r.Took
	t.busy = float64(runtime.NumCPU()) - idle.Seconds()/r.Took.Seconds()
	return t, nil
}

func (s *turns) of(figure func(turn) float64) report.Spread {
	list := make(report.Spread, len(s.runs))
	for i, t := range s.runs {
		list[i] = figure(t)
	}
	return list
}

// cores returns the number of cores that a process kept busy.
func (t turn) cores(process string) float64 {
	e := t.by[process]
	return (e.User + e.System).Seconds() / t.took.Seconds()
}

func (t turn) request(d time.Duration) float64 { return float64(d.Microseconds()) / t.requests }

func (t turn) cpu(process string) float64 {
	return t.request(t.by[process].User + t.by[process].System)
}

// states returns the states of Postgres backends that were seen.
func (s *turns) states() (list []string) {
	for _, t := range s.runs {
		for state := range t.waits.Postgres {
			if !slices.Contains(list, state) {
				list = append(list, state)
			}
		}
	}
	slices.Sort(list)
	return list
}
