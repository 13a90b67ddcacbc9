package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"latchkey/repository"
)

// TrustedDeviceToken proves that an account has logged in on a device before. It does not
// authenticate a user: it gives the device its own budget of failed logins. It stays out of logs.
type TrustedDeviceToken string

// LogValue implements slog.LogValuer.
func (TrustedDeviceToken) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// TrustedDeviceTTL is how long a device stays trusted after a login.
const TrustedDeviceTTL = 180 * 24 * time.Hour

// trustedDevice is the content of a TrustedDeviceToken.
type trustedDevice struct {
	userID string
	epoch  int64
	id     string
}

// deviceBytes is the size of the content: a user's ID, the epoch of the sessions, a random number,
// and the expiry.
const deviceBytes = 16 + 8 + 8 + 8

// remember returns the token of a device on which a user has just entered the right password: the
// device's own token renewed, or a new one. A renewed token keeps its number, so that it gives no
// new budget. When all sessions of the user end, all devices lose their trust: an attacker who knew
// the old password may have collected many tokens.
func (t *Throttle) remember(u repository.User, known *trustedDevice) TrustedDeviceToken {
	id, err := uuid.Parse(u.ID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, deviceBytes)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(u.SessionEpoch)) //nolint:gosec // the same bits
	if known != nil {
		b = append(b, known.id...)
	} else {
		number := make([]byte, 8)
		_, _ = rand.Read(number) // never fails
		b = append(b, number...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.now().Add(TrustedDeviceTTL).Unix())) //nolint:gosec // after 1970
	return TrustedDeviceToken(base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(t.deviceMAC(b)))
}

// known returns the content of a device token, or nil if the token is forged or expired.
func (t *Throttle) known(token TrustedDeviceToken) *trustedDevice {
	text, mac, _ := strings.Cut(string(token), ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != deviceBytes {
		return nil
	}
	given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil || !hmac.Equal(given, t.deviceMAC(b)) {
		return nil
	}
	if t.now().Unix() >= int64(binary.BigEndian.Uint64(b[32:])) { //nolint:gosec // our value
		return nil
	}
	return &trustedDevice{
		userID: uuid.UUID(b[:16]).String(), epoch: int64(binary.BigEndian.Uint64(b[16:24])), id: string(b[24:32]), //nolint:gosec // our value
	}
}

// knownTo returns the device of a token if the device is trusted for the user, or nil.
func (t *Throttle) knownTo(token TrustedDeviceToken, u repository.User) *trustedDevice {
	if d := t.known(token); d != nil && d.userID == u.ID && d.epoch == u.SessionEpoch {
		return d
	}
	return nil
}

func (t *Throttle) deviceMAC(b []byte) []byte {
	m := hmac.New(sha256.New, t.device)
	m.Write(b)
	return m.Sum(nil)[:16]
}
