package mail_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/apptest"
	"latchkey/internal/testserver"
	"latchkey/repository"
	"latchkey/repository/postgres"
	"latchkey/repository/sqlite"
	"latchkey/service/account"
	"latchkey/service/mail"
)

// closedPort returns an address that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	apptest.Must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// hangingPort returns an address that accepts connections and says nothing.
func hangingPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	apptest.Must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// openDatabase opens the database in the environment of a child process.
func openDatabase(t *testing.T, place string) repository.Store {
	t.Helper()
	if filepath.IsAbs(place) {
		db, err := sqlite.Open(t.Context(), place, nil)
		apptest.Must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		_, err = db.Migrate(t.Context())
		apptest.Must(t, err)
		return db.Store()
	}
	db, err := postgres.Open(t.Context(), place, postgres.Options{})
	apptest.Must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.Migrate(t.Context())
	apptest.Must(t, err)
	return db.Store()
}

const (
	childDatabase = "LATCHKEY_TEST_MAIL_DATABASE"
	childServer   = "LATCHKEY_TEST_MAIL_SERVER"
)

// TestWorker_Child is the worker that TestWorker_KilledBetweenSendingAndRecording kills.
func TestWorker_Child(t *testing.T) {
	place := os.Getenv(childDatabase)
	if place == "" {
		return // not a child
	}
	o := newOffice(t, openDatabase(t, place))
	o.now = time.Now()
	w := mail.NewWorker(o.composer, o.store, o.renderer, smtpTo(t, os.Getenv(childServer)), 5, account.EmailKey, o.Now, slog.New(slog.DiscardHandler))
	_, _ = w.Once(context.Background())
	select {} // until it is killed
}

// TestWorker_KilledBetweenSendingAndRecording kills a worker process when the server has its mail and
// before it has the answer. The next worker sends the mail again when the claim has ended, and no
// mail is lost.
func TestWorker_KilledBetweenSendingAndRecording(t *testing.T) {
	places := map[string]string{"SQLite": filepath.Join(t.TempDir(), "latchkey.db")}
	if len(testserver.Sets()) > 1 {
		places["Postgres"] = testserver.Postgres(t)
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan struct{}, 1)
			var killed atomic.Bool
			server := testserver.StartSMTP(t, testserver.SMTPOptions{Accepted: func(testserver.ReceivedMail) error {
				if !killed.Swap(true) {
					arrived <- struct{}{}
					time.Sleep(200 * time.Millisecond) // the worker is killed before it has the answer
				}
				return nil
			}})
			o := newOffice(t, openDatabase(t, place))
			o.now = time.Now()
			o.add(t, "ada")
			o.enqueue(t, o.composer.Reset("ada@example.org", "en", false), o.composer.Signup("grace@example.org", "en", nil))
			cmd := exec.Command(os.Args[0], "-test.run=^TestWorker_Child$")
			cmd.Env = append(os.Environ(), childDatabase+"="+place, childServer+"="+server.Address)
			apptest.Must(t, cmd.Start())
			select {
			case <-arrived:
			case <-time.After(20 * time.Second):
				t.Error("the worker sent nothing")
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			time.Sleep(300 * time.Millisecond)
			w := o.worker(smtpTo(t, server.Address), 5)
			drain(t, w)
			if n := len(server.Received()); n != 1 {
				t.Fatalf("%d mails before the claim ended", n)
			}
			o.pass(mail.Lease + 10*time.Second)
			drain(t, w)
			got := server.Received()
			times := map[string]int{}
			for _, m := range got {
				times[messageID(t, m)]++
			}
			if len(got) != 3 || len(times) != 2 || times[messageID(t, got[0])] != 2 {
				t.Errorf("%d mails with %d Message-IDs: %v", len(got), len(times), times)
			}
			counts, err := o.store.Outbox.CountMessages(t.Context())
			if err != nil || counts.Queued > 0 {
				t.Errorf("%+v, %v", counts, err)
			}
		})
	}
}
