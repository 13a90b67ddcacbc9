package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/service/jose"
)

// CheckFile returns an error for a file of keys that a Ring would refuse.
func CheckFile(text []byte) error {
	_, err := parseKeysFile(text)
	return err
}

// parseKeysFile parses the keys for access tokens from a JWK Set with private keys. The state
// member of each key is active, next, retired or revoked. Exactly one key is active; a single key
// is active by default. Removing a key from the file also revokes it.
func parseKeysFile(text []byte) ([]entry, error) {
	var list struct {
		Keys []struct {
			jose.JWK
			State State `json:"state"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, errors.New("not a JWK Set")
	}
	var entries []entry
	active := 0
	for i, member := range list.Keys {
		k, err := member.Key()
		if err == nil && !k.Private() {
			err = errors.New("no private key")
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if member.State == "" && len(list.Keys) == 1 {
			member.State = Active
		}
		// Only the order of these times matters.
		e := entry{Key: k, use: UseAccess, createdAt: time.Unix(int64(i), 0).UTC(), fromFile: true}
		switch member.State {
		case Active:
			e.activeAt = time.Unix(1, 0).UTC()
			active++
		case Next:
		case Retired:
			e.activeAt, e.retiredAt = time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC()
		case Revoked:
			e.revokedAt = time.Unix(1, 0).UTC()
		default:
			return nil, fmt.Errorf("key %d: the member state must be active, next, retired or revoked", i+1)
		}
		for _, o := range entries {
			if o.ID == k.ID {
				return nil, fmt.Errorf("key %d: its kid appears twice", i+1)
			}
		}
		entries = append(entries, e)
	}
	if active != 1 {
		return nil, fmt.Errorf("%d keys are active: write {\"keys\": [ … ]}, and mark one key with \"state\": \"active\"", active)
	}
	return entries, nil
}
