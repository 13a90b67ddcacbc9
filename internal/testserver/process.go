package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Process is a server, or another program, that a test started.
type Process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

// Start runs a command. If the system supports it, the command ends with this process, even
// when this process is killed.
func Start(cmd *exec.Cmd) (*Process, error) { return startAs(cmd, false) }

// start runs a server in dir.
func start(dir string, asNobody bool, name string, args ...string) (*Process, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	return startAs(cmd, asNobody)
}

func startAs(cmd *exec.Cmd, asNobody bool) (*Process, error) {
	p := &Process{cmd: cmd, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = attributes(asNobody)
	started := make(chan error)
	go func() {
		// The child gets the parent-death signal when the thread that started it ends, so that
		// thread must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// Pid returns the ID of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Terminate asks the process to shut down, and does not wait.
func (p *Process) Terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Done returns a channel that is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output returns the output of the process. Call it only after the process has ended.
func (p *Process) Output() string { return p.out.String() }

// Stop asks the server to shut down, and kills it after 5 seconds.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.Kill()
	}
}

// Kill ends the server immediately, like a crash.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Hang suspends the server and its children until Resume. Connections stay open, and nothing
// answers.
func (p *Process) Hang() { signal(p.cmd.Process.Pid, syscall.SIGSTOP) }

// Resume lets a suspended server continue.
func (p *Process) Resume() { signal(p.cmd.Process.Pid, syscall.SIGCONT) }

// ended returns an error with the output of the server, if the server has ended.
func (p *Process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %s", p.cmd.Path, p.out.String())
	default:
		return nil
	}
}

// The ports of Port are below the ports that systems give to clients, so that no connection
// takes one before a server has started on it.
const (
	firstPort = 10000
	lastPort  = 32000
)

// Port returns a TCP port of 127.0.0.1 that was free a moment ago. No other call, in any
// process, returns the same port soon: HAProxy would share a port on which another test
// listens.
func Port() (int, error) {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("latchkey-test-port-%d", os.Getuid()))
	unlock, err := lockedfile.MutexAt(file + ".lock").Lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	text, _ := os.ReadFile(file) // missing at the first call on the machine
	last, _ := strconv.Atoi(string(text))
	for range lastPort - firstPort {
		if last++; last < firstPort || last > lastPort {
			last = firstPort
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", last))
		if err != nil {
			continue
		}
		return last, errors.Join(l.Close(), os.WriteFile(file, []byte(strconv.Itoa(last)), 0o600))
	}
	return 0, errors.New("no port is free")
}
