package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

const (
	paced    = 500 // refreshes a second
	flooders = 64
	// heatUp is the length of a flood before the measurement begins.
	heatUp = 500 * time.Millisecond
)

// flood measures refreshes at a fixed rate while attackers flood the login with wrong
// passwords: first from many addresses for many accounts, so that only the gate limits
// them, and then from one address.
func (b *bench) flood() error {
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Seed(paced); err != nil {
		return err
	}
	service, err := d.StartService()
	if err != nil {
		return err
	}
	defer service.Stop()
	list := make([]*rig.Refresher, paced)
	for i := range list {
		list[i] = &rig.Refresher{Path: "/api/users/refresh", Key: d.Refresh, Sessions: []int{i}, Tokens: map[int][]byte{}}
	}
	s := side{"refresh", service, rig.ClientsOf(list)}
	floods := []struct {
		name string
		who  func(n int) (address, account string) // or nil: no flood
	}{
		{"no flood", nil},
		{"flood from everywhere", func(n int) (string, string) {
			return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), fmt.Sprint("nobody", n)
		}},
		{"flood from one place", func(n int) (string, string) { return "203.0.113.9", fmt.Sprint("nobody", n%7) }},
	}
	refreshes, hashes, slowest := make([]samples, len(floods)), make([]report.Spread, len(floods)), make([]report.Spread, len(floods))
	for range b.rounds {
		alone := bcryptAlone(b.each / 2)
		for i, f := range floods {
			var flood flooding
			end := flood.start(service.Address, f.who, heatUp+b.each)
			before := flood.hashed.Load()
			one, err := once(s, func() load.Result { return load.Paced(service.Address, s.clients, paced, b.each) })
			share := float64(flood.hashed.Load()-before) / b.each.Seconds() / alone
			end()
			if err != nil {
				return err
			}
			refreshes[i], hashes[i], slowest[i] = append(refreshes[i], one), append(hashes[i], share), append(slowest[i], flood.slowest())
			b.progress("%-22s %s refreshes/s, p99 %s ms; logins %s of bcrypt alone", f.name, report.Short(one.Rate), report.Short(one.P99), report.Short(share))
		}
	}
	t := report.Table{
		Title: "Refreshes during a flood of logins",
		Note: fmt.Sprintf("%d refreshes a second, each of another session, and %d connections that send wrong passwords. \"hashed\" is the rate of logins whose password was compared, as a share of bcrypt alone on all cores. "+
			"The refreshes, their client and the stores run on the same cores; the last column is the number of cores that they use.", paced, flooders),
		Head: []string{"", "refreshes/s", "p50 ms", "p99 ms", "hashed", "slowest response to the flood, s", "cores busy with refreshes"},
	}
	busy := report.Spread{}
	for _, one := range refreshes[0] {
		busy = append(busy, one.Rate*(one.CPU+one.Postgres+one.Redis+one.ClientCPU)/1e6)
	}
	left := 1 - busy.Median()/float64(runtime.NumCPU())
	for i, f := range floods {
		if f.who == nil {
			t.Add(f.name, refreshes[i].of(rate), refreshes[i].of(p50), refreshes[i].of(p99), "", "", busy)
			continue
		}
		t.Add(f.name, refreshes[i].of(rate), refreshes[i].of(p50), refreshes[i].of(p99), hashes[i], slowest[i])
	}
	b.report.Add(t)
	b.report.Bar("5", "flooded: refreshes/s of 500", refreshes[1].of(rate), report.AtLeast, 0.98*paced)
	b.report.Bar("5", "flooded: p99 of a refresh, ms", refreshes[1].of(p99), report.AtMost, 15)
	b.report.Bar("5", "flooded: logins, share of bcrypt alone", hashes[1], report.AtLeast, 0.85)
	b.report.Bar("5", "flooded: logins, share of bcrypt on the cores that the refreshes leave", hashes[1].Times(1/left), report.AtLeast, 0.85)
	b.report.Bar("5", "flooded: slowest response, s", slowest[1], report.AtMost, 3)
	return nil
}

// flooding is a running flood.
type flooding struct {
	hashed atomic.Int64
	took   atomic.Int64 // ns, by the slowest response
}

func (f *flooding) slowest() float64 { return time.Duration(f.took.Load()).Seconds() }

// start floods for a time, and returns a function that waits for the end of the flood.
func (f *flooding) start(address string, who func(n int) (address, account string), d time.Duration) (end func()) {
	if who == nil {
		return func() {}
	}
	var next atomic.Int64
	list := make([]*rig.Poster, flooders)
	for i := range list {
		var sent time.Time
		list[i] = &rig.Poster{
			Path: "/api/users/login",
			Next: func() (string, string) {
				n := int(next.Add(1))
				address, account := who(n)
				sent = time.Now()
				return fmt.Sprintf(`{"username":%q,"password":"wrong horse %d"}`, account, n), address
			},
			OnAnswer: func(status int, _ []byte) error {
				for took := int64(time.Since(sent)); ; {
					most := f.took.Load()
					if took <= most || f.took.CompareAndSwap(most, took) {
						break
					}
				}
				switch status {
				case http.StatusUnauthorized:
					f.hashed.Add(1)
				case http.StatusTooManyRequests, http.StatusServiceUnavailable:
					// An attacker without this wait would mainly load its own machine.
					time.Sleep(25*time.Millisecond + rand.N(50*time.Millisecond))
				}
				return nil
			},
		}
	}
	var all sync.WaitGroup
	all.Go(func() { load.Closed(address, rig.ClientsOf(list), d) })
	time.Sleep(heatUp)
	return all.Wait
}
