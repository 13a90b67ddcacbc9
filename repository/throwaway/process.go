package throwaway

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Process is a server that a test started.
type Process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

// start runs a command in dir. It ends with this process even when this process
// is killed, where the system can do that.
func start(dir string, asNobody bool, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Dir = dir
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
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

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
