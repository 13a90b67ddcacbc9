// An Express API without an ORM, on two processes: one prepared statement replaces the refresh token.
import bcrypt from "bcrypt";
import express from "express";
import jwt from "jsonwebtoken";
import cluster from "node:cluster";
import { randomUUID } from "node:crypto";
import pg from "pg";

const secret = process.env.SECRET;
const cost = Number(process.env.BCRYPT_COST);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const accessToken = (user) => jwt.sign({ sub: user.id, privilege: user.privilege }, secret, { expiresIn: "10m" });
const refreshToken = (user) => jwt.sign({ sub: user.id, jti: randomUUID() }, secret, { expiresIn: "30d" });

const app = express();
app.use(express.json());
app.get("/health", (req, res) => res.end());

app.post("/users", async (req, res) => {
  const hash = await bcrypt.hash(req.body.password, cost);
  const { rows } = await pool.query("INSERT INTO users (username, password) VALUES ($1, $2) RETURNING id", [req.body.username, hash]);
  res.status(201).json({ id: rows[0].id });
});

app.post("/login", async (req, res) => {
  const { rows } = await pool.query("SELECT id, privilege, password FROM users WHERE username = $1", [req.body.username]);
  // The comparison with a fixed hash takes the same time for a username that does not exist.
  const hash = rows[0]?.password ?? "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
  const right = await bcrypt.compare(req.body.password, hash);
  if (!rows[0] || !right) return res.status(401).json({ message: "wrong username or password" });
  const token = refreshToken(rows[0]);
  await pool.query("INSERT INTO refresh_tokens (token, user_id, expires) VALUES ($1, $2, now() + interval '30 days')", [token, rows[0].id]);
  res.json({ accessToken: accessToken(rows[0]), refreshToken: token });
});

app.post("/refresh", async (req, res) => {
  let claims;
  try {
    claims = jwt.verify(req.body.refreshToken, secret);
  } catch {
    return res.status(401).json({ message: "invalid refresh token" });
  }
  const token = refreshToken({ id: claims.sub });
  const { rows } = await pool.query({
    name: "replace",
    text: `UPDATE refresh_tokens t SET token = $2, expires = now() + interval '30 days' FROM users u
      WHERE t.token = $1 AND t.expires > now() AND u.id = t.user_id RETURNING u.id, u.privilege`,
    values: [req.body.refreshToken, token],
  });
  if (!rows[0]) return res.status(401).json({ message: "unknown refresh token" });
  res.json({ accessToken: accessToken(rows[0]), refreshToken: token });
});

if (cluster.isPrimary) {
  await pool.query(`CREATE TABLE users (id bigserial PRIMARY KEY, username text UNIQUE, password text, privilege int DEFAULT 0);
    CREATE TABLE refresh_tokens (token text PRIMARY KEY, user_id bigint REFERENCES users, expires timestamptz)`);
  await pool.end();
  for (let i = 0; i < 2; i++) cluster.fork();
} else {
  app.listen(Number(process.env.PORT), "127.0.0.1");
}
