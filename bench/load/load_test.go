package load

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// asker asks for a page, and counts its answers.
type asker struct{ answers int }

func (a *asker) Request(b []byte) []byte { return append(b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"...) }

func (a *asker) Answered(int, []byte) error { a.answers++; return nil }

// A server that is too slow for the pace cannot hide it: refreshes that were due and never sent
// count with the time that they waited, and the run ends in time.
func TestPacedCountsWhatWasNeverSent(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(50 * time.Millisecond) }))
	defer s.Close()
	a := &asker{}
	begin := time.Now()
	r := Paced(s.Listener.(*net.TCPListener).Addr().String(), []Client{a}, 100, 400*time.Millisecond)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the run took %s", took)
	}
	if r.Requests != a.answers || r.Requests > 10 {
		t.Errorf("%d requests, %d answers", r.Requests, a.answers)
	}
	if len(r.latency) != 40 || r.Quantile(.5) < 100*time.Millisecond {
		t.Errorf("%d latencies, the median %s", len(r.latency), r.Quantile(.5))
	}
}
