package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

const (
	stranded = 200 // clients
	// hangFor is how long the stores do not answer, and backWithin how long the service may take to
	// serve every client afterwards.
	hangFor    = 10 * time.Second
	backWithin = 5 * time.Second
)

// hang suspends Postgres, then Redis, then both, under load.
func (b *bench) hang() error {
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Seed(stranded); err != nil {
		return err
	}
	service, err := d.StartService()
	if err != nil {
		return err
	}
	defer service.Stop()
	t := report.Table{
		Title: "Stores that hang",
		Note: fmt.Sprintf("%d clients refresh while a store is suspended for %s: its connections stay open, and it answers nothing. "+
			"\"Back\" is the time from the return of the store to the first second in which no request failed.", stranded, hangFor),
		Head: []string{"suspended", "slowest response, s", "RSS before, MB", "RSS at most, MB", "back after, s"},
	}
	var slowest, back, growth report.Spread
	for _, stores := range [][]string{{"Postgres"}, {"Redis"}, {"Postgres", "Redis"}} {
		one := b.strand(d, service, stores)
		t.Add(fmt.Sprint(stores), report.Short(one.slowest), report.Short(one.before), report.Short(one.most), report.Short(one.back))
		slowest, back, growth = append(slowest, one.slowest), append(back, one.back), append(growth, one.most/one.before)
	}
	b.Report.Add(t)
	b.Report.Bar("10", "stores that hang: slowest response, s", slowest.Worst(), report.AtMost, 3)
	b.Report.Bar("10", "stores that hang: memory against before", growth.Worst(), report.AtMost, 2)
	b.Report.Bar("10", "stores that hang: normal service after, s", back.Worst(), report.AtMost, backWithin.Seconds())
	return nil
}

// strandedRun is the result of a suspension.
type strandedRun struct {
	slowest, back float64 // s
	before, most  float64 // MB
}

func (b *bench) strand(d *rig.Deployment, service *rig.Running, stores []string) strandedRun {
	var slowest, lastFailure rig.Highest // ns; Unix ns
	list := make([]load.Client, stranded)
	for i := range list {
		list[i] = &patient{Refresher: &rig.Refresher{Path: "/api/users/refresh", Key: d.Refresh, Sessions: []int{i}, Tokens: map[int][]byte{}}, slowest: &slowest, lastFailure: &lastFailure}
	}
	load.Closed(service.Address, list, time.Second)
	before, _ := rig.Memory(service.Pid())
	slowest.Store(0)
	var all sync.WaitGroup
	all.Go(func() { load.Closed(service.Address, list, hangFor+backWithin+5*time.Second) })
	time.Sleep(time.Second)
	for _, s := range stores {
		if s == "Postgres" {
			d.Postgres.Hang()
			defer d.Postgres.Resume()
		} else {
			d.Redis.Hang()
			defer d.Redis.Resume()
		}
	}
	time.Sleep(hangFor)
	d.Postgres.Resume()
	d.Redis.Resume()
	returned := time.Now()
	all.Wait()
	_, most := rig.Memory(service.Pid())
	r := strandedRun{
		slowest: time.Duration(slowest.Load()).Seconds(), back: max(0, time.Unix(0, lastFailure.Load()).Sub(returned)).Seconds(),
		before: float64(before) / 1e6, most: float64(most) / 1e6,
	}
	b.Progress("%v suspended: slowest response %s s, %s MB, then %s MB, back after %s s", stores,
		report.Short(r.slowest), report.Short(r.before), report.Short(r.most), report.Short(r.back))
	return r
}

// patient is a client that waits for a second after an answer of 503, and keeps its token.
type patient struct {
	*rig.Refresher
	sent                 time.Time
	slowest, lastFailure *rig.Highest
}

// Request implements load.Client.
func (p *patient) Request(b []byte) []byte {
	p.sent = time.Now()
	return p.Refresher.Request(b)
}

// Answered implements load.Client.
func (p *patient) Answered(status int, body []byte) error {
	p.slowest.Raise(int64(time.Since(p.sent)))
	if status == http.StatusServiceUnavailable {
		p.lastFailure.Raise(time.Now().UnixNano())
		time.Sleep(time.Second)
		return nil
	}
	return p.Refresher.Answered(status, body)
}
