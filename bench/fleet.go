package main

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"latchkey/bench/rig"
)

const (
	replicas     = 3
	proxyProgram = "haproxy"
)

//go:embed haproxy.cfg
var proxySettings string

// fleet is replicas behind HAProxy, which has a port for all of them and a port for
// the first alone.
type fleet struct {
	d        *rig.Deployment
	more     []string // variables of the environment
	replicas []*rig.Running
	proxy    *rig.Running // its address is the port for all replicas
	one      string       // the port for the first replica
	dir      string
}

// startFleet starts replicas and HAProxy on a deployment.
func startFleet(d *rig.Deployment, more ...string) (f *fleet, err error) {
	f = &fleet{d: d, more: more}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	for range replicas {
		r, err := d.StartService(more...)
		if err != nil {
			return nil, err
		}
		f.replicas = append(f.replicas, r)
	}
	if f.dir, err = os.MkdirTemp("", "latchkey-bench-haproxy-"); err != nil {
		return nil, err
	}
	return f, f.startProxy()
}

func (f *fleet) startProxy() error {
	one, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	all, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	f.one = one
	path := filepath.Join(f.dir, "haproxy.cfg")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = template.Must(template.New("").Parse(proxySettings)).Execute(file, map[string]any{
		"Socket": f.socket(), "One": one, "All": all, "Replicas": f.addresses(),
	})
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	f.proxy, err = rig.StartAt(all, proxyProgram, "/readyz", nil, "-db", "-f", path)
	return err
}

func (f *fleet) socket() string { return filepath.Join(f.dir, "socket") }

func (f *fleet) addresses() (list []string) {
	for _, r := range f.replicas {
		list = append(list, r.Address)
	}
	return list
}

func (f *fleet) stop() {
	if f.proxy != nil {
		f.proxy.Stop()
	}
	for _, r := range f.replicas {
		r.Stop()
	}
	if f.dir != "" {
		_ = os.RemoveAll(f.dir)
	}
}

// restart replaces a replica as an upgrade does, and returns the time until HAProxy
// sends it requests again.
func (f *fleet) restart(i int) (time.Duration, error) {
	begin, old := time.Now(), f.replicas[i]
	old.Terminate()
	select {
	case <-old.Done():
	case <-time.After(30 * time.Second):
		return 0, errors.New("a replica does not end after SIGTERM")
	}
	r, err := f.d.StartServiceAt(old.Address, f.more...)
	if err != nil {
		return 0, err
	}
	f.replicas[i] = r
	for time.Since(begin) < time.Minute {
		rows, err := f.stats()
		if err != nil {
			return 0, err
		}
		if rows["all/a"+strconv.Itoa(i)]["status"] == "UP" {
			return time.Since(begin), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, errors.New("HAProxy does not see that a replica is ready")
}

// stats are the counters of HAProxy, by backend/server and name.
func (f *fleet) stats() (map[string]map[string]string, error) {
	conn, err := net.DialTimeout("unix", f.socket(), 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "show stat\n"); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		return nil, err
	}
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "# "))).ReadAll()
	if err != nil || len(records) == 0 {
		return nil, fmt.Errorf("show stat: %w", err)
	}
	rows := map[string]map[string]string{}
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = r[i]
		}
		rows[row["pxname"]+"/"+row["svname"]] = row
	}
	return rows, nil
}
