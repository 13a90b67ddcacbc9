package main

import (
	"fmt"
	"os"
	"sync/atomic"

	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// paths compares the hot paths with the floor.
func (b *bench) paths() error {
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	const users = 8 * rig.Connections
	if err := d.Seed(users); err != nil {
		return err
	}
	durable, err := rig.DeployDurable(b.Programs)
	if err != nil {
		return err
	}
	defer durable.Close()
	if err := durable.Seed(rig.Connections); err != nil {
		return err
	}
	keys, err := d.KeysFile("ES256")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(keys) }()
	running, stop, err := startAll(
		func() (*rig.Running, error) { return d.StartService() },
		func() (*rig.Running, error) { return d.StartService("LATCHKEY_TOKENS_KEYS_FILE=" + keys) },
		func() (*rig.Running, error) { return d.StartDefault(keys) },
		func() (*rig.Running, error) { return durable.StartService() },
		d.StartFloor)
	defer stop()
	if err != nil {
		return err
	}
	service, public, byDefault, synced, floor := running[0], running[1], running[2], running[3], running[4]

	floorOf := func(path string, group int) []load.Client {
		return rig.ClientsOf(rig.Refreshers(path, d.Refresh, group*rig.Connections, rig.Connections))
	}
	keeping := func(path string, group int) []load.Client {
		list := rig.Refreshers(path, d.Refresh, group*rig.Connections, rig.Connections)
		for _, r := range list {
			r.Keep = true
		}
		return rig.ClientsOf(list)
	}
	t := report.Table{Title: "The hot paths and their floor", Head: []string{"path", "requests/s", "p50 ms", "p99 ms", "CPU µs", "Postgres µs", "Redis µs", "client µs", "RSS MB"}}
	measure := func(sides ...compare.Side) ([]compare.Samples, error) {
		runs, err := b.Alternate(sides...)
		for i, s := range runs {
			t.Add(sides[i].Name, s.Of(compare.Rate), s.Of(compare.P50), s.Of(compare.P99), s.Of(compare.CPU), s.Of(compare.PostgresCPU), s.Of(compare.RedisCPU), s.Of(compare.ClientCPU), s.Of(compare.Memory))
		}
		return runs, err
	}
	refresh, err := measure(
		compare.NewSide("refresh, access tokens by HS256", service, rotating(d, 0)),
		compare.NewSide("its floor, trips shared", floor, floorOf("/refresh/shared", 1)),
		compare.NewSide("its floor, trips for each request", floor, floorOf("/refresh", 2)),
		compare.NewSide("refresh, access tokens by ES256", public, rotating(d, 3)),
		compare.NewSide("refresh, all settings at their default", byDefault, rotating(d, 4)),
		compare.NewSide("refresh, stores that wait for the disk", synced, rotating(durable, 0)))
	if err != nil {
		return err
	}
	verify, err := measure(
		compare.NewSide("rtVerify", service, keeping("/api/users/rtVerify", 5)),
		compare.NewSide("rtVerify: its floor, trips shared", floor, keeping("/rtVerify/shared", 6)),
		compare.NewSide("rtVerify: its floor, trips for each request", floor, keeping("/rtVerify", 7)))
	if err != nil {
		return err
	}
	get, err := measure(
		compare.NewSide("guarded GET, new token", floor, b.getters(d, "/guarded", 640)),
		compare.NewSide("bare Gin + golang-jwt", floor, b.getters(d, "/verify", 1)),
		compare.NewSide("guarded GET, token seen before", floor, b.getters(d, "/guarded", 1)),
		compare.NewSide("bare Gin, hello, with a token", floor, b.getters(d, "/hello", 1)),
		compare.NewSide("bare Gin, hello, without a token", floor, gettersOf("/hello", nil)),
		compare.NewSide("GET /api/users/me", service, b.getters(d, "/api/users/me", 1)))
	if err != nil {
		return err
	}
	b.Report.Add(t)
	b.Report.Bar("1", "refresh: CPU against the floor", compare.Ratio(refresh[0], refresh[1], compare.CPU), report.AtMost, 1.15)
	b.Report.Bar("2", "rtVerify: CPU against the floor", compare.Ratio(verify[0], verify[1], compare.CPU), report.AtMost, 1.15)
	b.Report.Bar("3", "guarded GET, new token: CPU against golang-jwt", compare.Ratio(get[0], get[1], compare.CPU), report.AtMost, 1)
	b.Report.Bar("3", "guarded GET, token seen before: CPU against hello with a token", compare.Ratio(get[2], get[3], compare.CPU), report.AtMost, 1.15)
	return b.login(service)
}

// startAll starts programs, and returns a function that stops those that it started.
func startAll(starts ...func() (*rig.Running, error)) (list []*rig.Running, stop func(), err error) {
	stop = func() {
		for _, r := range list {
			r.Stop()
		}
	}
	for _, start := range starts {
		r, err := start()
		if err != nil {
			return list, stop, err
		}
		list = append(list, r)
	}
	return list, stop, nil
}

// getters returns clients with each access tokens.
func (b *bench) getters(d *rig.Deployment, path string, each int) []load.Client {
	return gettersOf(path, func(i int) (tokens [][]byte) {
		for one := range each {
			tokens = append(tokens, d.Access.AccessToken(i, i*each+one))
		}
		return tokens
	})
}

func gettersOf(path string, tokens func(i int) [][]byte) []load.Client {
	list := make([]*rig.Getter, rig.Connections)
	for i := range list {
		list[i] = &rig.Getter{Path: path}
		if tokens != nil {
			list[i].Tokens = tokens(i)
		}
	}
	return rig.ClientsOf(list)
}

// login compares logins with bcrypt alone.
func (b *bench) login(service *rig.Running) error {
	var next atomic.Int64
	list := make([]*rig.Poster, 8)
	for i := range list {
		list[i] = &rig.Poster{
			Path: "/api/users/login",
			Next: func() (string, string) {
				n := next.Add(1)
				return rig.LoginBody(rig.Username(int(n)%rig.Connections), rig.Password), fmt.Sprintf("10.1.%d.%d", n>>8&255, n&255)
			},
			OnAnswer: func(status int, body []byte) error {
				if status != 200 {
					return rig.Unexpected(status, body)
				}
				return nil
			},
		}
	}
	t := report.Table{
		Title: "Login and bcrypt alone", Note: fmt.Sprintf("bcrypt runs at cost %d on every core. Logins have the right password, %d at a time.", rig.Cost, len(list)),
		Head: []string{"path", "a second", "p50 ms", "p99 ms", "CPU ms"},
	}
	var logins compare.Samples
	var hashes, share report.Spread
	for range b.Rounds {
		var alone float64
		one, err := compare.Undisturbed(b.Bench, "login", service.Settings, func() (compare.Sample, error) {
			alone = rig.BcryptAlone(b.Each)
			return compare.Once(compare.Side{Name: "login", Program: service}, func() load.Result { return load.Closed(service.Address, rig.ClientsOf(list), b.Each) })
		})
		if err != nil {
			return err
		}
		hashes, logins, share = append(hashes, alone), append(logins, one), append(share, one.Rate/alone)
		b.Progress("login %s/s, bcrypt alone %s/s", report.Short(one.Rate), report.Short(alone))
	}
	t.Add("login", logins.Of(compare.Rate), logins.Of(compare.P50), logins.Of(compare.P99), logins.Of(func(s compare.Sample) float64 { return s.CPU / 1000 }))
	t.Add("bcrypt alone", hashes)
	b.Report.Add(t)
	b.Report.Bar("4", "logins: share of bcrypt alone", share, report.AtLeast, 0.95)
	return nil
}
