package repository

import (
	"context"
	"time"
)

// Message is a mail to send. A change that notifies a person writes the message in the same
// transition.
type Message struct {
	ID     string // UUID
	Kind   string
	UserID string // the deletion of this user deletes the message; empty: known when the mail is sent
	// Sealed is the recipient, the link and the values, encrypted, so that a copy of the
	// database contains no usable link.
	Sealed    []byte
	CreatedAt time.Time
	ExpiresAt time.Time // the message is not sent at or after this time
}

// MessageState is where a message is in its life. The values are part of the API.
type MessageState string

// The states. Only a queued message is sent. A sent and a dropped message have no content
// any more.
const (
	MessageQueued  MessageState = "queued"
	MessageSent    MessageState = "sent"
	MessageDropped MessageState = "dropped" // there is nothing to send, or too much was sent
	MessageDead    MessageState = "dead"    // it could not be sent
)

// QueuedMessage is a message in the outbox.
type QueuedMessage struct {
	Message
	State    MessageState
	Reason   string    // of the last failure, or of the end
	Attempts int       // number of claims
	DueAt    time.Time // of the next attempt
	EndedAt  time.Time
}

// Admission decides whether a message is sent to its recipient.
type Admission struct {
	MessageID string
	Recipient string    // keyed hash of the address
	Budget    string    // messages of the same recipient and budget count together
	Max       int       // number of messages admitted since Since; 0: no limit
	Since     time.Time // start of the period
	Link      *Link     // the link in the message, or nil
	MaxLinks  int
	Replace   bool // if MaxLinks links are live, the oldest is deleted; otherwise the message is not admitted
	At        time.Time
}

// MessageEnd is the end of an attempt to send a message.
type MessageEnd struct {
	State   MessageState // queued: the message is sent again at DueAt
	Reason  string
	At      time.Time
	DueAt   time.Time
	Attempt int // number of the attempt
}

// MessageQuery selects messages. An empty field does not restrict the selection.
type MessageQuery struct {
	ID    string
	State MessageState
	Limit int
}

// MessageCounts describes the messages that wait.
type MessageCounts struct {
	Queued int
	Dead   int
	Oldest time.Time // creation of the oldest queued message; zero: none
}

// Outbox stores the messages. Many workers send them.
type Outbox interface {
	// EnqueueMessage adds a message. Other transitions add messages too.
	EnqueueMessage(ctx context.Context, m Message) error

	// RequestMessage adds a message that an administrator, the caller, requests, and its audit
	// record, in one step. It returns ErrNotAllowed if the caller is not an administrator.
	RequestMessage(ctx context.Context, m Message, by Caller, a AuditRecord) error

	// ClaimMessages returns at most limit queued messages that are due, the oldest
	// first, and makes them due again at a later time, when the claim ends. Of concurrent
	// calls one gets a message. It returns an empty list if none is due.
	ClaimMessages(ctx context.Context, now, until time.Time, limit int) ([]QueuedMessage, error)

	// AdmitMessage counts a message against the budget of its recipient and creates its
	// link, in one step. It reports false and changes nothing if the budget or the number
	// of live links is exhausted, also under concurrent calls. It returns ErrNotFound if
	// the link of the message can no longer be used: the user is unknown or disabled, or
	// has another address or password. A message that was admitted before is admitted
	// again unless its link is gone.
	AdmitMessage(ctx context.Context, a Admission) (admitted bool, err error)

	// EndMessage ends an attempt. It deletes the content of a message that is sent or
	// dropped. It changes nothing if the message has ended, or if another worker has
	// claimed it since; a message that was sent ends in any case.
	EndMessage(ctx context.Context, id string, end MessageEnd) error

	// ListMessages returns the newest messages that match a query, newest first.
	ListMessages(ctx context.Context, q MessageQuery) ([]QueuedMessage, error)

	// RetryMessage makes a dead message due now, and lets it expire at a later time. It
	// returns ErrNotFound if no dead message has the ID.
	RetryMessage(ctx context.Context, id string, now, expires time.Time) error

	// CountMessages counts the messages that wait.
	CountMessages(ctx context.Context) (MessageCounts, error)

	// PurgeMessages deletes at most limit messages that ended before a time, or expired
	// before it without a worker, and returns their number.
	PurgeMessages(ctx context.Context, before time.Time, limit int) (int, error)
}
