package testserver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Process is a server, or another program, that a test started.
type Process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

// Start runs a command. It ends with this process even when this process is
// killed, where the system can do that.
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
		// The signal at the parent's death comes when the thread that started
		// the child ends, so that thread must stay.
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

// Pid is that of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Terminate asks the process to end in good order, and does not wait.
func (p *Process) Terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Output is what the process has printed. It may be read once it has ended.
func (p *Process) Output() string { return p.out.String() }

// Stop asks the server to end, and kills it if it does not within 5 seconds.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		p.Kill()
	}
}

// Kill ends the server at once, as a crash would.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Hang stops the server and its children where they are, so that connections
// stay and nothing answers, until Resume.
func (p *Process) Hang() { signal(p.cmd.Process.Pid, syscall.SIGSTOP) }

// Resume lets a hanging server go on.
func (p *Process) Resume() { signal(p.cmd.Process.Pid, syscall.SIGCONT) }

// ended reports what the server printed, if it has ended.
func (p *Process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended: %s", p.cmd.Path, p.out.String())
	default:
		return nil
	}
}
