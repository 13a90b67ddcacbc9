package storetest

import (
	"sync"
	"testing"
	"time"

	"latchkey/repository"
)

// event is one call of a concurrent history.
type event struct {
	client           int
	called, returned time.Duration
	got              repository.RefreshResult
}

// before reports whether a returned before b began, so that a precedes b in every order of the
// calls.
func (e event) before(o event) bool { return e.returned < o.called }

// orderly lets 32 clients send the current token of one session concurrently, generation after
// generation. One of them is another client, and one requests to keep the token. In the last
// round one sends a superseded token. One call of each round rotates the token, and one call
// causes the reuse. Every other result must be consistent with an order of the calls that
// agrees with the times at which they began and returned.
func orderly(t *testing.T, s repository.Store) {
	const clients, rounds = 32, 6
	session := newSession()
	begin(t, s, session)
	start := time.Now()
	met := map[repository.Outcome]int{}
	for round := range rounds {
		var mu sync.Mutex
		var history []event
		spent := round == rounds-1
		for _, err := range together(clients, func(client int) error {
			p := presentation(session)
			p.Gen = int64(round)
			p.Now = ms(0).Add(time.Duration(round) * 25 * time.Second)
			switch {
			case client == 0:
				p.ClientID = "stranger"
			case client == 1:
				p.Keep = true
			case client == 2 && spent:
				p.Gen = 1
			}
			p.JTI, p.Next = chain(session.ID, p.Gen), chain(session.ID, p.Gen+1)
			e := event{client: client, called: time.Since(start)}
			got, err := s.Sessions.RefreshSession(t.Context(), p)
			e.got, e.returned = got, time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			history = append(history, e)
			met[got.Outcome]++
			return err
		}) {
			must(t, err)
		}
		explain(t, session, history, int64(round))
	}
	t.Logf("%d calls of %d clients: %v", clients*rounds, clients, met)
	if met[repository.OutcomeRotated] < rounds-1 || met[repository.OutcomeReuse] != 1 {
		t.Error("too little has happened")
	}
}

// explain finds the calls that decided a round. It requires that every other call can have the
// position in the order that its result implies.
func explain(t *testing.T, session repository.Session, history []event, gen int64) {
	t.Helper()
	var rotation, reuse *event
	for i, e := range history {
		if e.got.Outcome == repository.OutcomeReuse {
			reuse = &history[i]
		}
		if e.got.Outcome == repository.OutcomeRotated {
			if rotation != nil {
				t.Errorf("generation %d rotated twice", gen)
			}
			rotation = &history[i]
		}
	}
	for _, e := range history {
		wrong := ""
		switch o := e.got.Outcome; {
		case o.Accepted() && reuse != nil && reuse.before(e):
			wrong = "accepted after the reuse"
		case o == repository.OutcomeRevoked && (reuse == nil || e.before(*reuse)):
			wrong = "revoked before the reuse"
		case o == repository.OutcomeReplayed && (rotation == nil || e.before(*rotation)):
			wrong = "replayed before the rotation"
		case o == repository.OutcomeKept && rotation != nil && rotation.before(e):
			wrong = "kept after the rotation"
		case (o == repository.OutcomeRotated || o == repository.OutcomeReplayed) &&
			(e.got.Gen != gen+1 || e.got.JTI != chain(session.ID, gen+1)):
			wrong = "another token"
		case (o == repository.OutcomeClientMismatch) != (e.client == 0) && o != repository.OutcomeRevoked:
			wrong = "the stranger is not told from the others"
		}
		if wrong != "" {
			t.Errorf("generation %d, client %d, %s: %s", gen, e.client, e.got.Outcome, wrong)
		}
	}
}
