// Package jose reads and writes the strict form of a JWS and of a JWK (RFC 7515, RFC 7517, RFC
// 7518). It has no clock and no store: when a key may sign is a question for package keys.
//
// Parsing is stricter than the RFCs ask. Two parsers must never read one token differently, so a
// JSON object with a repeated member, a number with a fraction or base64url with spare bits is
// refused.
package jose
