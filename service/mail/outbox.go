package mail

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
	"latchkey/service"
)

// Outbox shows the messages to an operator, and retries them.
type Outbox struct {
	sealer
	store repository.Outbox
	now   func() time.Time
}

// NewOutbox returns the Outbox of a store.
func NewOutbox(composer *Composer, store repository.Outbox) *Outbox {
	return &Outbox{sealer: composer.sealer, store: store, now: composer.now}
}

// Listed is a message as an operator sees it.
type Listed struct {
	repository.QueuedMessage
	To string // hides most of the local part; empty: the message has no content any more
}

// List returns the newest messages in a state, or in any state if it is empty.
func (o *Outbox) List(ctx context.Context, state repository.MessageState, limit int) ([]Listed, error) {
	list, err := o.store.ListMessages(ctx, repository.MessageQuery{State: state, Limit: limit})
	if err != nil {
		return nil, service.StoreFailure("list the outbox", err)
	}
	listed := make([]Listed, len(list))
	for i, m := range list {
		listed[i].QueuedMessage = m
		if len(m.Sealed) == 0 {
			continue
		}
		if c, err := o.open(m.Message); err == nil {
			listed[i].To = hide(c.To)
		}
	}
	return listed, nil
}

// hide returns an address with the first letter of its local part.
func hide(address string) string {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" {
		return "…"
	}
	return string([]rune(local)[:1]) + "…@" + domain
}

// Retry makes a dead message due again. It returns not_found if no dead message has the ID, and
// invalid_request if the link in the message has expired.
func (o *Outbox) Retry(ctx context.Context, id string) error {
	notFound := service.NewError(service.CodeNotFound, "No message in the state dead has this ID.")
	if _, err := uuid.Parse(id); err != nil {
		return notFound
	}
	list, err := o.store.ListMessages(ctx, repository.MessageQuery{ID: id, State: repository.MessageDead, Limit: 1})
	if err != nil {
		return service.StoreFailure("find a message", err)
	}
	if len(list) == 0 {
		return notFound
	}
	now := o.now()
	expires := now.Add(keepTrying)
	c, err := o.open(list[0].Message)
	switch {
	case err != nil:
		return &service.Error{Code: service.CodeInvalidRequest, Message: "The message was sealed with another tokens.secret.", Err: err}
	case !c.LinkExpires.IsZero() && !now.Before(c.LinkExpires):
		return service.NewError(service.CodeInvalidRequest, "The link in the message has expired. The user must ask for a new one.")
	case !c.LinkExpires.IsZero() && c.LinkExpires.Before(expires):
		expires = c.LinkExpires
	}
	err = o.store.RetryMessage(ctx, id, now, expires)
	if errors.Is(err, repository.ErrNotFound) {
		return notFound
	}
	if err != nil {
		return service.StoreFailure("retry a message", err)
	}
	return nil
}
