package service

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

// DeviceToken says that an account has logged in on a device before. It lets
// nobody in: with it a device has a budget of failed log-ins of its own. It stays
// out of logs.
type DeviceToken string

// LogValue implements slog.LogValuer.
func (DeviceToken) LogValue() slog.Value { return slog.StringValue("REDACTED") }

// DeviceTTL is how long a device is known after a log-in.
const DeviceTTL = 180 * 24 * time.Hour

// knownDevice is what a device token says.
type knownDevice struct {
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
func (t *Throttle) remember(u repository.User, known *knownDevice) DeviceToken {
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
	b = binary.BigEndian.AppendUint64(b, uint64(t.now().Add(DeviceTTL).Unix())) //nolint:gosec // after 1970
	return DeviceToken(base64.RawURLEncoding.EncodeToString(b) + "." + base64.RawURLEncoding.EncodeToString(t.deviceMAC(b)))
}

// known reads a device token; nil for one that is not ours, or over.
func (t *Throttle) known(token DeviceToken) *knownDevice {
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
	return &knownDevice{
		userID: uuid.UUID(b[:16]).String(), epoch: int64(binary.BigEndian.Uint64(b[16:24])), id: string(b[24:32]), //nolint:gosec // ours
	}
}

// knownTo is the device of a token, if this user is known on it.
func (t *Throttle) knownTo(token DeviceToken, u repository.User) *knownDevice {
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
