package password_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apptest"
	"latchkey/service/password"
)

// breachList returns the sorted lines of a breach file for some passwords; the function line
// formats a line.
func breachList(passwords []string, line func(digest string, i int) string) []byte {
	var lines []string
	for i, p := range passwords {
		d := sha1.Sum([]byte(p))
		lines = append(lines, line(strings.ToUpper(hex.EncodeToString(d[:])), i))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}

func TestBreachFile_FoundInEveryFormat(t *testing.T) {
	var in, out []string
	for i := range 1000 {
		in, out = append(in, fmt.Sprint("breached", i)), append(out, fmt.Sprint("unheard", i))
	}
	for name, line := range map[string]func(string, int) string{
		"whole":         func(d string, _ int) string { return d + "\n" },
		"with a count":  func(d string, i int) string { return fmt.Sprintf("%s:%d\n", d, i*i*i) },
		"CR LF":         func(d string, i int) string { return fmt.Sprintf("%s:%d\r\n", d, i) },
		"prefixes":      func(d string, _ int) string { return d[:16] + "\n" },
		"in lower case": func(d string, _ int) string { return strings.ToLower(d) + "\n" },
	} {
		for _, n := range []int{1, 2, 3, 1000} {
			b := breachList(in[:n], line)
			for _, b := range [][]byte{b, bytes.TrimRight(b, "\r\n")} {
				f, err := password.NewBreachFile(bytes.NewReader(b), int64(len(b)))
				apptest.Must(t, err)
				for i, p := range in {
					if has, err := f.Has(password.New(p)); err != nil || has != (i < n) {
						t.Fatalf("%s, %d lines: %s: %v %v", name, n, p, has, err)
					}
				}
				for _, p := range out {
					if has, err := f.Has(password.New(p)); err != nil || has {
						t.Fatalf("%s, %d lines: %s: %v %v", name, n, p, has, err)
					}
				}
			}
		}
	}
	for _, b := range []string{"", "password1\n", "abc\n", strings.Repeat("A", 200)} {
		if _, err := password.NewBreachFile(strings.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("%.20q was taken for a list", b)
		}
	}
}

func TestPolicy_ReportsTheReason(t *testing.T) {
	list := breachList([]string{"a breached password"}, func(d string, _ int) string { return d + ":3\n" })
	breached, err := password.NewBreachFile(bytes.NewReader(list), int64(len(list)))
	apptest.Must(t, err)
	policy := password.Policy{MinLength: 8, Service: "auth.example", Breached: breached}
	for typed, want := range map[string]string{
		"correct horse": "", "battery staple": "", "пароль-со-словами": "", "        ": "",
		"short": "8 characters", strings.Repeat("ü", 37): "72 bytes", strings.Repeat("a", 72): "",
		"adalovelace": "own name", "ADALOVELACE": "own name", "ada@example.org": "own name", "Latchkey": "this service", "auth.example": "this service",
		"password1": "most common", "PASSWORD1": "most common", "iloveyou": "most common", "a breached password": "breach",
	} {
		problem, err := policy.Check(password.New(typed), "adalovelace", "ada@example.org")
		if err != nil || (want == "") != (problem == "") || !strings.Contains(problem, want) {
			t.Errorf("%q: %q, %v", typed, problem, err)
		}
	}
}
