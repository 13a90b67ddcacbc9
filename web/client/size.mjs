// Prints how large the client is, and fails when it is larger than promised.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit = 3 * 1024;
const built = readFileSync(new URL("dist/index.js", import.meta.url));
const size = gzipSync(built, { level: 9 }).length;
console.log(`client: ${size} bytes gzipped of ${limit} allowed, ${built.length} plain`);
if (size > limit) process.exit(1);
