// Package mail sends mail to users. A Composer writes a message about a change; the store adds it to
// the outbox in the transition of that change. Workers of all replicas
// claim messages, admit them, and send them by SMTP or write them as files.
//
//	queued ── claim ──► admitted ── sent ──► sent
//	  ▲                    │  │
//	  │  a failure         │  └── no such account, link void, budget exhausted ──► dropped
//	  └── 1 min to 1 h ────┘
//	                       └──── refused for good, or too old ──► dead
//
// A claim is a lease, and no transaction is open during SMTP. If a worker stops between sending and
// recording it, or the answer of the server is lost, the message is sent again with the same
// Message-ID. No message is lost.
//
// A link in a message is created when the message is admitted. So a request for an unknown address
// takes the same time as any other, and signup costs one write more. The rules of links are in
// service/link, and the use of links is in service/recovery.
package mail

//go:generate go tool -modfile=../../tools/templ.mod templ generate -path . -lazy=false -log-level error
