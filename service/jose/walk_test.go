package jose_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"latchkey/service/jose"
)

// FuzzWalk compares Walk with encoding/json: an object that both accept has the same members,
// without duplicates.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"a":{"b":[1,"}",{}]},"c":"\""}`, `{"a":1,"a":2}`, `{"a" : [ ] , "b" : null }`, `{"\u0061":1}`, `{"a":"\\"}`,
		`{"a":1}x`, `{"a":tru}`, `[{}]`, `{"a":[[[[[]]]]]}`, `{"a":-1.5e+3}`, "{\"a\":\"\x01\"}", `{"":""}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := map[string]json.RawMessage{}
		err := jose.Walk(b, func(name, value []byte) error {
			seen[string(name)] = bytes.Clone(value)
			return nil
		})
		if err != nil || !json.Valid(b) {
			return
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(b, &members) != nil {
			t.Fatalf("the walker takes %q, which is no object", b)
		}
		if len(members) != len(seen) {
			t.Fatalf("%q has %d members, the walker saw %d", b, len(members), len(seen))
		}
		for name, value := range seen {
			if !json.Valid(value) {
				t.Fatalf("%q: the value of %q is %q", b, name, value)
			}
		}
	})
}
