// Package web embeds the files that the service serves to browsers. The browser client is in
// client, the demo page in demo, and the tests with real browsers and real clients in test.
package web
