package service

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
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
	id     string
}

// deviceBytes are a user's id, a random number, and when the token is over.
const deviceBytes = 16 + 8 + 8

// remember returns the token of a device on which a user has just logged in: the
// one it had, or a new one. It keeps its number, so that a token is no new budget.
func (t *Throttle) remember(userID string, known *knownDevice) DeviceToken {
	id, err := uuid.Parse(userID)
	if err != nil {
		return ""
	}
	b := make([]byte, 0, deviceBytes)
	b = append(b, id[:]...)
	if known != nil {
		b = append(b, known.id...)
	} else {
		number := make([]byte, 8)
		_, _ = rand.Read(number) // never fails
		b = append(b, number...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.now().Add(DeviceTTL).Unix())) //nolint:gosec // after 1970
	return DeviceToken(b64.EncodeToString(b) + "." + b64.EncodeToString(t.deviceMAC(b)))
}

// known reads a device token; nil for one that is not ours, or over.
func (t *Throttle) known(token DeviceToken) *knownDevice {
	text, mac, _ := strings.Cut(string(token), ".")
	b, err := strictBase64.DecodeString(text)
	if err != nil || len(b) != deviceBytes {
		return nil
	}
	given, err := strictBase64.DecodeString(mac)
	if err != nil || !hmac.Equal(given, t.deviceMAC(b)) {
		return nil
	}
	if t.now().Unix() >= int64(binary.BigEndian.Uint64(b[24:])) { //nolint:gosec // ours
		return nil
	}
	return &knownDevice{userID: uuid.UUID(b[:16]).String(), id: string(b[16:24])}
}

func (t *Throttle) deviceMAC(b []byte) []byte {
	m := hmac.New(sha256.New, t.device)
	m.Write(b)
	return m.Sum(nil)[:16]
}
