package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"latchkey/repository"
	"latchkey/service/audit"
)

func auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List and purge audit records",
		Example: `  latchkey audit list --since 24h
  latchkey audit purge --before 90d`,
	}
	cmd.AddCommand(auditListCommand(), auditPurgeCommand())
	return cmd
}

func auditListCommand() *cobra.Command {
	var user, actor, event, since, until string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List audit records, newest first",
		Long: `List audit records, newest first. --since and --until are times (2026-11-01
or 2026-11-01T12:00:00Z) or ages (90m, 24h, 7d). --user selects the records about one user,
and --actor the changes that one user made to others.
"latchkey sessions revoke --all" writes one record without a user: list it with
--event sessions_ended. Events: ` + eventNames(),
		Example: `  latchkey audit list --user ada
  latchkey audit list --event login_failed --since 24h
  latchkey audit list --actor root --since 7d
  latchkey audit list --since 7d --limit 0 --json | jq -r .address | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			q := repository.AuditQuery{Event: repository.AuditEvent(event), Limit: limit}
			if event != "" && !slices.Contains(repository.AuditEvents(), q.Event) {
				return fmt.Errorf("--event: unknown event %s; the events are %s", event, eventNames())
			}
			if limit < 0 {
				return errors.New("--limit: must be 0 (no limit) or more")
			}
			var err error
			if q.Since, err = moment(since, o.Clock.Now()); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if q.Until, err = moment(until, o.Clock.Now()); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			for into, name := range map[*string]string{&q.UserID: user, &q.ActorID: actor} {
				if name == "" {
					continue
				}
				account, err := o.FindAccount(ctx, name)
				if err != nil {
					return err
				}
				*into = account.ID
			}
			return o.Audit.Each(ctx, q, func(a audit.Record) error {
				return printAudit(cmd.OutOrStdout(), a, asJSON)
			})
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "username or email address")
	cmd.Flags().StringVar(&actor, "actor", "", "username or email address of the user who made the changes")
	cmd.Flags().StringVar(&event, "event", "", "name of an event")
	cmd.Flags().StringVar(&since, "since", "", "time or age of the oldest record")
	cmd.Flags().StringVar(&until, "until", "", "time or age before which the records are")
	cmd.Flags().IntVar(&limit, "limit", 100, "maximum number of records; 0: no limit")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func auditPurgeCommand() *cobra.Command {
	var before string
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Delete old audit records",
		Long: `Delete the audit records from before a time. The service deletes records that are older
than audit.retention automatically. The purge is recorded in the audit log.`,
		Example: "  latchkey audit purge --before 90d",
		Args:    cobra.NoArgs,
		RunE: withStores(func(ctx context.Context, cmd *cobra.Command, o opened) error {
			o.Clock.Start(ctx)
			now, err := o.Clock.Trusted(ctx)
			if err != nil {
				return err
			}
			at, err := moment(before, now)
			if err == nil && at.IsZero() {
				err = errors.New("must be given")
			}
			if err == nil && at.After(now) {
				err = errors.New("is in the future, which would delete all records")
			}
			if err != nil {
				return fmt.Errorf("--before: %w", err)
			}
			n, err := o.NewRetention().PurgeAudit(ctx, at, now, audit.Operator())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "deleted %s from before %s\n", counted(n, "record"), at.UTC().Format(time.RFC3339))
			return nil
		}),
	}
	cmd.Flags().StringVar(&before, "before", "", "time (2026-11-01) or age (90d)")
	_ = cmd.MarkFlagRequired("before") // the flag exists
	return cmd
}

func eventNames() string {
	var names []string
	for _, e := range repository.AuditEvents() {
		names = append(names, string(e))
	}
	return strings.Join(names, ", ")
}

// printAudit writes a record as one line and omits empty fields.
func printAudit(w io.Writer, a audit.Record, asJSON bool) error {
	if asJSON {
		object := map[string]string{"id": a.ID, "at": a.At.Format(time.RFC3339Nano), "event": string(a.Event), "outcome": a.Outcome}
		maps.Insert(object, a.Members())
		return json.NewEncoder(w).Encode(object)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s", a.At.Format(time.DateTime), a.Event, a.Outcome)
	for name, value := range a.Members() {
		if strings.ContainsAny(value, " =\"") {
			value = strconv.Quote(value) // clients choose their own names
		}
		fmt.Fprintf(&b, "  %s=%s", name, value)
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// moment parses a time, or a duration before now. An empty text is the zero time.
func moment(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 2026-11-01, 2026-11-01T12:00:00Z, or an age such as 24h or 7d", s)
}
