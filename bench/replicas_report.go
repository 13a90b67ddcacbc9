package main

import (
	"fmt"
	"runtime"
	"strings"
)

// reportScale has what each set of replicas does, what the processes do under the
// largest, and the bars.
func (b *bench) reportScale(sides []*turns) {
	t := table{
		Title: "Three replicas and one",
		Note: fmt.Sprintf("%d connections that refresh through %s, on one Postgres and one Redis; everything, the client too, shares %d cores. "+
			"CPU in µs a request; that of the service is of all its replicas.", connections, proxyVersion(), runtime.NumCPU()),
		Head: []string{"", "refreshes/s", "p50 ms", "p99 ms", "cores busy"},
	}
	for _, p := range processes {
		t.Head = append(t.Head, p+" µs")
	}
	for _, s := range sides {
		cells := []any{
			s.of(func(t turn) float64 { return t.rate }), s.of(func(t turn) float64 { return t.p50 }), s.of(func(t turn) float64 { return t.p99 }),
			s.of(func(t turn) float64 { return t.busy }),
		}
		for _, p := range processes {
			cells = append(cells, s.of(func(t turn) float64 { return t.cpu(p) }))
		}
		t.add(s.name, cells...)
	}
	one, three := sides[1], sides[2]
	against := func(figure func(turn) float64) (list spread) {
		for i := range three.runs {
			list = append(list, figure(three.runs[i])/figure(one.runs[i]))
		}
		return list
	}
	t.add("three against one, behind HAProxy", against(func(t turn) float64 { return t.rate }), "", "", "", against(func(t turn) float64 { return t.cpu("service") }))
	b.report.add(t)
	b.report.add(where(one))
	b.report.add(where(three))
	cores := float64(runtime.NumCPU())
	b.report.bar("9", "three replicas: share of the cores that is busy", three.of(func(t turn) float64 { return t.busy / cores }), atLeast, 0.9)
	b.report.bar("9", "three replicas: cores that Redis is busy on", three.of(func(t turn) float64 { return t.cores("Redis") }), atMost, 0.5)
	b.report.bar("9", "three replicas: clients that Redis keeps waiting", three.of(func(t turn) float64 { return float64(t.waits.blocked) }), atMost, 0)
}

// where is what each process does with the cores.
func where(s *turns) table {
	var states []string
	for _, state := range s.states() {
		states = append(states, state+" "+short(s.of(func(t turn) float64 { return t.waits.postgres[state] }).median()))
	}
	t := table{
		Title: "Where the time goes: " + s.name,
		Note: "For one request. Switches: how often its threads gave up their core to wait (for the network, a lock, a disk), and how often it was " +
			"taken from them because others were ready, too. Waits: how long its threads were ready to run and had no core, summed over them. " +
			"Backends of Postgres, seen every 100 ms, on average: " + strings.Join(states, ", ") + ".",
		Head: []string{"", "cores", "user µs", "system µs", "gave up a core", "lost it", "waits for one, µs"},
	}
	for _, p := range processes {
		per := func(figure func(turn, effort) float64) spread {
			return s.of(func(t turn) float64 { return figure(t, t.by[p]) })
		}
		t.add(p, s.of(func(t turn) float64 { return t.cores(p) }),
			per(func(t turn, e effort) float64 { return t.request(e.user) }), per(func(t turn, e effort) float64 { return t.request(e.system) }),
			per(func(t turn, e effort) float64 { return float64(e.voluntary) / t.requests }),
			per(func(t turn, e effort) float64 { return float64(e.involuntary) / t.requests }),
			per(func(t turn, e effort) float64 { return t.request(e.starved) }))
	}
	return t
}

// proxyVersion is as in "HAProxy 2.6.12".
func proxyVersion() string {
	if f := strings.Fields(output(proxyProgram, "-v")); len(f) > 2 {
		version, _, _ := strings.Cut(f[2], "-")
		return "HAProxy " + version
	}
	return "HAProxy"
}
