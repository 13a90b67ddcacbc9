package login

import (
	"context"
	"errors"
	"log/slog"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/token"
)

// state is the progress of a login. Each step moves the login to the next state, or ends it with a
// *refusal or an error of a store.
type state string

const (
	received   state = "received"   // the client sent credentials
	admitted   state = "admitted"   // the throttle counted the attempt and lets it continue
	identified state = "identified" // the user was looked up; an unknown user has no ID
	proven     state = "proven"     // the first factor is right: the password
	complete   state = "complete"   // a session may start
)

// attempt is a login that passes through the states.
type attempt struct {
	Credentials
	state     state
	admission admission
	looked    bool            // the user was looked up
	user      repository.User // without an ID if there is none
}

// run takes an attempt through the states to complete, and settles it.
func (l *Service) run(ctx context.Context, a *attempt) (err error) {
	for a.state != complete && err == nil {
		var next state
		if next, err = l.step(ctx, a); err == nil {
			a.state = next
		}
	}
	return l.settle(ctx, a, err)
}

// step makes the transition from the current state of an attempt.
func (l *Service) step(ctx context.Context, a *attempt) (state, error) {
	switch a.state {
	case received:
		return admitted, l.admit(ctx, a)
	case admitted:
		return identified, l.identify(ctx, a)
	case identified:
		return proven, l.prove(ctx, a)
	case proven: // a second factor comes between these two
		return complete, l.allow(ctx, a)
	case complete:
	}
	return complete, nil
}

// admit counts the attempt before the password is compared, as if it had failed, so that parallel
// attempts get no more than their share. A trusted device decides what the attempt counts
// against, so its user is looked up first.
func (l *Service) admit(ctx context.Context, a *attempt) (err error) {
	if l.throttle.known(a.Device) != nil {
		if err := l.identify(ctx, a); err != nil {
			return err
		}
	}
	admission, err := l.throttle.begin(ctx, l.throttle.attempt(a.Credentials, l.deviceOf(a)))
	if err != nil {
		return err
	}
	if !admission.delayed() {
		a.admission = admission
		return nil
	}
	if admission.first { // its record names the user; later refusals of this delay cost no lookup
		if err := l.identify(ctx, a); err != nil {
			return err
		}
	}
	return admission.refusal("Too many wrong passwords. Wait a moment and try again.")
}

// identify looks the user up, once.
func (l *Service) identify(ctx context.Context, a *attempt) (err error) {
	if a.looked {
		return nil
	}
	if a.user, err = account.Lookup(ctx, l.store.Users, a.Username, a.Email); err != nil && !errors.Is(err, repository.ErrNotFound) {
		return service.StoreFailure("find the user of a login", err)
	}
	a.looked = true
	return nil
}

// prove compares the password. An unknown user costs the same hash.
func (l *Service) prove(ctx context.Context, a *attempt) error {
	match, err := l.hasher.Compare(ctx, a.From.Address, a.user.PasswordHash, a.Password)
	answer := service.NewError(service.CodeInvalidCredentials, "The username or the password is wrong.")
	switch {
	case err != nil:
		return err
	case a.user.ID == "":
		if l.rules.Reveal && a.Client.ClientID == token.ClientAPI { // OAuth clients get invalid_grant for every reason
			answer = service.NewError(service.CodeNotFound, "The user does not exist.")
		}
		return &refusal{outcome: UnknownUser, answer: answer, recorded: true}
	case !match:
		return &refusal{outcome: WrongPassword, answer: answer, recorded: true}
	case a.user.Disabled:
		return &refusal{outcome: Disabled, answer: service.AccountDisabled(), recorded: true}
	}
	return nil
}

// unverified refuses a user whose address is not verified, and sends the link again. The worker drops
// the mail if the user has as many links as are allowed.
func (l *Service) unverified(ctx context.Context, a *attempt) error {
	if err := l.store.Outbox.EnqueueMessage(ctx, l.mail.Verify(a.user, false)); err != nil {
		return service.StoreFailure("send a verification again", err)
	}
	return &refusal{outcome: Unverified, recorded: true, answer: service.NewError(service.CodeEmailUnverified,
		"The email address of this account is not verified. Open the link that was sent to it.")}
}

// allow counts the successful login, because each login stores a session or a mail. It refuses a user
// whose address must be verified first.
func (l *Service) allow(ctx context.Context, a *attempt) error {
	admission, err := l.throttle.begin(ctx, l.throttle.success(a.user))
	switch {
	case err != nil:
		return err
	case admission.delayed():
		return admission.refusal("Too many logins to this account. Wait a moment and try again.")
	case l.rules.RequireVerified && a.user.EmailVerifiedAt.IsZero():
		return l.unverified(ctx, a)
	}
	return nil
}

// settle ends every attempt: it reports the end to the throttle, counts the outcome, records a
// refusal, and returns the error for the client. The record of a refusal does not contain the name
// that was typed, because users sometimes type their password there.
func (l *Service) settle(ctx context.Context, a *attempt, err error) error {
	outcome := outcomeOf(err)
	if e := l.throttle.end(ctx, a.admission, a.end(outcome, err)); e != nil {
		l.log.LogAttrs(ctx, slog.LevelWarn, "login outcome not counted", slog.Any("error", e))
	}
	l.counts.Add(outcome)
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	if r.recorded {
		record := a.From.Record(l.clock.Now(), repository.AuditLoginFailed, string(r.outcome))
		record.UserID, record.ClientID = a.user.ID, a.Client.ClientID
		if err := l.audit.Write(ctx, record); err != nil {
			return err
		}
	}
	return r.answer
}

// end returns what the throttle counts. A client that disconnects before the answer has cost a
// hash, so that counts as a failure.
func (a *attempt) end(outcome Outcome, err error) repository.AttemptEnd {
	switch {
	case a.state == proven, a.state == complete:
		return repository.AttemptSucceeded
	case outcome == UnknownUser, outcome == WrongPassword, a.state == identified && errors.Is(err, context.Canceled):
		return repository.AttemptFailed
	}
	return repository.AttemptUndone
}

// deviceOf returns the device of a login if it is trusted for the user, or nil.
func (l *Service) deviceOf(a *attempt) *trustedDevice { return l.throttle.knownTo(a.Device, a.user) }
