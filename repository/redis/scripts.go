package redis

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var files embed.FS

// scripts are the transitions. Script.Run sends the digest of a script. If the server does not
// know it, for example after a restart, Run sends the text.
type scripts struct {
	createSession  *redis.Script
	refreshSession *redis.Script
	endSession     *redis.Script

	endOtherSessions *redis.Script

	beginAttempt *redis.Script
	endAttempt   *redis.Script

	checkRights *redis.Script
}

func loadScripts() (scripts, error) {
	var s scripts
	for name, at := range map[string]**redis.Script{
		"create_session":  &s.createSession,
		"refresh_session": &s.refreshSession,
		"end_session":     &s.endSession,

		"end_other_sessions": &s.endOtherSessions,

		"begin_attempt": &s.beginAttempt,
		"end_attempt":   &s.endAttempt,

		"check_rights": &s.checkRights,
	} {
		text, err := files.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			return scripts{}, err
		}
		*at = redis.NewScript(string(text))
	}
	return s, nil
}
