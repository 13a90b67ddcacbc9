package mail

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"latchkey/internal/tally"
	"latchkey/repository"
)

const (
	// senders is the number of concurrent connections of a replica.
	senders = 4
	// claimSize is the number of messages that a sender claims at once.
	claimSize = 8
	// lease is longer than a claim can take: opening a connection for each message, and sending it.
	lease = claimSize*2*smtpTimeout + time.Minute
	// pollEvery is the time between two looks for due messages. Up to a fifth is subtracted, so that
	// replicas do not look at the same time.
	pollEvery = time.Second
	// countEvery is the time between two counts of the waiting messages.
	countEvery = 15 * time.Second
	// firstRetry and lastRetry are the shortest and the longest time between two attempts.
	firstRetry = time.Minute
	lastRetry  = time.Hour
	// budgetPeriod is the time in which the mails of a recipient are counted.
	budgetPeriod = time.Hour
)

// Outcome is how an attempt to send a message ended, as the metrics name it: sent, dropped, or the
// class of a failure.
type Outcome string

// The outcomes that are no failure.
const (
	Sent    Outcome = "sent"
	Dropped Outcome = "dropped"
)

// Worker sends the messages of the outbox.
type Worker struct {
	sealer
	store     repository.Store
	renderer  *Renderer
	transport Transport
	perHour   int // mails to one recipient in each budget; 0: no limit
	emailKey  func(string) (key, problem string)
	now       func() time.Time
	log       *slog.Logger
	counts    tally.Tally[Outcome]

	mu      sync.Mutex
	waiting repository.MessageCounts
}

// NewWorker returns a Worker. It sends at most perHour mails of a budget to a recipient in an hour.
// The function emailKey returns the form in which addresses are compared.
func NewWorker(composer *Composer, store repository.Store, renderer *Renderer, transport Transport, perHour int,
	emailKey func(string) (key, problem string), now func() time.Time, log *slog.Logger,
) *Worker {
	return &Worker{
		sealer: composer.sealer, store: store, renderer: renderer, transport: transport, perHour: perHour, emailKey: emailKey, now: now, log: log,
		counts: tally.New(Sent, Dropped, Outcome(ClassConnection), Outcome(ClassTLS), Outcome(ClassAuth), Outcome(ClassDeferred),
			Outcome(ClassRefused), Outcome(ClassAddress), Outcome(ClassFile), Outcome(ClassStore), Outcome(ClassSecret), Outcome(ClassText)),
	}
}

// Where names where the mails go, without secrets.
func (w *Worker) Where() string { return w.transport.Where() }

// Counts returns the number of attempts of this process by outcome.
func (w *Worker) Counts() map[Outcome]int64 { return w.counts.Read() }

// Waiting returns the messages that wait, as they were counted last.
func (w *Worker) Waiting() repository.MessageCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

// Run sends messages until ctx is done. It returns when the messages that were being sent are sent.
func (w *Worker) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range senders {
		all.Go(func() { w.loop(ctx) })
	}
	all.Go(func() {
		for {
			if c, err := w.store.Outbox.CountMessages(ctx); err == nil {
				w.mu.Lock()
				w.waiting = c
				w.mu.Unlock()
			}
			if !pause(ctx, countEvery) {
				return
			}
		}
	})
	all.Wait()
}

func (w *Worker) loop(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := w.Once(ctx)
		if err != nil && ctx.Err() == nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "outbox not read", slog.Any("error", err))
		}
		if n == claimSize {
			continue
		}
		if !pause(ctx, pollEvery-rand.N(pollEvery/5)) { //nolint:gosec // only spreads the load
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Once claims some messages that are due, and sends them. It returns their number.
func (w *Worker) Once(ctx context.Context) (int, error) {
	now := w.now()
	claimed, err := w.store.Outbox.ClaimMessages(ctx, now, now.Add(lease), claimSize)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	s := &sending{worker: w}
	defer s.close()
	for i, m := range claimed {
		if ctx.Err() != nil { // the service stops: other replicas send the rest
			w.release(context.WithoutCancel(ctx), claimed[i:])
			break
		}
		w.attempt(context.WithoutCancel(ctx), s, m) // a message in work is finished
	}
	return len(claimed), nil
}

// release makes messages due again that were claimed and not tried.
func (w *Worker) release(ctx context.Context, rest []repository.QueuedMessage) {
	now := w.now()
	for _, m := range rest {
		end := repository.MessageEnd{State: repository.MessageQueued, Reason: m.Reason, At: now, DueAt: now, Attempt: m.Attempts}
		if err := w.store.Outbox.EndMessage(ctx, m.ID, end); err != nil {
			return // the claims end by themselves
		}
	}
}

// sending is the connection that the messages of a claim share.
type sending struct {
	worker *Worker
	conn   Connection
	failed error // no connection could be opened
}

// send opens the connection if there is none. After a failure the next message gets a new one,
// unless none can be opened.
func (s *sending) send(ctx context.Context, m Mail) (err error) {
	if s.failed != nil {
		return s.failed
	}
	if s.conn == nil {
		if s.conn, s.failed = s.worker.transport.Open(ctx); s.failed != nil {
			return s.failed
		}
	}
	if err = s.conn.Send(ctx, m); err != nil {
		s.close()
	}
	return err
}

func (s *sending) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// errDropped is why there is nothing to send.
type errDropped string

func (e errDropped) Error() string { return string(e) }

// attempt sends a message and records the end of the attempt.
func (w *Worker) attempt(ctx context.Context, s *sending, m repository.QueuedMessage) {
	end, outcome := w.outcome(ctx, s, m)
	level := slog.LevelInfo
	if outcome != Sent && outcome != Dropped {
		level = slog.LevelWarn
	}
	w.counts.Add(outcome)
	w.log.LogAttrs(ctx, level, "mail "+string(end.State), slog.String("kind", m.Kind), slog.String("message", m.ID), slog.Int("attempt", m.Attempts),
		slog.String("outcome", string(outcome)), slog.String("reason", end.Reason))
	if err := w.record(ctx, m.ID, end); err != nil {
		// The claim ends by itself, and the message is sent again, with the same Message-ID.
		w.log.LogAttrs(ctx, slog.LevelWarn, "end of a mail not recorded", slog.String("message", m.ID), slog.Any("error", err))
	}
}

// record writes the end of an attempt, and tries for a while: otherwise the message is sent again.
func (w *Worker) record(ctx context.Context, id string, end repository.MessageEnd) (err error) {
	for delay := 50 * time.Millisecond; delay < 4*time.Second; delay *= 3 {
		if err = w.store.Outbox.EndMessage(ctx, id, end); err == nil {
			return nil
		}
		time.Sleep(delay)
	}
	return err
}

// outcome sends a message and decides how the attempt ends.
func (w *Worker) outcome(ctx context.Context, s *sending, m repository.QueuedMessage) (repository.MessageEnd, Outcome) {
	mail, err := w.prepare(ctx, m)
	if err == nil {
		err = s.send(ctx, mail)
	}
	now := w.now()
	end := repository.MessageEnd{State: repository.MessageSent, At: now, DueAt: now, Attempt: m.Attempts}
	var dropped errDropped
	var failed *Failure
	switch {
	case err == nil:
		return end, Sent
	case errors.As(err, &dropped):
		end.State, end.Reason = repository.MessageDropped, dropped.Error()
		return end, Dropped
	case !errors.As(err, &failed): // a store is unavailable
		failed = &Failure{Class: ClassStore, Err: err}
	}
	end.Reason = string(failed.Class) + ": " + withoutAddress(failed.Error(), mail.To)
	end.State, end.DueAt = repository.MessageQueued, now.Add(backoff(m.Attempts))
	if failed.Final || !end.DueAt.Before(m.ExpiresAt) {
		end.State = repository.MessageDead
	}
	return end, Outcome(failed.Class)
}

// withoutAddress removes the address of the recipient, which servers repeat in their answers.
func withoutAddress(text, address string) string {
	local, _, _ := strings.Cut(address, "@")
	for _, secret := range []string{address, local + "@"} {
		if len(secret) > 1 {
			text = replaceFold(text, secret, "…")
		}
	}
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return oneLine(text)
}

// replaceFold replaces every occurrence of old in text, regardless of case.
func replaceFold(text, old, with string) string {
	lower, lowerOld := strings.ToLower(text), strings.ToLower(old)
	if len(lower) != len(text) { // the case of some letters changes their length
		text = lower
	}
	var b strings.Builder
	for {
		i := strings.Index(lower, lowerOld)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		b.WriteString(with)
		text, lower = text[i+len(lowerOld):], lower[i+len(lowerOld):]
	}
}

// backoff returns the time before the next attempt: it doubles from firstRetry to lastRetry, with up
// to a fifth more or less.
func backoff(attempts int) time.Duration {
	d := lastRetry
	if attempts < 7 {
		d = min(firstRetry<<max(0, attempts-1), lastRetry)
	}
	return d - d/5 + rand.N(2*d/5) //nolint:gosec // only spreads the load
}

// prepare decides what is sent to whom, admits the message, and writes the mail. It returns an
// errDropped if there is nothing to send.
func (w *Worker) prepare(ctx context.Context, m repository.QueuedMessage) (Mail, error) {
	if !w.now().Before(m.ExpiresAt) {
		return Mail{}, &Failure{Class: Class(cmp.Or(classOf(m.Reason), string(ClassConnection))), Final: true, Err: errors.New("the message is too old")}
	}
	c, err := w.open(m.Message)
	if err != nil {
		return Mail{}, &Failure{Class: ClassSecret, Final: true, Err: err}
	}
	kind, l, err := w.resolve(ctx, m, &c)
	if err != nil {
		return Mail{}, err
	}
	mail, err := w.renderer.render(m.ID, kind, c)
	if err != nil {
		return Mail{}, &Failure{Class: ClassText, Final: true, Err: err}
	}
	key, problem := w.emailKey(c.To)
	if problem != "" {
		return mail, errDropped("the address is not valid")
	}
	now := w.now()
	admitted, err := w.store.Outbox.AdmitMessage(ctx, repository.Admission{
		MessageID: m.ID, Recipient: w.recipientHash(key), Budget: kind.budget(c.Replace), Max: w.perHour, Since: now.Add(-budgetPeriod),
		Link: l, MaxLinks: kind.maxLinks(), Replace: c.Replace, At: now,
	})
	switch {
	case errors.Is(err, repository.ErrNotFound):
		return mail, errDropped("the link is void")
	case err == nil && !admitted:
		return mail, errDropped("too many mails to this recipient")
	}
	return mail, err
}

func classOf(reason string) string {
	class, _, _ := strings.Cut(reason, ":")
	return class
}

// resolve finds the account that a message is about, and returns the kind of mail to send and the
// link to create.
func (w *Worker) resolve(ctx context.Context, m repository.QueuedMessage, c *content) (Kind, *repository.Link, error) {
	kind := Kind(m.Kind)
	l := &repository.Link{
		Hash: c.Token.Hash(), Purpose: kind.purpose(), UserID: m.UserID, Email: c.To, CredentialVersion: c.Version, Mailed: true,
		Signup: c.Signup, CreatedAt: m.CreatedAt, ExpiresAt: c.LinkExpires,
	}
	l.EmailKey, _ = w.emailKey(c.To)
	switch kind {
	case VerifyEmail:
		return kind, l, nil
	case ResetPassword, ConfirmSignup, ConfirmEmail:
	case AccountExists, PasswordChanged, EmailChanged, EmailReplaced, NewDevice, TokenReused, Test: // the link in EmailChanged exists already
		return kind, nil, nil
	default:
		return kind, nil, &Failure{Class: ClassText, Final: true, Err: errors.New("a kind that this version does not know")}
	}
	owner, err := w.store.Users.FindUserByEmail(ctx, l.EmailKey)
	known := err == nil
	switch {
	case err != nil && !errors.Is(err, repository.ErrNotFound):
		return kind, nil, err
	case kind == ResetPassword && (!known || owner.Disabled):
		return kind, nil, errDropped("no such account")
	case kind == ResetPassword:
		// The mail goes to the address of the account, never to the address that was typed.
		c.To, c.Locale = owner.Email, cmp.Or(owner.Locale, c.Locale)
		if !owner.EmailVerifiedAt.IsZero() { // otherwise a stranger could have chosen the name, as an advertisement
			c.Username = owner.Username
		}
		l.UserID, l.Email, l.CredentialVersion = owner.ID, owner.Email, owner.CredentialVersion
	case known && owner.ID != m.UserID:
		*c = content{To: owner.Email, Locale: cmp.Or(owner.Locale, c.Locale), At: c.At}
		return AccountExists, nil, nil
	}
	return kind, l, nil
}
