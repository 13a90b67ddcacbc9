// Makes the package as npm publishes it, and fails if a file is missing.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const wanted = ["package.json", "LICENSE", "README.md", "dist/index.js", "dist/index.d.ts"];
const dir = mkdtempSync(join(tmpdir(), "latchkey-pack-"));
try {
  // With the scripts of the package, which build it as in a new clone.
  execFileSync("npm", ["pack", "--loglevel=error", "--pack-destination", dir], {
    cwd: new URL(".", import.meta.url),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [name] = readdirSync(dir);
  const files = execFileSync("tar", ["tzf", join(dir, name)], { encoding: "utf8" }).trim().split("\n");
  const missing = wanted.filter((file) => !files.includes(`package/${file}`));
  console.log(`package: ${name}, ${files.length} files`);
  if (missing.length) {
    console.error(`the package lacks ${missing.join(", ")}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true });
}
