package attack

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/bench/load"
	"latchkey/bench/rig"
)

const (
	// Paced is the number of refreshes a second that are measured during a flood.
	Paced = 500
	// Flooders is the number of connections of a flood.
	Flooders = 64
	// HeatUp is the length of a flood before the measurement begins.
	HeatUp = 500 * time.Millisecond
)

// Kind is a kind of flood.
type Kind struct {
	Name string
	// From returns the address and the account of the nth attempt. Nil: there is no flood.
	From func(n int) (address, account string)
	// Pauses: an attacker who is refused waits for 25 to 75 ms.
	Pauses bool
}

// everywhere attacks from many addresses and for many accounts: only the gate limits it.
func everywhere(n int) (address, account string) {
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255), fmt.Sprint("nobody", n)
}

func onePlace(n int) (address, account string) { return "203.0.113.9", fmt.Sprint("nobody", n%7) }

// The kinds of flood.
var (
	None             = Kind{"no flood", nil, false}
	Everywhere       = Kind{"from everywhere, with pauses", everywhere, true}
	EverywhereBusy   = Kind{"from everywhere, never pausing", everywhere, false}
	FromOnePlace     = Kind{"from one address, with pauses", onePlace, true}
	FromOnePlaceBusy = Kind{"from one address, never pausing", onePlace, false}
)

// Login is the login of a server.
type Login struct {
	Path   string
	Type   string // the content type; "" is JSON
	Header string // one more, if the server needs it
	// Body returns the body of an attempt.
	Body func(account, password string) string
}

// Flood is a running flood.
type Flood struct {
	Tried  atomic.Int64 // attempts with an answer
	Hashed atomic.Int64 // attempts whose password was compared: refused as wrong
	took   rig.Highest  // ns, by the slowest response
	all    sync.WaitGroup
}

// Start floods the login of a server for a time, and returns when the flood is HeatUp old.
func Start(address string, login Login, kind Kind, d time.Duration) *Flood {
	f := &Flood{}
	if kind.From == nil {
		return f
	}
	var next atomic.Int64
	list := make([]*rig.Poster, Flooders)
	for i := range list {
		var sent time.Time
		list[i] = &rig.Poster{
			Path:   login.Path,
			Type:   login.Type,
			Header: login.Header,
			Next: func() (string, string) {
				n := int(next.Add(1))
				address, account := kind.From(n)
				sent = time.Now()
				return login.Body(account, fmt.Sprint("wrong horse ", n)), address
			},
			OnAnswer: func(status int, _ []byte) error {
				f.took.Raise(int64(time.Since(sent)))
				f.Tried.Add(1)
				if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
					if kind.Pauses {
						time.Sleep(25*time.Millisecond + rand.N(50*time.Millisecond))
					}
				} else {
					f.Hashed.Add(1)
				}
				return nil
			},
		}
	}
	f.all.Go(func() { load.Closed(address, rig.ClientsOf(list), HeatUp+d) })
	time.Sleep(HeatUp)
	return f
}

// End waits for the end of the flood.
func (f *Flood) End() { f.all.Wait() }

// Slowest returns the time of the slowest response, in s.
func (f *Flood) Slowest() float64 { return time.Duration(f.took.Load()).Seconds() }
