package directory_test

import (
	"testing"

	"latchkey/internal/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }
