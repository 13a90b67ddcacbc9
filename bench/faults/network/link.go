package network

import (
	"net"
	"sync"
	"time"
)

// Link is a TCP proxy on loopback, from one replica of the program to one server. Its
// gate may be shared with other links.
type Link struct {
	listener net.Listener
	target   string
	gate     *Gate
}

// NewLink returns a link to an address, which listens on a free port.
func NewLink(target string, g *Gate) (*Link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &Link{l, target, g}
	go k.serve()
	return k, nil
}

// Port returns the port that the link listens on.
func (k *Link) Port() int { return k.listener.Addr().(*net.TCPAddr).Port }

// Close closes the listener and every connection.
func (k *Link) Close() {
	_ = k.listener.Close()
	k.gate.Cut()
}

func (k *Link) serve() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		go k.carry(c)
	}
}

// carry connects a client with the target until both have said all.
func (k *Link) carry(client net.Conn) {
	if !k.gate.add(client) {
		reset(client)
		return
	}
	defer k.gate.remove(client)
	server, err := net.DialTimeout("tcp", k.target, 2*time.Second)
	if err != nil {
		reset(client)
		return
	}
	if !k.gate.add(server) {
		reset(client)
		reset(server)
		return
	}
	defer k.gate.remove(server)
	var both sync.WaitGroup
	both.Go(func() { k.pipe(server, client) })
	both.Go(func() { k.pipe(client, server) })
	both.Wait()
	_, _ = client.Close(), server.Close()
}

// pipe carries one direction. If the sender closes its side, the bytes that are held
// are delivered first: a command whose sender has given up runs later, as it does on a
// network that hangs.
func (k *Link) pipe(to, from net.Conn) {
	chunk := make([]byte, 16<<10)
	for {
		n, err := from.Read(chunk)
		k.gate.wait()
		if n > 0 {
			if _, err := to.Write(chunk[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if t, ok := to.(*net.TCPConn); ok {
		_ = t.CloseWrite()
	}
}
