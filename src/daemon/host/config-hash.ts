/** Hash of the opencode.json that an instance reads: whether two hosts, or two moments, have the same one. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

const BYTES_MOST = 1 << 20;

/** SHA-256 in hex of a regular file of at most 1 MiB; null for one that is not there, or not such a file. */
export async function fileHash(path: string): Promise<string | null> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return null;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > BYTES_MOST) return null;
    return createHash("sha256")
      .update(await file.readFile())
      .digest("hex");
  } finally {
    await file.close();
  }
}
