package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Client is the user of one connection.
type Client interface {
	// Request appends the next request to b, whole, as HTTP/1.1.
	Request(b []byte) []byte
	// Answered receives the response. The body is only valid until Answered returns.
	// An error counts as a failure.
	Answered(status int, body []byte) error
}

// Result is the result of all clients.
type Result struct {
	Requests int // successful
	Failed   int
	First    error // the first failure
	Took     time.Duration
	latency  []time.Duration // sorted
}

// Rate returns the requests a second.
func (r Result) Rate() float64 { return float64(r.Requests) / r.Took.Seconds() }

// Quantile returns a latency: Quantile(0.99) is the p99.
func (r Result) Quantile(q float64) time.Duration {
	if len(r.latency) == 0 {
		return 0
	}
	return r.latency[min(len(r.latency)-1, int(q*float64(len(r.latency))))]
}

// Closed runs each client for the time d, on a connection of its own, which is open when the time
// begins.
func Closed(address string, clients []Client, d time.Duration) Result {
	return run(address, clients, func(c *connection, begin time.Time) {
		for time.Since(begin) < d {
			if !c.exchange(time.Now()) {
				return
			}
		}
	})
}

// Paced sends perSecond requests a second for the time d, on open connections like Closed. Each request is sent at its time,
// whether or not earlier requests have a response. Its latency counts from the time at
// which it was due. The clients take turns: there must be enough of them that each has its
// response before its next turn. A request whose client is still busy at the end is never sent:
// the time that it has waited by then counts as its latency.
func Paced(address string, clients []Client, perSecond int, d time.Duration) Result {
	step := time.Second / time.Duration(perSecond)
	turn := step * time.Duration(len(clients))
	first := map[Client]time.Duration{}
	for i, c := range clients {
		first[c] = step * time.Duration(i)
	}
	return run(address, clients, func(c *connection, begin time.Time) {
		open := true
		for at := first[c.client]; at < d; at += turn {
			due := begin.Add(at)
			time.Sleep(time.Until(due))
			if open = open && time.Since(begin) < d; !open {
				c.unsent = append(c.unsent, d-at)
				continue
			}
			open = c.exchange(due)
		}
	})
}

// Once sends one request, and returns its failure.
func Once(address string, client Client) error {
	c := &connection{address: address, client: client}
	defer c.close()
	return c.try()
}

func run(address string, clients []Client, each func(*connection, time.Time)) Result {
	var r Result
	var mu sync.Mutex
	var all sync.WaitGroup
	conns := make([]*connection, len(clients))
	for i, client := range clients {
		conns[i] = &connection{address: address, client: client}
		// Before the clock starts. After a failure, the first exchange tries again and counts it.
		_ = conns[i].open()
	}
	begin := time.Now()
	for _, c := range conns {
		all.Go(func() {
			defer c.close()
			each(c, begin)
			mu.Lock()
			defer mu.Unlock()
			r.Requests += len(c.latency)
			r.latency = append(append(r.latency, c.latency...), c.unsent...)
			r.Failed += c.failed
			if r.First == nil {
				r.First = c.first
			}
		})
	}
	all.Wait()
	r.Took = time.Since(begin)
	slices.Sort(r.latency)
	return r
}

// connection is a connection that stays open until the server closes it.
type connection struct {
	address string
	client  Client
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	body    []byte
	latency []time.Duration
	unsent  []time.Duration // how late each request was that was never sent
	failed  int
	first   error
}

const (
	// answerLimit bounds the time of a response. It is longer than any limit of the service.
	answerLimit = 20 * time.Second
	maxFailures = 1000 // of one connection, which then stops
)

// exchange sends a request and reads its response. It reports whether to continue.
func (c *connection) exchange(begin time.Time) bool {
	err := c.try()
	if err == nil {
		c.latency = append(c.latency, time.Since(begin))
		return true
	}
	c.failed++
	if c.first == nil {
		c.first = err
	}
	return c.failed < maxFailures
}

func (c *connection) open() error {
	conn, err := net.DialTimeout("tcp", c.address, 5*time.Second)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReaderSize(conn, 8<<10)
	return nil
}

func (c *connection) try() error {
	if c.conn == nil {
		if err := c.open(); err != nil {
			time.Sleep(10 * time.Millisecond)
			return err
		}
	}
	c.out = c.client.Request(c.out[:0])
	_ = c.conn.SetDeadline(time.Now().Add(answerLimit))
	if _, err := c.conn.Write(c.out); err != nil {
		c.close()
		return err
	}
	status, last, err := c.read()
	if err != nil || last {
		c.close()
	}
	if err != nil {
		return err
	}
	return c.client.Answered(status, c.body)
}

// read reads a response. It sets last if the server closes the connection.
func (c *connection) read() (status int, last bool, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, false, fmt.Errorf("no answer: %w", err)
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, false, errors.New("not an answer of HTTP/1.1")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, err
	}
	length, chunked := -1, false
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, false, err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case len(name) == 0:
			if status == 204 {
				length = 0
			}
			return status, last, c.readBody(length, chunked)
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, false, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
}

func (c *connection) readBody(length int, chunked bool) error {
	c.body = c.body[:0]
	for chunked {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if err := c.readMore(int(n) + len("\r\n")); err != nil {
			return err
		}
		c.body = c.body[:len(c.body)-len("\r\n")]
		chunked = n > 0
	}
	if length > 0 {
		return c.readMore(length)
	}
	return nil
}

func (c *connection) readMore(n int) error {
	at := len(c.body)
	c.body = slices.Grow(c.body, n)[:at+n]
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}
