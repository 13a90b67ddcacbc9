package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/repository"
)

// chain returns the token ID of a generation of a session. As in the service, stores cannot
// compute it.
func chain(sessionID string, gen int64) repository.TokenID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", sessionID, gen))
	return repository.TokenID(base64.RawURLEncoding.EncodeToString(sum[:16]))
}

// prove adds the proof that a question asks for to a request.
func prove(p repository.RefreshRequest, asked repository.RefreshResult) *repository.Proof {
	proof := &repository.Proof{Gen: asked.Gen, JTI: asked.JTI, Next: chain(p.SessionID, asked.Gen+1)}
	if p.JTI == chain(p.SessionID, p.Gen) && asked.JTI == chain(p.SessionID, asked.Gen) {
		proof.Before = chain(p.SessionID, p.Gen-1)
	}
	return proof
}

// ask sends a refresh request, and repeats the request with a proof while the store asks for
// one.
func ask(ctx context.Context, s repository.Store, p repository.RefreshRequest) (repository.RefreshResult, error) {
	for {
		got, err := s.Sessions.RefreshSession(ctx, p)
		if err != nil || !got.Outcome.Question() {
			return got, err
		}
		p.Proof = prove(p, got)
	}
}

// everyOutcome tests the table of outcomes. Each case has its own session. It compares the
// outcome, the result and the session afterwards, and then repeats the call.
func everyOutcome(t *testing.T, s repository.Store) {
	type change = func(*repository.Session)
	type present = func(*repository.RefreshRequest)
	at := func(d time.Duration) present {
		return func(p *repository.RefreshRequest) { p.Now = ms(0).Add(d) }
	}
	// previous uses the predecessor, ahead a token that the store has lost.
	previous := func(d time.Duration, more ...present) present {
		return func(p *repository.RefreshRequest) {
			p.Gen, p.JTI, p.Now = 2, chain(p.SessionID, 2), ms(0).Add(d)
			for _, m := range more {
				m(p)
			}
		}
	}
	ahead := func(by int64, more ...present) present {
		return func(p *repository.RefreshRequest) {
			p.Gen += by
			p.JTI, p.Next = chain(p.SessionID, p.Gen), chain(p.SessionID, p.Gen+1)
			for _, m := range more {
				m(p)
			}
		}
	}
	and := func(changes ...change) change {
		return func(s *repository.Session) {
			for _, c := range changes {
				c(s)
			}
		}
	}
	keep := func(p *repository.RefreshRequest) { p.Keep = true }
	strict := func(p *repository.RefreshRequest) { p.Grace, p.Debounce, p.Recovery = 0, 0, 0 }
	seen := func(s *repository.Session) { s.Seen = true }
	woken := func(p *repository.RefreshRequest) { p.Woken = true }
	spent := func(d time.Duration, more ...present) present {
		return func(p *repository.RefreshRequest) {
			p.Gen, p.JTI, p.Now = 1, chain(p.SessionID, 1), ms(0).Add(d)
			for _, m := range more {
				m(p)
			}
		}
	}
	ended := func(why repository.EndReason) change {
		return func(s *repository.Session) { *s = s.Tombstone(why, ms(0), "x") }
	}
	delivery := func(d repository.Delivery) change { return func(s *repository.Session) { s.Delivery = d } }
	in := func(d repository.Delivery) present { return func(p *repository.RefreshRequest) { p.Delivery = d } }
	const minute = time.Minute
	cases := map[string]struct {
		session change
		present present
		want    repository.Outcome
	}{
		"live at generation 0":                               {nil, nil, repository.OutcomeRotated},
		"live, rotation off":                                 {nil, func(p *repository.RefreshRequest) { p.Rotate = false }, repository.OutcomeKept},
		"live, an access token only":                         {nil, keep, repository.OutcomeKept},
		"live, a moment before debounce":                     {atGeneration3, at(20*time.Second - time.Millisecond), repository.OutcomeKept},
		"live, at debounce":                                  {atGeneration3, at(20 * time.Second), repository.OutcomeRotated},
		"live, a clock gone back":                            {atGeneration3, at(-minute), repository.OutcomeKept},
		"live, rotated in the future":                        {atGeneration3, at(-minute - time.Millisecond), repository.OutcomeRotated},
		"live, in the future, rotation off":                  {atGeneration3, func(p *repository.RefreshRequest) { p.Now = ms(0).Add(-time.Hour); p.Rotate = false }, repository.OutcomeKept},
		"live, in the future, a token only":                  {atGeneration3, func(p *repository.RefreshRequest) { p.Now = ms(0).Add(-time.Hour); p.Keep = true }, repository.OutcomeKept},
		"live, just woken":                                   {atGeneration3, woken, repository.OutcomeRotated},
		"live, strict":                                       {atGeneration3, func(p *repository.RefreshRequest) { strict(p); p.Now = ms(0) }, repository.OutcomeRotated},
		"another epoch":                                      {nil, func(p *repository.RefreshRequest) { p.Epoch++ }, repository.OutcomeRevoked},
		"another epoch, kept":                                {nil, func(p *repository.RefreshRequest) { p.Epoch++; p.ExceptSession = true }, repository.OutcomeRotated},
		"ended":                                              {ended(repository.EndLogout), nil, repository.OutcomeRevoked},
		"ended for reuse":                                    {ended(repository.EndReuse), nil, repository.OutcomeRevoked},
		"another client":                                     {nil, func(p *repository.RefreshRequest) { p.ClientID = "other" }, repository.OutcomeClientMismatch},
		"a cookie's in a body":                               {delivery(repository.DeliveryCookie), nil, repository.OutcomeDeliveryMismatch},
		"a body's in a cookie":                               {nil, in(repository.DeliveryCookie), repository.OutcomeDeliveryMismatch},
		"a body's in a host's cookie":                        {nil, in(repository.DeliveryHostCookie), repository.OutcomeDeliveryMismatch},
		"a host's cookie in a body":                          {delivery(repository.DeliveryHostCookie), nil, repository.OutcomeDeliveryMismatch},
		"a host's cookie in anybody's":                       {delivery(repository.DeliveryHostCookie), in(repository.DeliveryCookie), repository.OutcomeDeliveryMismatch},
		"a host's cookie":                                    {delivery(repository.DeliveryHostCookie), in(repository.DeliveryHostCookie), repository.OutcomeRotated},
		"an old cookie, named by the host":                   {delivery(repository.DeliveryCookie), in(repository.DeliveryHostCookie), repository.OutcomeRotated},
		"an old cookie":                                      {delivery(repository.DeliveryCookie), in(repository.DeliveryCookie), repository.OutcomeRotated},
		"a moment before idle":                               {nil, at(time.Hour - time.Millisecond), repository.OutcomeRotated},
		"at idle":                                            {nil, at(time.Hour), repository.OutcomeExpired},
		"at absolute":                                        {func(s *repository.Session) { s.IdleAt = ms(0).Add(9 * time.Hour) }, at(4 * time.Hour), repository.OutcomeExpired},
		"the predecessor at once":                            {atGeneration3, previous(0), repository.OutcomeReplayed},
		"the predecessor, a clock gone back":                 {atGeneration3, previous(-minute), repository.OutcomeReplayed},
		"the predecessor of the future":                      {atGeneration3, previous(-minute - time.Millisecond), repository.OutcomeLate},
		"a moment before grace ends":                         {and(atGeneration3, seen), previous(10*time.Second - time.Millisecond), repository.OutcomeReplayed},
		"at the end of grace, seen":                          {and(atGeneration3, seen), previous(10 * time.Second), repository.OutcomeLate},
		"a moment before the skew ends":                      {and(atGeneration3, seen), previous(20*time.Second - time.Millisecond), repository.OutcomeLate},
		"at the end of the skew, seen":                       {and(atGeneration3, seen), previous(20 * time.Second), repository.OutcomeReuse},
		"at the end of the skew, woken":                      {and(atGeneration3, seen), previous(20*time.Second, woken), repository.OutcomeLate},
		"at the end of grace, not seen":                      {atGeneration3, previous(10 * time.Second), repository.OutcomeRecovered},
		"not seen, replayed, in the skew":                    {and(atGeneration3, func(s *repository.Session) { s.Graced = 1 }), previous(20*time.Second - time.Millisecond), repository.OutcomeLate},
		"not seen, replayed, after the skew":                 {and(atGeneration3, func(s *repository.Session) { s.Graced = 1 }), previous(20 * time.Second), repository.OutcomeRecovered},
		"not seen, just woken":                               {atGeneration3, previous(10*time.Second, woken), repository.OutcomeLate},
		"a moment before recovery ends":                      {and(atGeneration3, func(s *repository.Session) { s.IdleAt = s.AbsoluteAt }), previous(2*time.Hour - time.Millisecond), repository.OutcomeRecovered},
		"at the end of recovery":                             {and(atGeneration3, func(s *repository.Session) { s.IdleAt = s.AbsoluteAt }), previous(2 * time.Hour), repository.OutcomeReuse},
		"the predecessor, strict":                            {atGeneration3, previous(0, strict), repository.OutcomeReuse},
		"a call before the rotation, strict":                 {atGeneration3, previous(-time.Millisecond, strict), repository.OutcomeLate},
		"too many replays":                                   {and(atGeneration3, func(s *repository.Session) { s.Graced = repository.MaxGraced }), previous(time.Second), repository.OutcomeGraceExhausted},
		"the last replay":                                    {and(atGeneration3, func(s *repository.Session) { s.Graced = repository.MaxGraced - 1 }), previous(time.Second), repository.OutcomeReplayed},
		"no recoveries left":                                 {and(atGeneration3, func(s *repository.Session) { s.Recoveries, s.RecoveryAt = repository.MaxRecoveries, ms(0) }), previous(time.Minute), repository.OutcomeReuse},
		"no recoveries left, a prompt retry of a late clock": {and(atGeneration3, func(s *repository.Session) { s.Recoveries, s.RecoveryAt = repository.MaxRecoveries, ms(0) }), previous(20*time.Second - time.Millisecond), repository.OutcomeRecovered},
		"the last recovery":                                  {and(atGeneration3, func(s *repository.Session) { s.Recoveries, s.RecoveryAt = repository.MaxRecoveries-1, ms(0) }), previous(time.Minute), repository.OutcomeRecovered},
		"recoveries of the future": {and(atGeneration3, func(s *repository.Session) {
			s.Recoveries, s.RecoveryAt = repository.MaxRecoveries, ms(0).Add(minute+repository.RecoveryWindow)
		}), previous(minute), repository.OutcomeRecovered},
		"recoveries of the day before": {and(atGeneration3, func(s *repository.Session) {
			s.Recoveries, s.RecoveryAt = repository.MaxRecoveries, ms(0).Add(time.Minute-repository.RecoveryWindow)
		}), previous(time.Minute), repository.OutcomeRecovered},
		"the predecessor, an access token only": {atGeneration3, previous(time.Second, keep), repository.OutcomeReplayed},
		"recoverable, an access token only":     {atGeneration3, previous(time.Minute, keep), repository.OutcomeReplayed},
		"not recoverable, an access token only": {and(atGeneration3, seen), previous(time.Minute, keep), repository.OutcomeReuse},
		"one ahead":                             {atGeneration3, ahead(1), repository.OutcomeRolledForward},
		"one ahead, made a moment ago":          {atGeneration3, ahead(1, func(p *repository.RefreshRequest) { p.IssuedAt = p.Now }), repository.OutcomeRolledForward},
		"one ahead, made in the future":         {atGeneration3, ahead(1, func(p *repository.RefreshRequest) { p.IssuedAt = p.Now.Add(time.Hour) }), repository.OutcomeRolledForward},
		"one ahead, an access token only":       {atGeneration3, ahead(1, keep), repository.OutcomeRolledForward},
		"ahead, as far as may be":               {atGeneration3, ahead(repository.MaxAhead), repository.OutcomeRolledForward},
		"ahead, further":                        {atGeneration3, ahead(repository.MaxAhead + 1), repository.OutcomeUnknown},
		"ahead, of a rotation in the future":    {atGeneration3, ahead(1, at(-time.Hour)), repository.OutcomeLate},
		"ahead, of another chain":               {atGeneration3, ahead(1, func(p *repository.RefreshRequest) { p.JTI = "forged" }), repository.OutcomeReuse},
		"a spent generation":                    {atGeneration3, spent(minute), repository.OutcomeReuse},
		"a spent generation, at the rotation":   {atGeneration3, spent(0), repository.OutcomeReuse},
		"a spent generation, before it":         {atGeneration3, spent(-time.Millisecond), repository.OutcomeLate},
		"a spent generation, just woken":        {atGeneration3, spent(minute, woken), repository.OutcomeLate},
		"a spent generation, of the future":     {atGeneration3, spent(-time.Hour), repository.OutcomeLate},
		"the live generation, another id":       {atGeneration3, func(p *repository.RefreshRequest) { p.JTI = "other" }, repository.OutcomeReuse},
		"the predecessor's, another id":         {atGeneration3, previous(0, func(p *repository.RefreshRequest) { p.JTI = "other" }), repository.OutcomeReuse},
		"generation -1, no id":                  {nil, func(p *repository.RefreshRequest) { p.Gen, p.JTI = 0, "" }, repository.OutcomeReuse},
		"spent, by another client":              {atGeneration3, func(p *repository.RefreshRequest) { p.Gen, p.ClientID = 1, "other" }, repository.OutcomeClientMismatch},
		"spent, after expiry":                   {atGeneration3, func(p *repository.RefreshRequest) { p.Gen, p.Now = 1, ms(0).Add(time.Hour) }, repository.OutcomeExpired},
		"no such session":                       {nil, func(p *repository.RefreshRequest) { p.SessionID = newID() }, repository.OutcomeUnknown},
		"another user's name":                   {nil, func(p *repository.RefreshRequest) { p.UserID = newID() }, repository.OutcomeUnknown},
	}
	met := map[repository.Outcome]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			session := newSession()
			if c.session != nil {
				c.session(&session)
			}
			p := presentation(session)
			if session.Ended != "" {
				begun := newSession()
				begun.ID, begun.UserID = session.ID, session.UserID
				begin(t, s, begun)
				_, err := s.Sessions.EndSession(t.Context(), repository.Ending{UserID: session.UserID, SessionID: session.ID, Reason: session.Ended, OperationID: "x", Now: ms(0)})
				must(t, err)
				p = presentation(begun)
			} else {
				begin(t, s, session)
			}
			if c.present != nil {
				c.present(&p)
			}
			known := p.SessionID == session.ID && p.UserID == session.UserID
			got, err := compare(t, s, &session, &p, known)
			must(t, err)
			if got.Outcome != c.want {
				t.Errorf("%s, want %s", got.Outcome, c.want)
			}
			met[got.Outcome] = true
			if got.Outcome == repository.OutcomeReplayed {
				return // every replay is counted
			}
			again, err := compare(t, s, &session, &p, known)
			must(t, err)
			if again.Outcome != got.Outcome || again.Gen != got.Gen || again.JTI != got.JTI {
				t.Errorf("the same call again: %+v, first %+v", again, got)
			}
		})
	}
	for _, o := range repository.Outcomes() {
		if !met[o] {
			t.Errorf("no case has the outcome %s", o)
		}
	}
}

// compare sends a refresh request to the store and applies the rules to it, with a proof if
// they ask for one. It requires the same outcome, result and session after each call.
func compare(t *testing.T, s repository.Store, session *repository.Session, p *repository.RefreshRequest, known bool) (repository.RefreshResult, error) {
	t.Helper()
	for {
		got, err := s.Sessions.RefreshSession(t.Context(), *p)
		if err != nil {
			return got, err
		}
		after, outcome := *session, repository.OutcomeUnknown
		if known {
			after, outcome = session.Refresh(*p)
		}
		if diff := cmp.Diff(after.Result(outcome), got); diff != "" {
			t.Fatalf("the answer to %+v (-rules +store):\n%s", *p, diff)
		}
		sameSession(t, s, after)
		*session = after
		if !got.Outcome.Question() {
			return got, nil
		}
		p.Proof = prove(*p, got)
	}
}

// randomHistories sends past, current and future tokens at random times and under random
// policies, and compares the store with the rules after each request.
func randomHistories(t *testing.T, s repository.Store) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	met := map[repository.Outcome]int{}
	for range 30 {
		session := newSession()
		if r.IntN(2) == 0 {
			session.Delivery = []repository.Delivery{repository.DeliveryCookie, repository.DeliveryHostCookie}[r.IntN(2)]
		}
		begin(t, s, session)
		now, ops := session.CreatedAt, []string{"a", "b", "c"}
		var last repository.RefreshRequest
		for step := range 25 {
			now = now.Add(time.Duration(r.IntN(40000)-5000) * time.Millisecond)
			p := presentation(session)
			switch r.IntN(10) {
			case 0, 1, 2:
				p.Gen, p.JTI = session.PrevGen, session.PrevJTI
			case 3:
				p.Gen += int64(r.IntN(20)) + int64(r.IntN(20)/19*repository.MaxAhead)
				p.JTI = chain(p.SessionID, p.Gen)
			case 4:
				p.Gen = max(0, p.Gen-int64(r.IntN(4)))
				p.JTI = chain(p.SessionID, p.Gen)
			}
			p.Next = chain(p.SessionID, p.Gen+1)
			p.Now, p.OperationID, p.IssuedAt = now, fmt.Sprint(ops[r.IntN(len(ops))], step/3), now.Add(-time.Duration(r.IntN(60))*time.Second)
			p.Rotate, p.Sliding, p.Keep = r.IntN(8) > 0, r.IntN(4) > 0, r.IntN(6) == 0
			if r.IntN(8) == 0 {
				p.Grace, p.Debounce, p.Recovery = 0, 0, 0
			}
			p.Delivery, p.Woken = session.Delivery, r.IntN(8) == 0
			if r.IntN(6) == 0 {
				p.Delivery = []repository.Delivery{repository.DeliveryBody, repository.DeliveryCookie, repository.DeliveryHostCookie}[r.IntN(3)]
			}
			switch r.IntN(40) {
			case 4:
				p.Now = now.Add(-time.Duration(r.IntN(120)) * time.Second)
			case 0:
				p.Epoch++
				p.ExceptSession = r.IntN(2) == 0
			case 1:
				p.ClientID = "other"
			case 2:
				p.Now = now.Add(2 * time.Hour)
			case 3:
				p = last // a retry of the same call
			}
			if p.SessionID == "" {
				continue
			}
			got, err := compare(t, s, &session, &p, true)
			must(t, err)
			met[got.Outcome]++
			last = p
		}
	}
	t.Logf("outcomes met: %v", met)
}
