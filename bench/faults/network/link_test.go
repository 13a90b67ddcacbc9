package network

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// echo answers each line in capitals, until its client closes.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for s := bufio.NewScanner(c); s.Scan(); {
					if _, err := c.Write([]byte(strings.ToUpper(s.Text()) + "\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func dialLink(t *testing.T) (net.Conn, *Gate) {
	t.Helper()
	g := NewGate()
	k, err := NewLink(echo(t), g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	c, err := net.Dial("tcp", k.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, g
}

func TestLink_HeldBytesArriveLater(t *testing.T) {
	c, g := dialLink(t)
	answers := bufio.NewReader(c)
	_, _ = c.Write([]byte("one\n"))
	if got, err := answers.ReadString('\n'); got != "ONE\n" {
		t.Fatalf("%q, %v", got, err)
	}
	g.Hold()
	_, _ = c.Write([]byte("two\n"))
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if got, err := answers.ReadString('\n'); err == nil {
		t.Fatalf("%q came through a gate that holds", got)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	g.Pass()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if got, err := answers.ReadString('\n'); got != "TWO\n" {
		t.Fatalf("%q, %v: bytes were lost", got, err)
	}
}

func TestLink_CutClosesAndRefuses(t *testing.T) {
	c, g := dialLink(t)
	_, _ = c.Write([]byte("one\n"))
	if got, err := bufio.NewReader(c).ReadString('\n'); got != "ONE\n" {
		t.Fatalf("%q, %v", got, err)
	}
	g.Cut()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection was not closed")
	}
}
