package oauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"latchkey/repository"
	"latchkey/service"
	"latchkey/service/account"
	"latchkey/service/audit"
	"latchkey/service/session"
)

// DeclaredClient is a client as the operator's file describes it.
type DeclaredClient struct {
	ClientSpec
	Secret ClientSecret // empty: public
}

// Applied lists the changes of Apply by client ID.
type Applied struct {
	Created, Changed, NewSecret, Disabled, Unchanged []string
}

// Apply makes the managed clients match the declared ones. It creates missing clients and updates
// clients that differ. Clients that are no longer declared are disabled and become unmanaged. They
// are not deleted, because the ID of a deleted client cannot be used again. A declared client that
// an operator created by a command becomes managed. After a change of a secret, the previous secret
// stays valid for KeepSecret. If a declaration is invalid, Apply changes nothing and returns
// invalid_request with all problems.
func (c *Clients) Apply(ctx context.Context, declared []DeclaredClient, from audit.Origin) (Applied, error) {
	if err := checkDeclared(declared); err != nil {
		return Applied{}, err
	}
	for _, d := range declared { // before any change
		was, err := session.FindClient(ctx, c.store, d.ID)
		switch {
		case errors.Is(err, repository.ErrNotFound):
		case err != nil:
			return Applied{}, service.StoreFailure("find a client", err)
		case was.Public != d.Public:
			return Applied{}, service.FieldError(service.CodeInvalidRequest, "client "+d.ID, "cannot change between public and confidential: choose another id")
		}
	}
	var done Applied
	for _, d := range declared {
		d.Managed = true
		if err := c.applyOne(ctx, d, from, &done); err != nil {
			return done, fmt.Errorf("client %s: %w", d.ID, err)
		}
	}
	return done, c.disableOthers(ctx, declared, from, &done)
}

// WrongDeclaration is a problem with one field of a declared client. The field is named as in the
// API.
type WrongDeclaration struct {
	Index          int // in the list of clients
	Field, Problem string
}

// CheckDeclared returns every problem with declared clients, in their order.
func CheckDeclared(declared []DeclaredClient) (wrong []WrongDeclaration) {
	ids := map[string]bool{}
	for i, d := range declared {
		for _, err := range []error{d.check(), d.Secret.check(d.Public)} {
			fields := service.AsError(err).Fields
			for _, field := range slices.Sorted(maps.Keys(fields)) {
				wrong = append(wrong, WrongDeclaration{i, field, fields[field]})
			}
		}
		if !d.Public && d.Secret == "" {
			wrong = append(wrong, WrongDeclaration{i, "secret", "is missing: a confidential client needs one"})
		}
		if ids[d.ID] {
			wrong = append(wrong, WrongDeclaration{i, "id", "appears twice"})
		}
		ids[d.ID] = true
	}
	return wrong
}

func checkDeclared(declared []DeclaredClient) error {
	fields := map[string]string{}
	for _, w := range CheckDeclared(declared) {
		at := fmt.Sprintf("clients[%d]", w.Index)
		if id := declared[w.Index].ID; id != "" {
			at = "client " + id
		}
		fields[at+": "+w.Field] = w.Problem
	}
	if len(fields) == 0 {
		return nil
	}
	return &service.Error{Code: service.CodeInvalidRequest, Message: "Some clients are invalid.", Fields: fields}
}

func (c *Clients) applyOne(ctx context.Context, d DeclaredClient, from audit.Origin, done *Applied) error {
	for range clientRetries { // another replica may apply the same file
		was, err := session.FindClient(ctx, c.store, d.ID)
		switch {
		case errors.Is(err, repository.ErrNotFound):
			_, _, err := c.Create(ctx, d.ClientSpec, d.Secret, account.Caller{}, from)
			if service.AsError(err).Code == service.CodeClientTaken {
				if _, again := session.FindClient(ctx, c.store, d.ID); again == nil {
					continue
				}
				return errors.New("was deleted before, and its id cannot be used again: choose another id")
			}
			if err == nil {
				done.Created = append(done.Created, d.ID)
			}
			return err
		case err != nil:
			return service.StoreFailure("find a client", err)
		}
		changed := false
		want := d.record()
		want.Secret, want.PreviousSecret, want.PreviousUntil = was.Secret, was.PreviousSecret, was.PreviousUntil
		want.CreatedAt, want.UpdatedAt = was.CreatedAt, was.UpdatedAt
		if !reflect.DeepEqual(want, was) {
			if _, err := c.update(ctx, was, d.ClientSpec, account.Caller{}, from); errors.Is(err, errChanged) {
				continue
			} else if err != nil {
				return err
			}
			done.Changed, changed = append(done.Changed, d.ID), true
		}
		if !d.Public && d.Secret.hash() != was.Secret {
			if _, err := c.rotate(ctx, d.ID, d.Secret, KeepSecret, account.Caller{}, from); service.AsError(err).Code == service.CodeNotFound {
				continue // another replica has rotated it
			} else if err != nil {
				return err
			}
			done.NewSecret, changed = append(done.NewSecret, d.ID), true
		}
		if !changed {
			done.Unchanged = append(done.Unchanged, d.ID)
		}
		return nil
	}
	return service.StoreFailure("apply a client", repository.ErrUnavailable)
}

// disableOthers disables the managed clients that are not declared.
func (c *Clients) disableOthers(ctx context.Context, declared []DeclaredClient, from audit.Origin, done *Applied) error {
	const page = 100
	for after := ""; ; {
		list, err := c.store.ListClients(ctx, after, page)
		if err != nil {
			return service.StoreFailure("list clients", err)
		}
		for _, was := range list {
			after = was.ID
			if !was.Managed || slices.ContainsFunc(declared, func(d DeclaredClient) bool { return d.ID == was.ID }) {
				continue
			}
			spec := client(was).ClientSpec
			spec.Disabled, spec.Managed = true, false // a command can enable or delete it
			if _, err := c.update(ctx, was, spec, account.Caller{}, from); err != nil && !errors.Is(err, errChanged) {
				return err
			}
			done.Disabled = append(done.Disabled, was.ID)
		}
		if len(list) < page {
			return nil
		}
	}
}
