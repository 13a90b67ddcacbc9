package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/google/uuid"

	"latchkey/service/token"
)

// DeliveryForeign is the delivery of a refresh token from a cookie that another host may have set.
// No session accepts it.
const DeliveryForeign Delivery = ""

// Name is the value of the cookie that names a browser's session. Only this host can set the
// cookie, and the value grants no access: it distinguishes our refresh cookie from a cookie that a
// subdomain has set.
type Name string

// Ref identifies a session. It is the content of a Name.
type Ref struct{ UserID, SessionID string }

// nameBytes is the size of two UUIDs: the user's and the session's.
const nameBytes = 16 + 16

// NameSession returns the name of a session.
func (s *Service) NameSession(n Ref) Name {
	user, err := uuid.Parse(n.UserID)
	session, err2 := uuid.Parse(n.SessionID)
	if err != nil || err2 != nil {
		return "" // our IDs are UUIDs
	}
	b := append(user[:], session[:]...)
	return Name(base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(s.nameMAC(b)))
}

// ReadNames returns the sessions of the names that NameSession made, and ignores other names.
func (s *Service) ReadNames(names []Name) []Ref {
	var list []Ref
	for _, name := range names {
		text, mac, _ := strings.Cut(string(name), ".")
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(b) != nameBytes {
			continue
		}
		given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
		if err != nil || !hmac.Equal(given, s.nameMAC(b)) {
			continue
		}
		list = append(list, Ref{uuid.UUID(b[:16]).String(), uuid.UUID(b[16:]).String()})
	}
	return list
}

func (s *Service) nameMAC(b []byte) []byte {
	m := hmac.New(sha256.New, s.nameKey)
	m.Write(b)
	return m.Sum(nil)[:16]
}

// ChooseCookie selects one of a browser's refresh cookies and returns it with its delivery. Tokens
// that do not verify are ignored if another token verifies.
//
// If host is set, names come from a cookie that only this host can set. The chosen token belongs to
// a named session and has its highest generation. Without a name the tokens are accepted if all
// belong to one session; the store refuses a session that has a name. Any other token is foreign.
// If host is not set, on http, the token with the highest generation of the newest session is
// chosen.
func (s *Service) ChooseCookie(tokens []token.Raw, named []Ref, host bool) (token.Raw, Delivery) {
	type verified struct {
		raw token.Raw
		token.Refresh
	}
	var list []verified
	for _, raw := range tokens {
		if token, err := s.tokens.VerifyRefresh(raw); err == nil {
			list = append(list, verified{raw, token})
		}
	}
	if len(list) == 0 {
		return tokens[0], DeliveryCookie // Refresh reports the problem with this token
	}
	via := DeliveryCookie
	if host && len(named) > 0 {
		mine := slices.DeleteFunc(slices.Clone(list), func(v verified) bool {
			return !slices.Contains(named, Ref{v.UserID, v.SessionID})
		})
		if len(mine) == 0 {
			return list[0].raw, DeliveryForeign
		}
		list, via = mine, DeliveryHostCookie
	}
	best := slices.MaxFunc(list, func(a, b verified) int {
		if a.SessionID != b.SessionID {
			return strings.Compare(a.SessionID, b.SessionID) // UUIDv7 sorts by creation time
		}
		return int(max(-1, min(1, a.Gen-b.Gen)))
	})
	if host && via == DeliveryCookie && slices.ContainsFunc(list, func(v verified) bool { return v.SessionID != best.SessionID }) {
		return best.raw, DeliveryForeign
	}
	return best.raw, via
}
