package main

import (
	"fmt"
	"slices"
	"sync/atomic"

	"latchkey/bench/attack"
	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// visited is a server with its results.
type visited struct {
	*server
	compare.Side
	clients []*client
	lost    atomic.Int64 // sessions
	failed  int          // requests, in all runs
	replace bool         // a refresh replaces the token
	alone   compare.Samples
	flooded []flooded
}

// flooded is the result of a run during a flood.
type flooded struct {
	compare.Sample
	hashed float64 // attempts a second whose password was compared
}

// measure measures the servers with the keys, or all.
func (b *bench) measure(keys []string) (err error) {
	if b.stores, err = rig.DeployDurable(b.Programs); err != nil {
		return err
	}
	defer b.stores.Close()
	list, err := b.open(keys)
	defer func(all []*visited) {
		for _, v := range all {
			v.end()
		}
	}(list)
	if err != nil {
		return err
	}
	for round := range b.Rounds {
		for _, run := range []func(*visited, int) error{b.visit, b.attack} {
			if list, err = b.each(list, func(v *visited) error { return run(v, round) }); err != nil {
				return err
			}
		}
	}
	for _, v := range list {
		v.count()
	}
	b.report(list)
	return nil
}

// each visits the servers in turn. It returns those that it could measure: a peer that fails
// altogether is left out from then on.
func (b *bench) each(list []*visited, visit func(*visited) error) (rest []*visited, err error) {
	for _, v := range list {
		switch err := visit(v); {
		case err == nil:
			rest = append(rest, v)
		case v.program == "":
			return nil, err
		default:
			b.leaveOut(v.peer, err)
		}
	}
	return rest, nil
}

func (b *bench) leaveOut(p peer, why error) {
	b.Progress("%s is left out: %v", p.name, why)
	b.missing = append(b.missing, fmt.Sprintf("%s: %v", p.name, why))
}

// open starts the servers and logs their clients in. A peer that is not installed is left out.
func (b *bench) open(keys []string) (list []*visited, err error) {
	for _, p := range peers {
		if len(keys) > 0 && !slices.Contains(keys, p.key) {
			continue
		}
		path, err := "", error(nil)
		if p.program != "" {
			path, err = b.programOf(p)
		}
		if err != nil {
			b.leaveOut(p, err)
			continue
		}
		s, err := p.start(b, p, path)
		if err != nil {
			return list, fmt.Errorf("%s: %w", p.name, err)
		}
		v := &visited{server: s}
		list = append(list, v)
		if v.clients, err = s.logIn(b.sessions, &v.lost); err != nil {
			return list, fmt.Errorf("%s: %w", p.name, err)
		}
		token, err := s.login(0)
		if err != nil {
			return list, fmt.Errorf("%s: %w", p.name, err)
		}
		if s.next != nil {
			if v.replace, err = s.replaces(token); err != nil {
				return list, fmt.Errorf("%s: %w", p.name, err)
			}
		}
		v.Side = compare.NewSide(p.name, s.Running, rig.ClientsOf(v.clients[:rig.Connections]))
		b.Progress("%s %s: %d sessions", p.name, s.version, len(v.clients))
	}
	return list, nil
}

func (v *visited) end() {
	v.Stop()
	if v.stop != nil {
		v.stop()
	}
}

// visit measures a server alone.
func (b *bench) visit(v *visited, round int) error {
	one, err := compare.Undisturbed(b.Bench, v.Name, v.Settings, func() (compare.Sample, error) {
		load.Closed(v.Address, v.Clients, b.Each/8)
		return v.run(func() load.Result { return load.Closed(v.Address, v.Clients, b.Each) })
	})
	v.alone = append(v.alone, one)
	b.Progress("%-44s run %d of %d: %s/s, p99 %s ms", v.Name, round+1, b.Rounds, report.Short(one.Rate), report.Short(one.P99))
	return err
}

// run measures a run in which some requests may fail.
func (v *visited) run(run func() load.Result) (compare.Sample, error) {
	one, r := compare.Measure(v.Side, run)
	v.failed += r.Failed
	if r.Requests == 0 {
		return one, fmt.Errorf("%s: no refresh was successful: %w", v.Name, r.First)
	}
	return one, nil
}

// attack measures a server during a flood of its login that never pauses.
func (b *bench) attack(v *visited, round int) error {
	if v.target == nil {
		return nil
	}
	clients := rig.ClientsOf(v.clients)
	one, err := compare.Undisturbed(b.Bench, "flood: "+v.Name, v.Settings, func() (flooded, error) {
		flood := attack.Start(v.Address, *v.target, attack.EverywhereBusy, b.Each)
		defer flood.End()
		hashed := flood.Hashed.Load()
		one, err := v.run(func() load.Result { return load.Paced(v.Address, clients, attack.Paced, b.Each) })
		return flooded{one, float64(flood.Hashed.Load()-hashed) / b.Each.Seconds()}, err
	})
	v.flooded = append(v.flooded, one)
	b.Progress("%-44s flood %d of %d: %s/s of %d, p99 %s ms", v.Name, round+1, b.Rounds, report.Short(one.Rate), attack.Paced, report.Short(one.P99))
	return err
}

// count refreshes every session once more, and counts those that are lost.
func (v *visited) count() {
	for _, c := range v.clients {
		if status, _, err := v.once(c.token); err == nil && status != v.ok {
			v.lost.Add(1)
		}
	}
}

// of returns a figure of each run during a flood.
func (v *visited) of(figure func(flooded) float64) (list report.Spread) {
	for _, one := range v.flooded {
		list = append(list, figure(one))
	}
	return list
}
