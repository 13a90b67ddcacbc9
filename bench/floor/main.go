// Floor is the comparison of the benchmarks: a small program on Gin that gives the same result
// with golang-jwt, pgx and go-redis. It has the paths twice: with trips to the stores for each
// request alone, as such a program is usually written, and with trips that concurrent requests
// share, as in the service. It is not safe to use as a service, because it leaves out most checks.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"latchkey/repository"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// floor is the baselines, and trips to the stores for each request alone. It reads the environment of the service, and FLOOR_SCRIPT (the text
// of the script), FLOOR_ACCESS and FLOOR_REFRESH (the keys, base64).
type floor struct {
	pool            *pgxpool.Pool
	client          *redis.Client
	script          *redis.Script
	prefix          string
	access, refresh []byte
}

func serve() error {
	f := floor{
		script: redis.NewScript(os.Getenv("FLOOR_SCRIPT")), prefix: os.Getenv("LATCHKEY_REDIS_PREFIX"),
	}
	for name, key := range map[string]*[]byte{"FLOOR_ACCESS": &f.access, "FLOOR_REFRESH": &f.refresh} {
		var err error
		if *key, err = base64.StdEncoding.DecodeString(os.Getenv(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/hello", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"hello": "world"}) })
	e.GET("/verify", f.verify)
	if err := f.open(e); err != nil {
		return err
	}
	guard, err := guarded()
	if err != nil {
		return err
	}
	e.GET("/guarded", guard, func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"hello": "world"}) })
	server := &http.Server{Addr: os.Getenv("LATCHKEY_SERVER_LISTEN"), Handler: e, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// open connects to the stores, as the service would, and adds what needs them.
func (f *floor) open(e *gin.Engine) error {
	cfg, err := pgxpool.ParseConfig(os.Getenv("LATCHKEY_DATABASE_URL"))
	if err != nil {
		return err
	}
	cfg.MaxConns = 16
	if f.pool, err = pgxpool.NewWithConfig(context.Background(), cfg); err != nil {
		return err
	}
	o, err := redis.ParseURL(os.Getenv("LATCHKEY_REDIS_URL"))
	if err != nil {
		return err
	}
	o.PoolSize, o.Protocol = 64, 2
	f.client = redis.NewClient(o)
	if err := f.script.Load(context.Background(), f.client).Err(); err != nil {
		return err
	}
	shared := f.sharedTrips()
	e.POST("/refresh", f.exchange(f, true))
	e.POST("/refresh/shared", f.exchange(shared, true))
	e.POST("/rtVerify", f.exchange(f, false))
	e.POST("/rtVerify/shared", f.exchange(shared, false))
	return nil
}

// verify is golang-jwt with its defaults.
func (f *floor) verify(c *gin.Context) {
	token, err := jwt.ParseWithClaims(c.GetHeader("Authorization")[len("Bearer "):], jwt.MapClaims{}, f.accessKey)
	if err != nil {
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	subject, _ := token.Claims.GetSubject()
	c.Set("user", subject)
	c.JSON(http.StatusOK, gin.H{"hello": "world"})
}

func (f *floor) accessKey(*jwt.Token) (any, error)  { return f.access, nil }
func (f *floor) refreshKey(*jwt.Token) (any, error) { return f.refresh, nil }

// refreshClaims are the claims of the refresh tokens of the service.
type refreshClaims struct {
	jwt.RegisteredClaims
	ClientID  string `json:"client_id"`
	SessionID string `json:"sid"`
	Gen       int64  `json:"gen"`
}

// accessClaims are the claims of the access tokens of the service.
type accessClaims struct {
	jwt.RegisteredClaims
	ClientID  string   `json:"client_id"`
	SessionID string   `json:"sid"`
	AuthTime  int64    `json:"auth_time"`
	AMR       []string `json:"amr"`
	Privilege int      `json:"privilege"`
}

type exchangeBody struct {
	RefreshToken string `json:"refreshToken"`
}

// trips are the round trips of a request to the stores.
type trips interface {
	// user finds the user of a session.
	user(ctx context.Context, userID, sessionID string) (user, error)
	// run runs the script of the service.
	run(ctx context.Context, keys []string, args []any) *redis.Cmd
}

// exchange returns new tokens for a refresh token, by one read of the database, one script
// and one signature for each token. With rotate, it reads the refresh token from the body and
// replaces it. Otherwise it reads the token from the header, and makes only an access token.
func (f *floor) exchange(by trips, rotate bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		raw := c.GetHeader("refreshtoken")
		if rotate {
			var body exchangeBody
			if err := c.BindJSON(&body); err != nil {
				return
			}
			raw = body.RefreshToken
		}
		var old refreshClaims
		if _, err := jwt.ParseWithClaims(raw, &old, f.refreshKey); err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		u, err := by.user(ctx, old.Subject, old.SessionID)
		if err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
			return
		}
		session, err := f.present(ctx, by, old, u, rotate)
		if err != nil || session[0] != "rotated" && session[0] != "kept" {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		now := time.Now()
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, accessClaims{
			RegisteredClaims: registered(old.Issuer, "latchkey", u.ID, id(), now, now.Add(10*time.Minute)),
			ClientID:         old.ClientID, SessionID: old.SessionID, AuthTime: now.Unix(), AMR: []string{"pwd"}, Privilege: u.Privilege,
		}).SignedString(f.access)
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		if !rotate {
			http.SetCookie(c.Writer, &http.Cookie{Name: "accessToken", Value: token, Path: "/", HttpOnly: true})
			c.JSON(http.StatusOK, gin.H{"accessToken": "Bearer " + token, "accessTokenExpiryDate": now})
			return
		}
		next, err := jwt.NewWithClaims(jwt.SigningMethodHS256, refreshClaims{
			RegisteredClaims: registered(old.Issuer, old.Issuer, u.ID, session[2], now, old.ExpiresAt.Time),
			ClientID:         old.ClientID, SessionID: old.SessionID, Gen: old.Gen + 1,
		}).SignedString(f.refresh)
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		c.JSON(http.StatusOK, gin.H{
			"id": u.ID, "username": u.Username, "email": u.Email, "privilege": u.Privilege, "createdAt": u.CreatedAt,
			"accessToken": token, "accessTokenExpiryDate": now, "refreshToken": next, "refreshTokenExpiryDate": old.ExpiresAt.Time,
		})
	}
}

type user struct {
	ID, Username, Email, Kept string
	Privilege                 int
	Disabled                  bool
	Epoch                     int64
	CreatedAt, UpdatedAt      time.Time
	Ended                     string
}

// findUser is the query of the service, without the columns that no response has.
const findUser = `SELECT u.id, u.username, u.email, u.privilege, u.disabled, u.session_epoch, u.except_session_id, u.created_at, u.updated_at,
		COALESCE((SELECT r.reason FROM revoked_sessions r WHERE r.session_id = $2), '') FROM users u WHERE u.id = $1`

func (f *floor) user(ctx context.Context, userID, sessionID string) (user, error) {
	return scan(f.pool.QueryRow(ctx, findUser, userID, sessionID))
}

func (f *floor) run(ctx context.Context, keys []string, args []any) *redis.Cmd {
	return f.script.Run(ctx, f.client, keys, args...)
}

func scan(row pgx.Row) (u user, err error) {
	err = row.Scan(&u.ID, &u.Username, &u.Email, &u.Privilege, &u.Disabled, &u.Epoch, &u.Kept, &u.CreatedAt, &u.UpdatedAt, &u.Ended)
	return u, err
}

// present runs the service's script.
func (f *floor) present(ctx context.Context, by trips, old refreshClaims, u user, rotate bool) ([]string, error) {
	key := f.prefix + "rt:{" + old.Subject + "}"
	const month = 30 * 24 * time.Hour / time.Millisecond
	return by.run(ctx, []string{key + ":" + old.SessionID, key}, []any{
		old.Gen, old.ID, id(), old.ClientID, "body", u.Epoch, false, id(), time.Now().UnixMilli(),
		old.IssuedAt.UnixMilli(), !rotate, true, true, 0, 0, 60_000, int64(month),
		repository.MaxGraced, repository.MaxRecoveries, repository.RecoveryWindow.Milliseconds(), repository.MaxAhead,
		repository.MaxRotatedAhead.Milliseconds(), 30_000, false, old.SessionID,
	}).StringSlice()
}

func registered(issuer, audience, subject, id string, now, end time.Time) jwt.RegisteredClaims {
	return jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, Subject: subject, ID: id,
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(end),
	}
}

func id() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
