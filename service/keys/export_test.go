package keys

import (
	"time"

	"latchkey/service/jose"
)

// HearsNothingForTest is as if the database was last read so long ago.
func (r *Ring) HearsNothingForTest(d time.Duration) { r.readAt.Add(-int64(d)) }

// VerifyJWSForTest checks the form and the signature of a token alone, by a key
// whose kid stands for whatever the token names.
func VerifyJWSForTest(raw string, k jose.Key) error {
	f, err := jose.ParseForm(raw)
	if err != nil {
		return err
	}
	f.Typ, f.KID = TypeAccess, k.ID
	set := newSet([]entry{{Key: k, use: UseAccess, createdAt: time.Unix(1, 0), activeAt: time.Unix(1, 0)}}, nil)
	return set.Verify(f, UseAccess, time.Unix(2, 0), 0)
}
