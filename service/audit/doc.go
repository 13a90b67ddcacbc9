// Package audit writes and reads the audit log. Log.Write stores a record and logs it;
// Log.Committed logs a record that a store has written together with the change it describes.
package audit
