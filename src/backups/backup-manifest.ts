/** The manifest beside the files of a snapshot: their content, and checksums to verify them. */
import { createHash } from 'node:crypto'
import type { DatabaseContents } from '../engines/embedded/store/database/examine-database.js'

export const manifestName = 'manifest.json'
export const databaseName = 'alike.db'

export interface BackupManifest extends DatabaseContents {
  formatVersion: 1
  id: string
  /** ISO 8601: contains everything acknowledged before. */
  createdAt: string
  /** Alike's version. */
  serviceVersion: string
  /** Of the serving model; the embeddings are useless without it. */
  modelId: string
  files: SnapshotFile[]
  /** SHA-256 of this manifest without this line. */
  manifestSha256: string
}

export interface SnapshotFile {
  name: string
  bytes: number
  sha256: string
}

/** The date for people, the rest because two may be created in the same second. */
export const snapshotIdPattern = '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$'

export function snapshotIdAt(createdAt: string, suffix: string): string {
  return `${createdAt.slice(0, 19).replace(/[-:]/g, '')}Z-${suffix}`
}

export function manifestText(facts: Omit<BackupManifest, 'manifestSha256'>): string {
  return `${JSON.stringify({ ...facts, manifestSha256: sha256Of(facts) }, null, 2)}\n`
}

/** Undefined if it is damaged, or of an unknown version. */
export function parseManifest(text: string): BackupManifest | undefined {
  try {
    const { manifestSha256, ...facts } = JSON.parse(text) as BackupManifest
    // With the right checksum it was written by `manifestText`: its shape needs no check of its own.
    if (manifestSha256 !== sha256Of(facts) || facts.formatVersion !== 1) return undefined
    return new RegExp(snapshotIdPattern).test(facts.id) ? { ...facts, manifestSha256 } : undefined
  } catch {
    return undefined
  }
}

function sha256Of(facts: object): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
}
