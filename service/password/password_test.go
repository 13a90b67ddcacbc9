package password_test

import (
	"testing"

	"latchkey/service/password"
)

func TestPassword_NormalizedAndRedacted(t *testing.T) {
	composed, decomposed := password.New("caf\u00e9 au lait"), password.New("cafe\u0301 au lait")
	if composed != decomposed {
		t.Error("the same characters are two passwords")
	}
	if composed.String() != "REDACTED" || composed.GoString() != "REDACTED" {
		t.Error("a password prints")
	}
}
