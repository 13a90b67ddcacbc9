// An Express API on an ORM, of the kind that articles on refresh tokens teach: bcrypt for passwords,
// a table of refresh tokens, and both tokens replaced on each refresh.
import bcrypt from "bcrypt";
import express from "express";
import jwt from "jsonwebtoken";
import { randomUUID } from "node:crypto";
import { DataTypes, Sequelize } from "sequelize";

const secret = process.env.SECRET;
const cost = Number(process.env.BCRYPT_COST);
const db = new Sequelize(process.env.DATABASE_URL, { logging: false });
const User = db.define("user", {
  username: { type: DataTypes.STRING, unique: true },
  password: DataTypes.STRING,
  privilege: { type: DataTypes.INTEGER, defaultValue: 0 },
});
const RefreshToken = db.define("refreshToken", {
  token: { type: DataTypes.STRING(512), unique: true },
  expires: DataTypes.DATE,
});
RefreshToken.belongsTo(User);
await db.sync();

const accessToken = (user) => jwt.sign({ sub: user.id, privilege: user.privilege }, secret, { expiresIn: "10m" });
const refreshToken = (user) => jwt.sign({ sub: user.id, jti: randomUUID() }, secret, { expiresIn: "30d" });
const inThirtyDays = () => new Date(Date.now() + 30 * 86_400_000);

const app = express();
app.use(express.json());
app.get("/health", (req, res) => res.end());

app.post("/users", async (req, res) => {
  const user = await User.create({ username: req.body.username, password: await bcrypt.hash(req.body.password, cost) });
  res.status(201).json({ id: user.id });
});

app.post("/login", async (req, res) => {
  const user = await User.findOne({ where: { username: req.body.username } });
  // The comparison with a fixed hash takes the same time for a username that does not exist.
  const hash = user?.password ?? "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
  const right = await bcrypt.compare(req.body.password, hash);
  if (!user || !right) return res.status(401).json({ message: "wrong username or password" });
  const token = refreshToken(user);
  await RefreshToken.create({ token, expires: inThirtyDays(), userId: user.id });
  res.json({ accessToken: accessToken(user), refreshToken: token });
});

app.post("/refresh", async (req, res) => {
  try {
    jwt.verify(req.body.refreshToken, secret);
  } catch {
    return res.status(401).json({ message: "invalid refresh token" });
  }
  const stored = await RefreshToken.findOne({ where: { token: req.body.refreshToken }, include: User });
  if (!stored || stored.expires < new Date()) return res.status(401).json({ message: "unknown refresh token" });
  const token = refreshToken(stored.user);
  await stored.update({ token, expires: inThirtyDays() });
  res.json({ accessToken: accessToken(stored.user), refreshToken: token });
});

app.listen(Number(process.env.PORT), "127.0.0.1");
