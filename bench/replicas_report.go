package main

import (
	"fmt"
	"runtime"
	"strings"

	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// reportScale adds a table of the sets of replicas, two tables of their processes, and the
// bars.
func (b *bench) reportScale(sides []*turns) {
	t := report.Table{
		Title: "Three replicas and one",
		Note: fmt.Sprintf("%d connections refresh through %s, on one Postgres and one Redis. All processes and the client share %d cores. "+
			"CPU times are in µs a request; the time of the service is the sum of its replicas. "+
			"A replica with fewer connections shares each round trip to the stores among fewer requests. "+
			"The fourth row shows how much of the difference that is: one replica with as many connections as each of the three has.", rig.Connections, proxyVersion(), runtime.NumCPU()),
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
		t.Add(s.name, cells...)
	}
	one, three, third := sides[1], sides[2], sides[3]
	against := func(one *turns, figure func(turn) float64) (list report.Spread) {
		for i := range three.runs {
			list = append(list, figure(three.runs[i])/figure(one.runs[i]))
		}
		return list
	}
	rate, cpu := func(t turn) float64 { return t.rate }, func(t turn) float64 { return t.cpu("service") }
	t.Add("ratio of three to one", against(one, rate), "", "", "", against(one, cpu))
	t.Add("ratio of three to one with a third of the connections", against(third, rate), "", "", "", against(third, cpu))
	b.Report.Add(t)
	b.Report.Add(where(one))
	b.Report.Add(where(three))
	cores := float64(runtime.NumCPU())
	b.Report.Bar("9", "three replicas: CPU of a refresh against one replica", against(one, cpu), report.AtMost, 1.2)
	b.Report.Bar("9", "three replicas: CPU of a refresh against one replica with as many connections as each", against(third, cpu), report.AtMost, 1.2)
	b.Report.Bar("9", "three replicas: share of the cores in use", three.of(func(t turn) float64 { return t.busy / cores }), report.AtLeast, 0.9)
	b.Report.Bar("9", "three replicas: cores in use by Redis", three.of(func(t turn) float64 { return t.cores("Redis") }), report.AtMost, 0.5)
	b.Report.Bar("9", "three replicas: blocked clients of Redis", three.of(func(t turn) float64 { return float64(t.waits.Blocked) }), report.AtMost, 0)
}

// where returns a table of how each process uses the cores.
func where(s *turns) report.Table {
	var states []string
	for _, state := range s.states() {
		states = append(states, state+" "+report.Short(s.of(func(t turn) float64 { return t.waits.Postgres[state] }).Median()))
	}
	t := report.Table{
		Title: "Where the time goes: " + s.name,
		Note: "Figures are for one request. A thread gives up its core to wait for the network, a lock or a disk. It loses its core " +
			"when another thread is ready. The last column is the time that the threads of a process were ready to run and had no core, in total. " +
			"Average number of Postgres backends by state, sampled every 100 ms: " + strings.Join(states, ", ") + ".",
		Head: []string{"", "cores", "user µs", "system µs", "core given up", "core lost", "wait for a core, µs"},
	}
	for _, p := range processes {
		per := func(figure func(turn, rig.Effort) float64) report.Spread {
			return s.of(func(t turn) float64 { return figure(t, t.by[p]) })
		}
		t.Add(p, s.of(func(t turn) float64 { return t.cores(p) }),
			per(func(t turn, e rig.Effort) float64 { return t.request(e.User) }), per(func(t turn, e rig.Effort) float64 { return t.request(e.System) }),
			per(func(t turn, e rig.Effort) float64 { return float64(e.Voluntary) / t.requests }),
			per(func(t turn, e rig.Effort) float64 { return float64(e.Involuntary) / t.requests }),
			per(func(t turn, e rig.Effort) float64 { return t.request(e.Starved) }))
	}
	return t
}

// proxyVersion returns the name and version of HAProxy, such as "HAProxy 2.6.12".
func proxyVersion() string {
	if f := strings.Fields(report.Output(proxyProgram, "-v")); len(f) > 2 {
		version, _, _ := strings.Cut(f[2], "-")
		return "HAProxy " + version
	}
	return "HAProxy"
}
