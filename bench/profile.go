package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"latchkey/bench/load"
	"latchkey/bench/rig"
)

// profile runs the hot paths on a build that profiles itself, and writes the merged profile.
func (b *bench) profile() error {
	if b.profileTo == "" {
		return errors.New("this section needs -profile, the file to write")
	}
	dir, err := rig.DataDir()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	programs, err := rig.BuildProfiled(dir)
	if err != nil {
		return err
	}
	servers, err := rig.Deploy(programs)
	if err != nil {
		return err
	}
	defer servers.Close()
	if err := servers.Seed(2 * rig.Connections); err != nil {
		return err
	}
	keys, err := servers.KeysFile("ES256")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(keys) }()
	file, err := rig.DeployEmbedded(programs, dir)
	if err != nil {
		return err
	}
	if err := rig.SeedFile(filepath.Join(dir, "latchkey.db"), rig.Connections); err != nil {
		return err
	}

	// Refreshes on all stores and with both algorithms, and reads of the account.
	profiles := []string{filepath.Join(dir, "servers.pprof"), filepath.Join(dir, "keys.pprof"), filepath.Join(dir, "file.pprof")}
	for i, run := range []struct {
		on    *rig.Deployment
		more  string
		paths [][]load.Client
	}{
		{servers, "", [][]load.Client{rotating(servers, 0), b.getters(servers, "/api/users/me", 1)}},
		{servers, "LATCHKEY_TOKENS_KEYS_FILE=" + keys, [][]load.Client{rotating(servers, 1)}},
		{file, "", [][]load.Client{rotating(file, 0)}},
	} {
		service, err := run.on.StartService("CPU_PROFILE="+profiles[i], run.more)
		if err != nil {
			return err
		}
		for _, clients := range run.paths {
			if r := load.Closed(service.Address, clients, b.Each); r.First != nil {
				service.Stop()
				return r.First
			}
		}
		service.Stop() // the profile is complete when the program has ended
	}
	merged, err := exec.Command("go", append([]string{"tool", "pprof", "-proto", "-output=" + b.profileTo}, profiles...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("merge the profiles: %s", merged)
	}
	return nil
}

// rotating returns clients that refresh sessions of a group.
func rotating(d *rig.Deployment, group int) []load.Client {
	return rig.ClientsOf(rig.Refreshers("/api/users/refresh", d.Refresh, group*rig.Connections, rig.Connections))
}
