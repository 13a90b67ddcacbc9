package service

import "time"

// HearsNothingForTest is as if the database was last read so long ago.
func (r *Keyring) HearsNothingForTest(d time.Duration) { r.readAt.Add(-int64(d)) }

// VerifyJWSForTest checks the form and the signature of a token alone, by a key
// whose kid stands for whatever the token names.
func VerifyJWSForTest(raw string, k Key) error {
	f, err := parseForm(raw)
	if err != nil {
		return err
	}
	f.typ, f.kid = TypeAccess, k.ID
	set := newKeySet([]keyEntry{{Key: k, use: UseAccess, createdAt: time.Unix(1, 0), activeAt: time.Unix(1, 0)}}, nil)
	return set.Verify(f, UseAccess, time.Unix(2, 0), 0)
}
