package testserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"latchkey/internal/await"
)

// SecureRedis contains servers that accept only TLS, require a client certificate, and have
// passwords. Each has its own address, and its certificate is valid only for that address.
type SecureRedis struct {
	CA *CA
	// Hosts are the addresses and ports, as in a URL, of the sentinels or of the nodes of a
	// cluster.
	Hosts []string
	// Primary is the first data server.
	Primary *Process

	certFile, keyFile string // client certificate
}

// The users and passwords of SecureRedis.
const (
	DataUser         = "app"
	DataPassword     = "data-password"
	SentinelUser     = "watcher"
	SentinelPassword = "sentinel-password"
)

// RedisRights are the rights that docs/how-to/postgres-and-redis.md gives the user of the service.
const RedisRights = "~latchkey:* -@all +evalsha +eval +hget +hset +hmget +hgetall +zadd +zrem +zrange +pexpire +pttl +del +exists +role +info"

// SentinelRights are the rights that docs/how-to/postgres-and-redis.md gives the user at the sentinels.
const SentinelRights = "resetchannels &+switch-master &+replica-reconf-done -@all +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe +unsubscribe +ping"

// StartSecureSentinel starts a primary, a replica and three sentinels of the name latchkey. The
// sentinels and the data servers have different passwords.
func StartSecureSentinel(t testing.TB) *SecureRedis {
	t.Helper()
	skipIfQuick(t)
	if !haveRedis() {
		missing(t, "Redis", "PATH")
	}
	s := newSecureRedis(t)
	data := "user default on >admin-password ~* &* +@all\nuser " + DataUser + " on >" + DataPassword + " " + RedisRights +
		"\nmasteruser default\nmasterauth admin-password\nrepl-diskless-sync-delay 0\n"
	primary := freePort(t)
	s.Primary = s.start(t, "127.0.0.2", primary, data+"replica-announce-ip 127.0.0.2\n")
	s.start(t, "127.0.0.3", freePort(t), data+fmt.Sprintf("replica-announce-ip 127.0.0.3\nreplicaof 127.0.0.2 %d\n", primary))
	for _, ip := range []string{"127.0.0.4", "127.0.0.5", "127.0.0.6"} {
		port := freePort(t)
		s.start(t, ip, port, "user default on >sentinel-admin &* +@all\nuser "+SentinelUser+" on >"+SentinelPassword+" "+SentinelRights+
			"\nsentinel sentinel-user default\nsentinel sentinel-pass sentinel-admin\nsentinel announce-ip "+ip+
			fmt.Sprintf("\nsentinel monitor latchkey 127.0.0.2 %d 2\n", primary)+
			"sentinel auth-user latchkey default\nsentinel auth-pass latchkey admin-password\n"+
			"sentinel down-after-milliseconds latchkey 1000\nsentinel failover-timeout latchkey 5000\n", "--sentinel")
		s.Hosts = append(s.Hosts, fmt.Sprintf("%s:%d", ip, port))
	}
	for _, host := range s.Hosts {
		c := s.client(t, host, "default", "sentinel-admin")
		s.eventually(t, func() error {
			about, err := c.Do(context.Background(), "SENTINEL", "MASTER", "latchkey").Result()
			if text := fmt.Sprint(about); err != nil || !strings.Contains(text, "num-slaves:1") || !strings.Contains(text, "num-other-sentinels:2") {
				return fmt.Errorf("the sentinel %s: %w %s", host, err, text)
			}
			return nil
		})
	}
	return s
}

// StartSecureCluster starts three primaries.
func StartSecureCluster(t testing.TB) *SecureRedis {
	t.Helper()
	skipIfQuick(t)
	if !haveRedis() {
		missing(t, "Redis", "PATH")
	}
	s := newSecureRedis(t)
	var nodes []*redis.Client
	for i, ip := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4"} {
		port, bus := freePort(t), freePort(t)
		p := s.start(t, ip, port, fmt.Sprintf("cluster-enabled yes\ncluster-port %d\ncluster-announce-ip %s\ncluster-node-timeout 2000\n"+
			"user default on >admin-password ~* &* +@all\nuser %s on >%s %s +cluster|slots\n", bus, ip, DataUser, DataPassword, RedisRights)+"tls-cluster yes\n")
		if i == 0 {
			s.Primary = p
		}
		s.Hosts = append(s.Hosts, fmt.Sprintf("%s:%d", ip, port))
		c := s.client(t, s.Hosts[i], "default", "admin-password")
		s.eventually(t, func() error { return c.Ping(context.Background()).Err() })
		nodes = append(nodes, c)
		if err := c.Do(context.Background(), "CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1).Err(); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			if err := c.Do(context.Background(), "CLUSTER", "MEET", "127.0.0.2", portOf(s.Hosts[0]), nodes[0].ConfigGet(context.Background(), "cluster-port").Val()["cluster-port"]).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range nodes {
		s.eventually(t, func() error {
			info, err := c.ClusterInfo(context.Background()).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return fmt.Errorf("a node: %w %s", err, info)
			}
			return nil
		})
	}
	return s
}

func newSecureRedis(t testing.TB) *SecureRedis {
	s := &SecureRedis{CA: NewCA(t)}
	s.certFile, s.keyFile = s.CA.Issue(t, "admin.example")
	return s
}

// start starts a server with a certificate for its address.
func (s *SecureRedis) start(t testing.TB, ip string, port int, conf string, args ...string) *Process {
	t.Helper()
	dir := t.TempDir()
	cert, key := s.CA.Issue(t, ip)
	text := fmt.Sprintf("bind %s\nport 0\ntls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients yes\ntls-replication yes\n"+
		"save \"\"\nappendonly no\ndir %s\n", ip, port, cert, key, s.CA.File, dir) + conf
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := start(dir, false, "redis-server", append([]string{file}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// client returns a client with the given user and password.
func (s *SecureRedis) client(t testing.TB, host, user, password string) *redis.Client {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{
		Addr: host, Username: user, Password: password,
		TLSConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *SecureRedis) eventually(t testing.TB, try func() error) {
	t.Helper()
	if err := await.NoError(30*time.Second, try); err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func portOf(host string) string { return host[strings.LastIndexByte(host, ':')+1:] }
