package servers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// MasterName is the name of the pair of Redis servers.
const MasterName = "latchkey"

// Shim speaks as much of the protocol of Sentinel as a client needs, for one replica of
// the program. A real sentinel would announce the addresses of the servers. Each shim
// announces the links of its replica instead, so that all traffic of that replica goes
// through its gate. What the shim says follows the real sentinel (stores.watch).
type Shim struct {
	listener net.Listener
	mu       sync.Mutex
	port     int // the link to the primary
	conns    map[*shimConn]struct{}
}

type shimConn struct {
	net.Conn
	mu         sync.Mutex
	subscribed int // channels
}

// NewShim returns a shim that listens on a free port.
func NewShim() (*Shim, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Shim{listener: l, conns: map[*shimConn]struct{}{}}
	go s.serve()
	return s, nil
}

// Address returns the address that clients use.
func (s *Shim) Address() string { return s.listener.Addr().String() }

// Close closes the shim and its connections.
func (s *Shim) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Announce makes a link the link to the primary, and publishes the change.
func (s *Shim) Announce(port int) {
	s.mu.Lock()
	old := s.port
	s.port = port
	var list []*shimConn
	for c := range s.conns {
		list = append(list, c)
	}
	s.mu.Unlock()
	if old == 0 || old == port {
		return
	}
	message := fmt.Sprintf("%s 127.0.0.1 %d 127.0.0.1 %d", MasterName, old, port)
	for _, c := range list {
		if c.subscriptions() > 0 {
			c.write(bulks("message", "+switch-master", message))
		}
	}
}

func (s *Shim) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		c := &shimConn{Conn: conn}
		s.mu.Lock()
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		go func() {
			s.answer(c)
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
			_ = c.Close()
		}()
	}
}

func (s *Shim) answer(c *shimConn) {
	for r := bufio.NewReader(c); ; {
		command, err := readCommand(r)
		if err != nil || len(command) == 0 {
			return
		}
		switch strings.ToLower(command[0]) {
		case "ping":
			if c.subscriptions() > 0 {
				c.write(bulks("pong", ""))
			} else {
				c.write("+PONG\r\n")
			}
		case "subscribe":
			for _, channel := range command[1:] {
				c.mu.Lock()
				c.subscribed++
				n := c.subscribed
				c.mu.Unlock()
				c.write(fmt.Sprintf("*3\r\n%s%s:%d\r\n", bulk("subscribe"), bulk(channel), n))
			}
		case "sentinel":
			c.write(s.sentinel(command[1:]))
		default: // HELLO and CLIENT, which clients can do without
			c.write("-ERR unknown command\r\n")
		}
	}
}

func (s *Shim) sentinel(args []string) string {
	if len(args) == 0 {
		return "-ERR wrong number of arguments\r\n"
	}
	switch strings.ToLower(args[0]) {
	case "get-master-addr-by-name":
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.port == 0 || len(args) < 2 || args[1] != MasterName {
			return "*-1\r\n"
		}
		return bulks("127.0.0.1", strconv.Itoa(s.port))
	case "sentinels", "replicas", "slaves": // there are no others
		return "*0\r\n"
	}
	return "-ERR unknown subcommand\r\n"
}

func (c *shimConn) subscriptions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subscribed
}

func (c *shimConn) write(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.Conn, text)
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func bulks(list ...string) string {
	out := fmt.Sprintf("*%d\r\n", len(list))
	for _, s := range list {
		out += bulk(s)
	}
	return out
}

// readCommand reads an array of strings, the form in which clients send commands.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r, '*')
	if err != nil {
		return nil, err
	}
	list := make([]string, n)
	for i := range list {
		size, err := readLength(r, '$')
		if err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, err
		}
		list[i] = string(text[:size])
	}
	return list, nil
}

func readLength(r *bufio.Reader, sign byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != sign {
		return 0, errors.New("not a command")
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil || n < 0 || n > 1<<20 {
		return 0, errors.New("not a length")
	}
	return n, nil
}
