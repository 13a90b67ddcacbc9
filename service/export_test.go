package service

// AccessKeyForTest returns the key that signs access tokens under a root secret,
// so that tests can forge them.
func AccessKeyForTest(root string) (key []byte, kid string) {
	k, err := DeriveKeys([]byte(root))
	if err != nil {
		panic(err)
	}
	return k.access.secret, k.access.id
}

// WalkForTest is walk.
var WalkForTest = walk
