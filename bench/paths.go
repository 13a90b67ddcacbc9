package main

import (
	"fmt"
	"os"
	"sync/atomic"

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
	const users = 10 * rig.Connections
	if err := d.Seed(users); err != nil {
		return err
	}
	service, err := d.StartService()
	if err != nil {
		return err
	}
	defer service.Stop()
	keys, err := d.KeysFile("ES256")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(keys) }()
	public, err := d.StartService("LATCHKEY_TOKENS_KEYS_FILE=" + keys)
	if err != nil {
		return err
	}
	defer public.Stop()
	floor, err := d.StartFloor()
	if err != nil {
		return err
	}
	defer floor.Stop()

	rotating := func(path string, group int) []load.Client {
		return rig.ClientsOf(rig.Refreshers(path, d.Refresh, group*rig.Connections, rig.Connections))
	}
	keeping := func(path string, group int) []load.Client {
		list := rig.Refreshers(path, d.Refresh, group*rig.Connections, rig.Connections)
		for _, r := range list {
			r.Keep = true
		}
		return rig.ClientsOf(list)
	}
	refresh, err := b.alternate(
		side{"floor refresh", floor, rotating("/refresh", 0)},
		side{"floor refresh, pipelined", floor, rotating("/refresh/piped", 1)},
		side{"service refresh", service, rotating("/api/users/refresh", 2)},
		side{"service refresh, ES256", public, rotating("/api/users/refresh", 6)})
	if err != nil {
		return err
	}
	verify, err := b.alternate(
		side{"floor rtVerify", floor, keeping("/rtVerify", 3)},
		side{"floor rtVerify, pipelined", floor, keeping("/rtVerify/piped", 4)},
		side{"service rtVerify", service, keeping("/api/users/rtVerify", 5)})
	if err != nil {
		return err
	}
	fresh, known := b.getters(d, "/guarded", 640), b.getters(d, "/guarded", 1)
	get, err := b.alternate(
		side{"hello", floor, gettersOf("/hello", nil)},
		side{"hello, sent a token", floor, b.getters(d, "/hello", 1)},
		side{"golang-jwt", floor, b.getters(d, "/verify", 1)},
		side{"guard, first sight", floor, fresh},
		side{"guard, seen before", floor, known})
	if err != nil {
		return err
	}
	t := report.Table{Title: "The hot paths and their floor", Head: []string{"path", "requests/s", "p50 ms", "p99 ms", "CPU µs", "Postgres µs", "Redis µs", "RSS MB"}}
	row := func(name string, s samples) {
		t.Add(name, s.of(rate), s.of(p50), s.of(p99), s.of(cpu), s.of(pgCPU), s.of(redisCPU), s.of(resident))
	}
	row("refresh, access tokens by HS256", refresh[2])
	row("refresh, access tokens by ES256", refresh[3])
	row("its floor", refresh[0])
	row("its floor, pipelined", refresh[1])
	row("rtVerify", verify[2])
	row("its floor", verify[0])
	row("its floor, pipelined", verify[1])
	row("guarded GET, new token", get[3])
	row("guarded GET, token seen before", get[4])
	row("bare Gin + golang-jwt", get[2])
	row("bare Gin, hello, with a token", get[1])
	row("bare Gin, hello, without a token", get[0])
	b.report.Add(t)
	b.report.Bar("1", "refresh: CPU against the floor", ratio(refresh[2], refresh[0], cpu), report.AtMost, 1.35)
	b.report.Bar("1", "refresh: CPU against the pipelined floor", ratio(refresh[2], refresh[1], cpu), report.AtMost, 1.35)
	b.report.Bar("2", "rtVerify: CPU against the floor", ratio(verify[2], verify[0], cpu), report.AtMost, 1.35)
	b.report.Bar("2", "rtVerify: CPU against the pipelined floor", ratio(verify[2], verify[1], cpu), report.AtMost, 1.35)
	b.report.Bar("3", "guarded GET, new token: CPU against golang-jwt", ratio(get[3], get[2], cpu), report.AtMost, 1.15)
	b.report.Bar("3", "guarded GET, token seen before: CPU against hello with a token", ratio(get[4], get[1], cpu), report.AtMost, 1.15)
	return b.login(service)
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
				return fmt.Sprintf(`{"username":%q,"password":%q}`, rig.Username(int(n)%rig.Connections), rig.Password), fmt.Sprintf("10.1.%d.%d", n>>8&255, n&255)
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
	var logins samples
	var hashes, share report.Spread
	for range b.rounds {
		alone := bcryptAlone(b.each)
		one, err := once(side{name: "login", program: service}, func() load.Result { return load.Closed(service.Address, rig.ClientsOf(list), b.each) })
		if err != nil {
			return err
		}
		hashes, logins, share = append(hashes, alone), append(logins, one), append(share, one.Rate/alone)
		b.progress("login %s/s, bcrypt alone %s/s", report.Short(one.Rate), report.Short(alone))
	}
	t.Add("login", logins.of(rate), logins.of(p50), logins.of(p99), logins.of(func(s sample) float64 { return s.CPU / 1000 }))
	t.Add("bcrypt alone", hashes)
	b.report.Add(t)
	b.report.Bar("4", "logins: share of bcrypt alone", share, report.AtLeast, 0.95)
	return nil
}
