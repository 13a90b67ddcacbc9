package keys

import (
	"time"

	"latchkey/service/jose"
)

// HearsNothingForTest simulates that the database was last read d earlier.
func (r *Ring) HearsNothingForTest(d time.Duration) { r.readAt.Add(-int64(d)) }

// VerifyJWSForTest checks only the form and the signature of a token. The key k is used for any kid
// that the token names.
func VerifyJWSForTest(raw string, k jose.Key) error {
	f, err := jose.ParseForm(raw)
	if err != nil {
		return err
	}
	f.Typ, f.KID = TypeAccess, k.ID
	set := newSet([]entry{{Key: k, use: UseAccess, createdAt: time.Unix(1, 0), activeAt: time.Unix(1, 0)}}, nil)
	return set.Verify(f, UseAccess, time.Unix(2, 0), 0)
}
