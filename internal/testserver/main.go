package testserver

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"sync"
	"testing"
)

var (
	mu      sync.Mutex
	cleanup []func() // in the order of registration
)

// Main runs the tests of a package and then stops the servers that they started.
func Main(m *testing.M) {
	quick()
	code := m.Run()
	mu.Lock()
	defer mu.Unlock()
	for i := len(cleanup) - 1; i >= 0; i-- {
		cleanup[i]()
	}
	os.Exit(code)
}

// AtExit calls f when the tests of the package are done. Functions are called in reverse order.
func AtExit(f func()) {
	mu.Lock()
	defer mu.Unlock()
	cleanup = append(cleanup, f)
}

// missing skips a test that has no server to run on. In CI it fails the test.
func missing(t testing.TB, what, variable string) {
	t.Helper()
	notHere(t, fmt.Sprintf("no %s server: install it (make servers), or set %s", what, variable))
}

// notHere skips a test that cannot run on this machine. In CI it fails the test: a suite that
// did not run must not look like a suite that passed.
func notHere(t testing.TB, msg string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(msg)
	}
	t.Skip(msg) // this one and skipIfQuick are the only skips in the project; CI forbids both
}

// quick reports whether LATCHKEY_TEST_QUICK=1 leaves out the tests that start servers. It
// panics in CI, where a suite that did not run must not look like a suite that passed.
var quick = sync.OnceValue(func() bool {
	if os.Getenv("LATCHKEY_TEST_QUICK") != "1" {
		return false
	}
	if os.Getenv("CI") == "true" {
		panic("LATCHKEY_TEST_QUICK=1 skips tests, which CI=true forbids: unset one of them")
	}
	return true
})

// skipIfQuick skips a test that starts a server, if LATCHKEY_TEST_QUICK=1.
func skipIfQuick(t testing.TB) {
	t.Helper()
	if quick() {
		t.Skip("LATCHKEY_TEST_QUICK=1: this test starts servers")
	}
}

// NeedRoot skips a test that starts programs as several users, unless it runs as root.
func NeedRoot(t testing.TB) {
	t.Helper()
	skipIfQuick(t)
	if os.Getuid() != 0 {
		notHere(t, "this test starts programs as several users: run it as root")
	}
}

// MemoryDir returns a directory like T.TempDir, in memory if the machine has room there.
func MemoryDir(t testing.TB) string {
	t.Helper()
	above := memory()
	if above == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(above, "latchkey-test-") //nolint:usetesting // not below TMPDIR: in memory
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// random returns a unique name.
func random() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
