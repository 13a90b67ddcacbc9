package controller

import (
	"math"
	"net/http"
	"time"

	"latchkey/service"
	"latchkey/service/oauth"
	"latchkey/service/session"
)

// clientBody is an OAuth client as shown to administrators.
type clientBody struct {
	ID                  string   `json:"id"`
	Name                string   `json:"name"`
	Public              bool     `json:"public"`
	FirstParty          bool     `json:"firstParty"`
	Disabled            bool     `json:"disabled"`
	Grants              []string `json:"grants"`
	Scopes              []string `json:"scopes"`
	RedirectURIs        []string `json:"redirectUris"`
	Audiences           []string `json:"audiences"`
	PKCEOptional        bool     `json:"pkceOptional"`
	Managed             bool     `json:"managed"`
	AccessTTL           int64    `json:"accessTtl"` // seconds; 0: the lifetime in the settings
	IdleTTL             int64    `json:"idleTtl"`
	AbsoluteTTL         int64    `json:"absoluteTtl"`
	PreviousSecretUntil *isoTime `json:"previousSecretUntil,omitempty"`
	CreatedAt           isoTime  `json:"createdAt"`
	UpdatedAt           isoTime  `json:"updatedAt"`
	// Secret is set only in the response that creates the secret.
	Secret string `json:"secret,omitempty"`
}

func clientOf(c oauth.Client) clientBody {
	body := clientBody{
		ID: c.ID, Name: c.Name, Public: c.Public, FirstParty: c.FirstParty, Disabled: c.Disabled, Grants: c.Grants, Scopes: c.Scopes,
		RedirectURIs: c.RedirectURIs, Audiences: c.Audiences, PKCEOptional: c.PKCEOptional, Managed: c.Managed, AccessTTL: int64(c.AccessTTL.Seconds()), IdleTTL: int64(c.IdleTTL.Seconds()),
		AbsoluteTTL: int64(c.AbsoluteTTL.Seconds()), CreatedAt: iso(c.CreatedAt), UpdatedAt: iso(c.UpdatedAt),
	}
	if !c.PreviousUntil.IsZero() {
		until := iso(c.PreviousUntil)
		body.PreviousSecretUntil = &until
	}
	return body
}

// clientWish contains the fields that a request can set when it creates or changes a client.
type clientWish struct {
	ID           *string   `json:"id"`
	Name         *string   `json:"name"`
	Public       *bool     `json:"public"`
	FirstParty   *bool     `json:"firstParty"`
	Disabled     *bool     `json:"disabled"`
	Grants       *[]string `json:"grants"`
	Scopes       *[]string `json:"scopes"`
	RedirectURIs *[]string `json:"redirectUris"`
	Audiences    *[]string `json:"audiences"`
	PKCEOptional *bool     `json:"pkceOptional"`
	AccessTTL    *int      `json:"accessTtl"`
	IdleTTL      *int      `json:"idleTtl"`
	AbsoluteTTL  *int      `json:"absoluteTtl"`
}

// apply sets the fields that the request contains.
func (w clientWish) apply(spec *oauth.ClientSpec) {
	set(&spec.ID, w.ID)
	set(&spec.Name, w.Name)
	set(&spec.Public, w.Public)
	set(&spec.FirstParty, w.FirstParty)
	set(&spec.Disabled, w.Disabled)
	set(&spec.Grants, w.Grants)
	set(&spec.Scopes, w.Scopes)
	set(&spec.RedirectURIs, w.RedirectURIs)
	set(&spec.Audiences, w.Audiences)
	set(&spec.PKCEOptional, w.PKCEOptional)
	for ttl, seconds := range map[*time.Duration]*int{&spec.AccessTTL: w.AccessTTL, &spec.IdleTTL: w.IdleTTL, &spec.AbsoluteTTL: w.AbsoluteTTL} {
		if seconds != nil {
			*ttl = inSeconds(*seconds)
		}
	}
}

// inSeconds returns n seconds as a duration. If n is negative or too large, it returns a
// duration that no rule allows.
func inSeconds(n int) time.Duration {
	if n < 0 || n > math.MaxInt32 {
		return -1
	}
	return time.Duration(n) * time.Second
}

func set[T any](field, wish *T) {
	if wish != nil {
		*field = *wish
	}
}

// createClient handles POST /api/clients.
func (s *server) createClient(c *call, by session.Live, wish clientWish) (reply, error) {
	var spec oauth.ClientSpec
	wish.apply(&spec)
	made, secret, err := s.Clients.Create(c.ctx(), spec, "", by.Caller(), c.from())
	if err != nil {
		return reply{}, err
	}
	body := clientOf(made)
	body.Secret = string(secret)
	return reply{status: http.StatusCreated, body: body, location: s.path(s.BasePath + "/clients/" + made.ID)}, nil
}

// listBody is a page of a list. After is the start of the next page, and empty on the last
// page.
type listBody[T any] struct {
	Items []T    `json:"items"`
	After string `json:"after,omitempty"`
}

// clientPage is the number of clients on a page.
const clientPage = 100

// listClients handles GET /api/clients.
func (s *server) listClients(c *call, _ session.Live, _ empty) (reply, error) {
	clients, err := s.Clients.List(c.ctx(), c.r.URL.Query().Get("after"), clientPage)
	if err != nil {
		return reply{}, err
	}
	body := listBody[clientBody]{Items: []clientBody{}}
	for _, found := range clients {
		body.Items = append(body.Items, clientOf(found))
	}
	if len(clients) == clientPage {
		body.After = clients[clientPage-1].ID
	}
	return reply{body: body}, nil
}

// client handles GET /api/clients/{id}.
func (s *server) client(c *call, _ session.Live, _ empty) (reply, error) {
	found, err := s.Clients.Find(c.ctx(), c.param("id"))
	return reply{body: clientOf(found)}, err
}

// changeClient handles PATCH /api/clients/{id}.
func (s *server) changeClient(c *call, by session.Live, wish clientWish) (reply, error) {
	if wish.ID != nil || wish.Public != nil {
		return reply{}, &service.Error{
			Code: service.CodeInvalidRequest, Message: "The ID and the type of a client cannot be changed.", Fields: map[string]string{"id": "cannot be changed"},
		}
	}
	changed, err := s.Clients.Change(c.ctx(), c.param("id"), wish.apply, by.Caller(), c.from())
	return reply{body: clientOf(changed)}, err
}

// deleteClient handles DELETE /api/clients/{id}.
func (s *server) deleteClient(c *call, by session.Live, _ empty) (reply, error) {
	return reply{status: http.StatusNoContent}, s.Clients.Delete(c.ctx(), c.param("id"), by.Caller(), c.from())
}

type secretWish struct {
	Keep *int `json:"keep"` // seconds for which the previous secret stays valid
}

// rotateClientSecret handles POST /api/clients/{id}/secret.
func (s *server) rotateClientSecret(c *call, by session.Live, wish secretWish) (reply, error) {
	keep := oauth.KeepSecret
	if wish.Keep != nil {
		keep = inSeconds(*wish.Keep)
	}
	secret, err := s.Clients.RotateSecret(c.ctx(), c.param("id"), "", keep, by.Caller(), c.from())
	if err != nil {
		return reply{}, err
	}
	return reply{body: map[string]string{"secret": string(secret)}}, nil
}
