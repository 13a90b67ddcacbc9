package main

import (
	"fmt"
	"strconv"
	"time"

	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

const (
	rollingFor = 30 * time.Second
	// lastRestart leaves the last replica time to become ready under load.
	lastRestart = rollingFor - 8*time.Second
	// rollingSessions is large enough that most requests replace a token.
	rollingSessions = 100_000
)

// rolling restarts one replica after the other under load, with the default
// grace.
func (b *bench) rolling(d *rig.Deployment) error {
	f, err := startFleet(d, "LATCHKEY_REFRESH_GRACE=10s")
	if err != nil {
		return err
	}
	defer f.stop()
	clients := rig.ClientsOf(rig.Refreshers("/api/users/refresh", d.Refresh, rig.Connections, rollingSessions))
	answered := make(chan load.Result, 1)
	go func() { answered <- load.Closed(f.proxy.Address, clients, rollingFor) }()
	var took report.Spread
	for begin := time.Now(); time.Since(begin) < lastRestart; {
		time.Sleep(500 * time.Millisecond)
		i := len(took) % replicas
		one, err := f.restart(i)
		if err != nil {
			return err
		}
		took = append(took, one.Seconds())
		b.Progress("replica %d is back after %s s", i+1, report.Short(one.Seconds()))
	}
	r := <-answered
	if r.First != nil {
		b.Progress("%d requests failed, the first: %v", r.Failed, r.First)
	}
	return b.reportRolling(f, r, took)
}

func (b *bench) reportRolling(f *fleet, r load.Result, took report.Spread) error {
	rows, err := f.stats()
	if err != nil {
		return err
	}
	t := report.Table{
		Title: "Restarts under load",
		Note: fmt.Sprintf("%d replicas behind HAProxy are restarted in turn: SIGTERM, the end of the process, a new process on the same port. %d connections refresh meanwhile, "+
			"for %d s. A request fails if the response is not 200 or does not arrive. A retry is a connection that HAProxy could not open; it sends no request twice.",
			replicas, rig.Connections, int(rollingFor.Seconds())),
		Head: []string{"", ""},
	}
	t.Add("restarts", len(took))
	t.Add("from SIGTERM until HAProxy sends requests again, s", took)
	t.Add("successful requests", r.Requests)
	t.Add("failed requests", r.Failed)
	t.Add("p50, p99, p99.9, longest, ms", fmt.Sprintf("%s, %s, %s, %s", report.Short(compare.Milliseconds(r.Quantile(.5))), report.Short(compare.Milliseconds(r.Quantile(.99))), report.Short(compare.Milliseconds(r.Quantile(.999))), report.Short(compare.Milliseconds(r.Quantile(1)))))
	for _, counter := range []struct{ name, field string }{{"retries of HAProxy", "wretr"}, {"retries at another replica", "wredis"}, {"responses that HAProxy missed", "eresp"}} {
		n, err := strconv.Atoi(rows["all/BACKEND"][counter.field])
		if err != nil {
			return fmt.Errorf("HAProxy: %w", err)
		}
		t.Add(counter.name, n)
	}
	b.Report.Add(t)
	b.Report.Bar("9", fmt.Sprintf("failed requests in %d restarts under load", len(took)), report.Spread{float64(r.Failed)}, report.AtMost, 0)
	return nil
}
