package main

import (
	"fmt"
	"net/http"

	"latchkey/bench/load"
)

// timing compares how long the answer takes to a wrong password and to a user who
// does not exist, asked in turn: who listens must not learn which it was.
func (b *bench) timing() error {
	d, err := deploy(b.programs)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.seed(1); err != nil {
		return err
	}
	service, err := d.startService("LATCHKEY_LIMITS_LOGIN_ACCOUNT=0", "LATCHKEY_LIMITS_LOGIN_ADDRESS=0", "LATCHKEY_LIMITS_LOGIN_ACCOUNT_ADDRESS=0")
	if err != nil {
		return err
	}
	defer service.Stop()
	n := 0
	asker := func(account func() string) []load.Client {
		return []load.Client{&poster{
			path: "/api/users/login",
			next: func() (string, string) {
				n++
				return fmt.Sprintf(`{"username":%q,"password":"wrong horse %d"}`, account(), n), "203.0.113.7"
			},
			answered: func(status int, body []byte) error {
				if status != http.StatusUnauthorized {
					return unexpected(status, body)
				}
				return nil
			},
		}}
	}
	turns := 4 * b.rounds // short ones, since the machine is not the same for long
	all := &bench{rounds: turns, each: b.each / 4, begin: b.begin}
	runs, err := all.alternate(side{"known user", service, asker(func() string { return username(0) })},
		side{"unknown user", service, asker(func() string { return fmt.Sprint("nobody", n) })})
	if err != nil {
		return err
	}
	t := table{Title: "A known and an unknown user", Note: "Log-ins with a wrong password, one after the other, without limits.", Head: []string{"", "p50 ms", "p99 ms"}}
	t.add("known", runs[0].of(p50), runs[0].of(p99))
	t.add("unknown", runs[1].of(p50), runs[1].of(p99))
	b.report.add(t)
	b.report.bar("", "time of an unknown user against a known one", spread{runs[1].of(p50).median() / runs[0].of(p50).median()}, atMost, 1.02)
	return nil
}
