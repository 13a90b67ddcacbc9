package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"latchkey/bench/faults/servers"
)

// times are the lengths of a run.
type times struct {
	clients                                        int
	total, cut, hold, longHold, freeze, skew, down time.Duration
	calm                                           time.Duration // between faults
	act                                            time.Duration // from one logout of a client to the next, about
	generations                                    int           // between a dump and its restore
	only                                           []string      // parts; empty: all
}

// partNames are the parts of a pass.
var partNames = []string{"late-calls", "restore", "clocks", "redis"}

func fullTimes(total time.Duration, clients int) times {
	return times{
		clients: clients, total: total, cut: 10 * time.Second, hold: 10 * time.Second, longHold: 25 * time.Second, freeze: 50 * time.Second,
		skew: 30 * time.Second, down: 30 * time.Second, calm: 12 * time.Second, act: 40 * time.Second, generations: 20,
	}
}

func quickTimes(total time.Duration, clients int) times {
	return times{
		clients: clients, total: total, cut: 6 * time.Second, hold: 10 * time.Second, longHold: 14 * time.Second, freeze: 20 * time.Second,
		skew: 22 * time.Second, down: 10 * time.Second, calm: 5 * time.Second, act: 20 * time.Second, generations: 20,
	}
}

// part is a crowd of fresh sessions under one setting of the grace, and its faults.
type part struct {
	name   string
	grace  time.Duration
	faults []fault
}

// parts returns the parts of a pass. Each pass hits other replicas.
func (t times) parts(pass int) []part {
	a, b, c := pass%replicaCount, (pass+1)%replicaCount, (pass+2)%replicaCount
	return []part{
		{partNames[0], 2 * time.Second, []fault{cutOff(a, t.cut), hold(b, t.hold), hold(c, t.longHold), freeze(a, t.freeze)}},
		{partNames[1], time.Second, []fault{restoreOld(t.generations)}},
		{partNames[2], 10 * time.Second, []fault{skew(4*time.Second, t.skew)}},
		{partNames[3], 2 * time.Second, []fault{redisDown(t.down), failover()}},
	}
}

// seen is what happened in one fault.
type seen struct {
	part, name string
	n          map[string]int // counts from its start until all clients had recovered
	recovery   time.Duration  // from the end of the fault until the first refresh of the last client
	worst      time.Duration  // the longest time that a client went without a refresh
	missing    int            // clients that had not recovered after a minute
}

// run goes through the parts, again and again until the time is over. The first pass is
// always complete.
func (r *rig) run(ctx context.Context, rep *report) error {
	for pass := 0; ctx.Err() == nil; pass++ {
		for _, p := range r.times.parts(pass) {
			if pass > 0 && r.isOver() {
				return nil
			}
			if len(r.times.only) > 0 && !slices.Contains(r.times.only, p.name) {
				continue
			}
			if err := r.runPart(ctx, rep, p, pass); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		if r.isOver() {
			return nil
		}
	}
	return errInterrupted
}

func (r *rig) isOver() bool { return time.Since(r.begin) > r.times.total }

func (r *rig) runPart(ctx context.Context, rep *report, p part, pass int) error {
	name := fmt.Sprintf("%d-%s", pass+1, p.name)
	r.say("PART %s: grace %v", name, p.grace)
	r.during("start of the part")
	if err := r.restart(name, p.grace); err != nil {
		return err
	}
	if r.accounts == nil {
		if err := r.signUpAll(ctx, newTally()); err != nil {
			return err
		}
	}
	begin := time.Now()
	c := r.gather(ctx, name, p.grace)
	defer func() {
		c.end()
		rep.finished(r, c)
	}()
	if _, _, missing := c.recovered(ctx, begin); ctx.Err() != nil {
		return errInterrupted
	} else if missing > 0 {
		return fmt.Errorf("%d clients cannot refresh before any fault", missing)
	}
	servers.Pause(ctx, r.times.calm)
	for i, f := range p.faults {
		if ctx.Err() != nil {
			return errInterrupted
		}
		if pass > 0 && i > 0 && r.isOver() {
			break
		}
		one, err := r.runFault(ctx, c, f)
		if err != nil {
			return err
		}
		rep.faults = append(rep.faults, one)
		servers.Pause(ctx, r.times.calm)
	}
	return nil
}

func (r *rig) runFault(ctx context.Context, c *crowd, f fault) (seen, error) {
	r.say("FAULT: %s", f.name)
	r.during(f.name)
	before := c.t.counts()
	c.watch()
	from, err := f.run(ctx, r)
	for _, one := range r.replicas {
		one.heal()
	}
	s := seen{part: c.name, name: f.name}
	if err != nil {
		return s, fmt.Errorf("%s: %w", f.name, err)
	}
	r.say("the fault is over")
	s.recovery, s.worst, s.missing = c.recovered(ctx, from)
	if ctx.Err() != nil {
		return s, errInterrupted
	}
	r.during("after: " + f.name)
	for range s.missing {
		c.t.add(nStuck)
	}
	s.n = c.t.counts()
	for name := range s.n {
		s.n[name] -= before[name]
	}
	r.say("%d of %d clients have refreshed, the last one %v after it; the longest time without a refresh was %v", r.times.clients-s.missing,
		r.times.clients, s.recovery.Round(100*time.Millisecond), s.worst.Round(100*time.Millisecond))
	return s, nil
}

// quarter returns the value that three quarters of a list reach.
func quarter(list []int) int {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/4]
}
