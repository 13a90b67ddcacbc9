// prose:allow-file the table quotes the constructions that it finds

package main

import "regexp"

// rule is a construction that costs readers time.
type rule struct {
	name string
	// bad finds it in a sentence, without regard to case, and unless takes back a
	// sentence in which the words have a plain meaning.
	bad, unless *regexp.Regexp
	// start restricts the rule to the start of a sentence that is no question.
	start bool
	// advice says what to write instead.
	advice string
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// before are words after which "who" and "what" have no noun to refer to.
const before = `(?:for|of|to|by|from|with|than|into|as|on|at|in|is|if|that|when|because|while|where|says?|tells?|knows?|finds?|sees?|lets?|asks?)`

// verb are words that make a clause of "what".
const verb = `(?:is|are|was|were|has|have|had|comes?|came|goes|went|can|cannot|may|must|will|does|did|follows|happens|stays|remains|makes|needs|runs|fails)`

// rules are tried in this order. Each has an example in the test.
var rules = []rule{
	{
		name: "who", bad: re(`^who(?:m|se)?\b`), unless: re(`\?`), start: true,
		advice: "name the actor: user, client, caller, operator, attacker",
	},
	{
		name: "who", bad: re(`\b(?:for whom|` + before + ` who)\b|[;:] who\b`), unless: re(`\?`),
		advice: "name the actor: the user who, clients that",
	},
	{
		name: "who", bad: re(`\b(?:who(?:m)?ever|nobody|somebody|anybody)\b`), unless: re(`\b(?:user|as|uid|account) nobody\b`),
		advice: "name the actor: no user, any client, another caller",
	},
	{
		name: "others", bad: re(`^others\b|\b(?:of|for|by|to|than|from|how|what|while|when|if) others\b|\bothers(?:['’]| who\b)`), unless: re(`\b(?:some|most|many|one|few) .*\bothers\b`),
		advice: "name the others: other callers, other users, the other keys",
	},
	{
		name: "elided", bad: re(`\b(?:that|those) of\b`), unless: re(`\bthat of course\b`),
		advice: "repeat the noun: the algorithm of new keys",
	},
	{
		name: "elided", bad: re(`\bthe ones?,? (?:of|that|which|who|with|without|used|before|after)\b|\bthe ones\b`),
		advice: "repeat the noun: the key that, the most recent session",
	},
	{
		name: "what", bad: re(`^what(?:ever)? ` + verb + `\b`), unless: re(`\?`), start: true,
		advice: "name the thing: expired sessions, the parameters that changed",
	},
	{
		name: "what", bad: re(`\b(?:of|for|from|by|with|to|in|on|than|at|into|before|after|about|under) what(?:ever)? ` + verb + `\b`), unless: re(`\?|\bwhat is (?:reasonable|possible|known|needed|necessary|expected|required|going on)\b`),
		advice: "name the thing: of the state, for the request",
	},
	{
		name: "draw", bad: re(`\b(?:draws?|drew|drawn) (?:a|an|the|its|it|one|another|new|by|anew|again|from|at random|for)\b`), unless: re(`\b(?:inspiration|conclusions?|svg|plots?|charts?|figures?|bars?|ax[ei]s|pictures?|curves?|lines?|graphs?|page|upside)\b`),
		advice: "generate",
	},
	{
		name: "honour", bad: re(`\bhonou?r(?:s|ed|ing)?\b`),
		advice: "accept, follow, apply",
	},
	{
		name: "stand", bad: re(`\b(?:stands?|stood)\b`), unless: re(`\bstands? for\b|\bas it stands\b|\bstand-|\bstand (?:up|alone)\b`),
		advice: "appear, be, be listed; standby for a key",
	},
	{
		name: "tell", bad: re(`\b(?:is|are|was|were|be|been|being) (?:not )?told\b|\btells? (?:(?:a|an|the|its|his|their|every|each|people|users?|clients?|callers?)(?: \w+)? )?(?:of|about|how|which|what|whether|when|why|who|where|that)\b`), unless: re(`\btold apart\b`),
		advice: "return, report, send; is notified of",
	},
	{
		name: "away", bad: re(`\b(?:is|are|was|were|be|been|stays?|stayed) away\b`), unless: re(`\baway from\b`),
		advice: "unavailable",
	},
	{
		name: "trouble", bad: re(`\btroubles?\b`),
		advice: "failure, error, problem",
	},
	{
		name: "go on", bad: re(`\b(?:go|goes|went) on\b`), unless: re(`\b(?:go|goes|went) on (?:the|a|an|its|their|top|disk|every|each|to the|one)\b`),
		advice: "continue",
	},
	{
		name: "quaint", bad: re(`\b(?:for|in) want of\b|\b(?:comes?|came) about\b|\b(?:may|can|could|to) be had\b|\blest\b|\bof a sudden\b|\bby and by\b|\bhitherto\b`),
		advice: "because … is missing; happens; is available; so that … not",
	},
	{
		name: "so many", bad: re(`\bso (?:many|much|long|few)\b`), unless: re(`\bso (?:many|much|few)(?: [\w-]+){0,5} that\b|\bso long (?:that|as)\b|\b(?:not|ever|and|done|too|only|by) so (?:many|much|long|few)\b|\bso long,|\bso (?:much|many)(?: \w+)? (?:as|for)\b`),
		advice: "name the number: at most n, limit",
	},
	{
		name: "cleft", bad: re(`\bit (?:is|was) (?:not )?(?:the|this|these|its|their|by|from|because of)(?: [\w-]+){1,3} (?:that|who|which)\b`), unless: re(`\bit (?:is|was) (?:not )?the (?:only|same|first|last|one|responsibility|default|number|name|value|type|time)\b|\bresponsibility\b|\bfrom (?:this|the) (?:that|which)\b|\bcase that\b`),
		advice: "begin with the actor: the server decides",
	},
	{
		name: "hyphen", bad: re(`\b(?:log-(?:ins?|outs?|ons?)|sign-(?:ins?|ups?|outs?)|e-mails?)\b`),
		advice: "login, logout, signup, email are nouns of one word; log in, log out, sign up are verbs",
	},
}

// longest is the number of words above which a sentence is reported.
const longest = 40
