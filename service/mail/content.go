package mail

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"latchkey/repository"
	"latchkey/service/link"
	"latchkey/service/secret"
)

// content is the sealed part of a message.
type content struct {
	To          string     `json:"to"`
	Locale      string     `json:"locale"`
	Username    string     `json:"username,omitempty"`
	Email       string     `json:"email,omitempty"` // the new address
	Token       link.Token `json:"token,omitempty"`
	LinkExpires time.Time  `json:"linkExpires,omitzero"`
	Version     int64      `json:"version,omitempty"` // the credential version that the link is bound to
	Replace     bool       `json:"replace,omitempty"` // the user has asked: the link may replace an older one
	Signup      []byte     `json:"signup,omitempty"`
	At          time.Time  `json:"at"` // of the event
	Address     string     `json:"address,omitempty"`
	Agent       string     `json:"agent,omitempty"`
}

// errUnseal is the error for a message that was sealed under another root secret.
var errUnseal = errors.New("the message was sealed with another tokens.secret")

// sealer encrypts the contents of messages, so that a copy of the database contains neither links
// nor the addresses that they are sent to.
type sealer struct {
	aead      cipher.AEAD
	recipient []byte // key of recipientHash
}

func newSealer(root secret.Root) sealer {
	block, err := aes.NewCipher(root.Derive("mail v1", 32))
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return sealer{aead: aead, recipient: root.Derive("mail recipient v1", 32)}
}

// seal encrypts the content of a message. The ID and the kind are authenticated, so that no content
// can be moved to another message.
func (s sealer) seal(id string, kind Kind, c content) []byte {
	plain, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain fields
	}
	return s.aead.Seal(nil, nil, plain, beside(id, kind)) //nolint:gosec // G407: this AEAD generates its nonces
}

// open decrypts the content of a message.
func (s sealer) open(m repository.Message) (c content, err error) {
	plain, err := s.aead.Open(nil, nil, m.Sealed, beside(m.ID, Kind(m.Kind)))
	if err != nil {
		return c, errUnseal
	}
	return c, json.Unmarshal(plain, &c)
}

func beside(id string, kind Kind) []byte {
	return []byte("latchkey mail v1 " + string(kind) + " " + id)
}

// recipientHash returns a keyed hash of an address, by which the messages of a recipient are
// counted.
func (s sealer) recipientHash(key string) string {
	m := hmac.New(sha256.New, s.recipient)
	m.Write([]byte(key))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18])
}
