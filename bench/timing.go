package main

import (
	"fmt"
	"net/http"

	"latchkey/bench/compare"
	"latchkey/bench/load"
	"latchkey/bench/report"
	"latchkey/bench/rig"
)

// timing compares the time of the response for a wrong password and for an unknown user, in
// turn. A client must not learn from the time whether the user exists.
func (b *bench) timing() error {
	d, err := rig.Deploy(b.Programs)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Seed(1); err != nil {
		return err
	}
	service, err := d.StartService("LATCHKEY_LIMITS_LOGIN_ACCOUNT=0", "LATCHKEY_LIMITS_LOGIN_ADDRESS=0", "LATCHKEY_LIMITS_LOGIN_ACCOUNT_ADDRESS=0")
	if err != nil {
		return err
	}
	defer service.Stop()
	n := 0
	asker := func(account func() string) []load.Client {
		return []load.Client{&rig.Poster{
			Path: "/api/users/login",
			Next: func() (string, string) {
				n++
				return fmt.Sprintf(`{"username":%q,"password":"wrong horse %d"}`, account(), n), "203.0.113.7"
			},
			OnAnswer: func(status int, body []byte) error {
				if status != http.StatusUnauthorized {
					return rig.Unexpected(status, body)
				}
				return nil
			},
		}}
	}
	turns := 4 * b.Rounds // many short turns: the speed of the machine changes
	runs, err := b.AlternateFor(turns, b.Each/4, compare.NewSide("known user", service, asker(func() string { return rig.Username(0) })),
		compare.NewSide("unknown user", service, asker(func() string { return fmt.Sprint("nobody", n) })))
	if err != nil {
		return err
	}
	t := report.Table{Title: "A known and an unknown user", Note: "Logins with a wrong password, one after the other, without rate limits.", Head: []string{"", "p50 ms", "p99 ms"}}
	t.Add("known", runs[0].Of(compare.P50), runs[0].Of(compare.P99))
	t.Add("unknown", runs[1].Of(compare.P50), runs[1].Of(compare.P99))
	b.Report.Add(t)
	b.Report.Bar("", "time of an unknown user against a known one", report.Spread{runs[1].Of(compare.P50).Median() / runs[0].Of(compare.P50).Median()}, report.AtMost, 1.02)
	return nil
}
