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

// TrustedDeviceToken says that an account has logged in on a device before. It lets
// nobody in: with it a device has a budget of failed log-ins of its own. It stays
// out of logs.
type TrustedDeviceToken string

// LogValue implements slog.LogValuer.
func (TrustedDeviceToken) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// TrustedDeviceTTL is how long a device is known after a log-in.
const TrustedDeviceTTL = 180 * 24 * time.Hour

// trustedDevice is what a device token says.
type trustedDevice struct {
	userID string
	epoch  int64
	id     string
}

// deviceBytes are a user's id, the epoch of the sessions, a random number, and when
// the token is over.
const deviceBytes = 16 + 8 + 8 + 8

// remember returns the token of a device on which a user has just shown the
// password: the one it had, or a new one. It keeps its number, so that a token is no
// new budget. When all sessions of the user end, all devices are forgotten: whoever
// knew the old password may have made himself many.
func (t *Throttle) remember(u repository.User, known *trustedDevice) TrustedDeviceToken {
	id, err := uuid.Parse(u.ID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, deviceBytes)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(u.SessionEpoch)) //nolint:gosec // as it was
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

// known reads a device token; nil for one that is not ours, or over.
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
	if t.now().Unix() >= int64(binary.BigEndian.Uint64(b[32:])) { //nolint:gosec // ours
		return nil
	}
	return &trustedDevice{
		userID: uuid.UUID(b[:16]).String(), epoch: int64(binary.BigEndian.Uint64(b[16:24])), id: string(b[24:32]), //nolint:gosec // ours
	}
}

// knownTo is the device of a token, if this user is known on it.
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
