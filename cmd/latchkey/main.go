package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"latchkey/internal/app"
)

// errTerminated is the cause of a stop by the signal of a supervisor.
var errTerminated = errors.New("stopped by a signal")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		sig := <-signals
		// A second interrupt from the keyboard ends the program at once. The other signals stay
		// caught: supervisors send several, and the default action would drop requests.
		signal.Reset(os.Interrupt)
		if sig == os.Interrupt {
			cancel(app.ErrInterrupted) // stop at once; a supervisor gives time to drain
		} else {
			cancel(errTerminated)
		}
	}()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.As(err, new(reportedError)) {
			fmt.Fprintln(os.Stderr, "latchkey:", err)
		}
		os.Exit(1)
	}
}

// run is the whole program. It returns when the command is done, or when ctx is done and the
// work in progress is finished.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := rootCommand()
	cmd.SetArgs(args)
	cmd.SetIn(stdin)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	return execute(ctx, cmd)
}
