package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/bench/compare"
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

// flood is a kind of attack on the login with wrong passwords.
type flood struct {
	name string
	// from returns the address and the account of the nth attempt. Nil: there is no flood.
	from func(n int) (address, account string)
	// pauses: an attacker who is refused waits for 25 to 75 ms.
	pauses bool
}

// everywhere attacks from many addresses and for many accounts: only the gate limits it.
func everywhere(n int) (address, account string) {
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), fmt.Sprint("nobody", n)
}

func onePlace(n int) (address, account string) { return "203.0.113.9", fmt.Sprint("nobody", n%7) }

var floods = []flood{
	{"no flood", nil, false},
	{"from everywhere, with pauses", everywhere, true},
	{"from everywhere, never pausing", everywhere, false},
	{"from one address, with pauses", onePlace, true},
	{"from one address, never pausing", onePlace, false},
}

// flooded is the result of a run during a flood.
type flooded struct {
	compare.Sample
	tried   float64 // attempts a second
	hashed  float64 // attempts whose password was compared, as a share of bcrypt alone
	slowest float64 // response to an attempt, in s
}

// flood measures refreshes at a fixed rate while attackers flood the login with wrong
// passwords.
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
	s := compare.NewSide("refresh", service, rig.ClientsOf(list))
	runs := make([][]flooded, len(floods))
	for range b.Rounds {
		alone := rig.BcryptAlone(b.Each / 2)
		for i, f := range floods {
			one, err := compare.Undisturbed(b.Bench, "flood: "+f.name, service.Settings, func() (flooded, error) { return f.measure(s, b.Each, alone) })
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], one)
			b.Progress("%-32s %s refreshes/s, p99 %s ms; %s attempts/s, hashed %s of bcrypt alone", f.name, report.Short(one.Rate), report.Short(one.P99), report.Short(one.tried), report.Short(one.hashed))
		}
	}
	b.reportFlood(runs)
	return nil
}

// measure floods from heatUp before the run to its end.
func (f flood) measure(s compare.Side, d time.Duration, alone float64) (flooded, error) {
	attack := flooding{}
	end := attack.start(s.Program.Address, f, heatUp+d)
	defer end()
	tried, hashed := attack.tried.Load(), attack.hashed.Load()
	one, err := compare.Once(s, func() load.Result { return load.Paced(s.Program.Address, s.Clients, paced, d) })
	per := func(n int64) float64 { return float64(n) / d.Seconds() }
	return flooded{
		Sample: one, tried: per(attack.tried.Load() - tried), hashed: per(attack.hashed.Load()-hashed) / alone,
		slowest: attack.slowest(),
	}, err
}

// reportFlood adds a table with a row for each flood, and the bars.
func (b *bench) reportFlood(runs [][]flooded) {
	of := func(i int, figure func(flooded) float64) (list report.Spread) {
		for _, one := range runs[i] {
			list = append(list, figure(one))
		}
		return list
	}
	busy := of(0, func(r flooded) float64 { return r.Rate * (compare.AllCPU(r.Sample) + r.ClientCPU) / 1e6 })
	left := 1 - busy.Median()/float64(runtime.NumCPU())
	t := report.Table{
		Title: "Refreshes during a flood of logins",
		Note: fmt.Sprintf("%d refreshes a second, each of another session, and %d connections that send wrong passwords. All connections are open before the clock starts. "+
			"Attackers with pauses wait for 25 to 75 ms after a refusal; the others send the next attempt at once, and their own work takes time from the two cores too. "+
			"\"hashed\" is the rate of attempts whose password was compared, as a share of bcrypt alone on all cores. "+
			"The refreshes, their client and the stores run on the same cores; without a flood they keep %s of them busy.", paced, flooders, busy),
		Head: []string{"", "refreshes/s", "p50 ms", "p99 ms", "p99 against no flood", "attempts/s", "hashed", "slowest response to an attempt, s"},
	}
	rate := func(r flooded) float64 { return r.Rate }
	p99 := func(r flooded) float64 { return r.P99 }
	against := func(i int) (list report.Spread) {
		for round, one := range runs[i] {
			list = append(list, one.P99/runs[0][round].P99)
		}
		return list
	}
	for i, f := range floods {
		cells := []any{of(i, rate), of(i, func(r flooded) float64 { return r.P50 }), of(i, p99)}
		if f.from != nil {
			cells = append(cells, against(i), of(i, func(r flooded) float64 { return r.tried }), of(i, func(r flooded) float64 { return r.hashed }), of(i, func(r flooded) float64 { return r.slowest }))
		}
		t.Add(f.name, cells...)
	}
	b.Report.Add(t)
	for i, f := range floods {
		if f.from == nil {
			continue
		}
		limit := 6.0
		if f.pauses {
			limit = 2.5
		}
		b.Report.Bar("5", "flood "+f.name+": refreshes/s of 500", of(i, rate), report.AtLeast, 0.98*paced)
		b.Report.Bar("5", "flood "+f.name+": p99 against no flood", against(i), report.AtMost, limit)
		b.Report.Bar("5", "flood "+f.name+": slowest response to an attempt, s", of(i, func(r flooded) float64 { return r.slowest }), report.AtMost, 3)
	}
	b.Report.Bar("5", "flood "+floods[1].name+": logins, share of bcrypt on the cores that the refreshes leave", of(1, func(r flooded) float64 { return r.hashed / left }), report.AtLeast, 0.85)
}

// flooding is a running flood.
type flooding struct {
	tried, hashed atomic.Int64
	took          atomic.Int64 // ns, by the slowest response
}

func (f *flooding) slowest() float64 { return time.Duration(f.took.Load()).Seconds() }

// storeMax stores a number if it is larger than the stored one.
func storeMax(into *atomic.Int64, n int64) {
	for most := into.Load(); n > most && !into.CompareAndSwap(most, n); {
		most = into.Load()
	}
}

// start floods for a time, and returns a function that waits for the end of the flood.
func (f *flooding) start(address string, kind flood, d time.Duration) (end func()) {
	if kind.from == nil {
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
				address, account := kind.from(n)
				sent = time.Now()
				return fmt.Sprintf(`{"username":%q,"password":"wrong horse %d"}`, account, n), address
			},
			OnAnswer: func(status int, _ []byte) error {
				storeMax(&f.took, int64(time.Since(sent)))
				f.tried.Add(1)
				switch status {
				case http.StatusUnauthorized:
					f.hashed.Add(1)
				case http.StatusTooManyRequests, http.StatusServiceUnavailable:
					if kind.pauses {
						time.Sleep(25*time.Millisecond + rand.N(50*time.Millisecond))
					}
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
