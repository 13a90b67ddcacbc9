package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const tries = 1000

// BenchmarkUnknownUser compares how long the answer takes to a wrong password and
// to a user who does not exist: the ratio of the medians, asked in turn.
func BenchmarkUnknownUser(b *testing.B) {
	s := start(b, "LATCHKEY_LIMITS_LOGIN_ACCOUNT=0", "LATCHKEY_LIMITS_LOGIN_ADDRESS=0", "LATCHKEY_LIMITS_LOGIN_ACCOUNT_ADDRESS=0")
	took := map[string][]time.Duration{}
	for i := range tries {
		for _, who := range [][2]string{{"known", "ada"}, {"unknown", fmt.Sprint("nobody", i)}} {
			begin := time.Now()
			status, body := s.post("/api/users/login", "", fmt.Sprintf(`{"username":"%s","password":"wrong horse %d"}`, who[1], i))
			took[who[0]] = append(took[who[0]], time.Since(begin))
			if status != 401 {
				b.Fatalf("a wrong password: %d %s", status, body)
			}
		}
	}
	for _, d := range took {
		slices.Sort(d)
	}
	known, unknown := ms(took["known"][tries/2]), ms(took["unknown"][tries/2])
	b.Logf("median of %d: known user %.2f ms, unknown user %.2f ms", tries, known, unknown)
	b.ReportMetric(unknown/known, "unknown/known")
	b.ReportMetric(0, "ns/op")
	for b.Loop() { // it was measured above
	}
}
