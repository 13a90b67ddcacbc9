package main

import (
	"fmt"
	"runtime"
	"time"

	"latchkey/bench/attack"
	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

var (
	floods = []attack.Kind{attack.None, attack.Everywhere, attack.EverywhereBusy, attack.FromOnePlace, attack.FromOnePlaceBusy}
	login  = attack.Login{Path: "/api/users/login", Body: rig.LoginBody}
)

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
	if err := d.Seed(attack.Paced); err != nil {
		return err
	}
	service, err := d.StartService()
	if err != nil {
		return err
	}
	defer service.Stop()
	list := make([]*rig.Refresher, attack.Paced)
	for i := range list {
		list[i] = &rig.Refresher{Path: "/api/users/refresh", Key: d.Refresh, Sessions: []int{i}, Tokens: map[int][]byte{}}
	}
	s := compare.NewSide("refresh", service, rig.ClientsOf(list))
	runs := make([][]flooded, len(floods))
	for range b.Rounds {
		alone := rig.BcryptAlone(b.Each / 2)
		for i, f := range floods {
			one, err := compare.Undisturbed(b.Bench, "flood: "+f.Name, service.Settings, func() (flooded, error) { return floodOf(f, s, b.Each, alone) })
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], one)
			b.Progress("%-32s %s refreshes/s, p99 %s ms; %s attempts/s, hashed %s of bcrypt alone", f.Name, report.Short(one.Rate), report.Short(one.P99), report.Short(one.tried), report.Short(one.hashed))
		}
	}
	b.reportFlood(runs)
	return nil
}

// floodOf measures a run during a flood that began before it.
func floodOf(kind attack.Kind, s compare.Side, d time.Duration, alone float64) (flooded, error) {
	flood := attack.Start(s.Program.Address, login, kind, d)
	defer flood.End()
	tried, hashed := flood.Tried.Load(), flood.Hashed.Load()
	one, err := compare.Once(s, func() load.Result { return load.Paced(s.Program.Address, s.Clients, attack.Paced, d) })
	per := func(n int64) float64 { return float64(n) / d.Seconds() }
	return flooded{
		Sample: one, tried: per(flood.Tried.Load() - tried), hashed: per(flood.Hashed.Load()-hashed) / alone,
		slowest: flood.Slowest(),
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
			"The refreshes, their client and the stores run on the same cores; without a flood they keep %s of them busy.", attack.Paced, attack.Flooders, busy),
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
		if f.From != nil {
			cells = append(cells, against(i), of(i, func(r flooded) float64 { return r.tried }), of(i, func(r flooded) float64 { return r.hashed }), of(i, func(r flooded) float64 { return r.slowest }))
		}
		t.Add(f.Name, cells...)
	}
	b.Report.Add(t)
	for i, f := range floods {
		if f.From == nil {
			continue
		}
		limit := 6.0
		if f.Pauses {
			limit = 2.5
		}
		b.Report.Bar("5", "flood "+f.Name+": refreshes/s of 500", of(i, rate), report.AtLeast, 0.98*attack.Paced)
		b.Report.Bar("5", "flood "+f.Name+": p99 against no flood", against(i), report.AtMost, limit)
		b.Report.Bar("5", "flood "+f.Name+": slowest response to an attempt, s", of(i, func(r flooded) float64 { return r.slowest }), report.AtMost, 3)
	}
	b.Report.Bar("5", "flood "+floods[1].Name+": logins, share of bcrypt on the cores that the refreshes leave", of(1, func(r flooded) float64 { return r.hashed / left }), report.AtLeast, 0.85)
}
