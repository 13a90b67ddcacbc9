package service_test

import (
	"testing"

	"latchkey/service"
)

func TestAPasswordIsTheSameFromEveryKeyboardAndNeverShown(t *testing.T) {
	composed, decomposed := service.NewPassword("caf\u00e9 au lait"), service.NewPassword("cafe\u0301 au lait")
	if composed != decomposed {
		t.Error("the same characters are two passwords")
	}
	if composed.String() != "REDACTED" || composed.GoString() != "REDACTED" {
		t.Error("a password prints")
	}
}
