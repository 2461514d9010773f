/** The tables, and the migration of databases from older versions. */

import { removedSetSchema } from '../catalogue/removed-set-table.js'
import { layoutSchema } from '../images/layout-table.js'
import { addErrorChecksums } from '../jobs/job-error-rows.js'
import { jobsByEnd } from '../jobs/job-table.js'
import { webhookSchema } from '../jobs/webhook-table.js'
import { decisionImageSchema, decisionSchema, unsettledDecisions } from '../judgements/decision-table.js'
import { feedbackInOrder, feedbackSchema } from '../judgements/feedback-table.js'
import { type Database, damaged, openForWriting, withDatabase } from './database.js'
import { mendTexts } from './mended-texts.js'
import { originalSchema, referenceSchema } from './original-schema.js'
import { separateSets } from './set-schema.js'

/** Marks the file as Alike's: "ALIK". */
const applicationId = 0x41_4c_49_4b

/**
 * Step i migrates version i to version i + 1; never change a released step.
 *
 * Pictures, embeddings and thumbnails share one key: number of the set × 2³² + slot. A set's rows are therefore
 * contiguous and in slot order, and a slot finds its rows without an index.
 *
 * Rows carry a checksum because SQLite does not detect a flipped bit inside a value.
 */
const steps: readonly (string | ((database: Database) => void))[] = [
  `
  CREATE TABLE gallery (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT UNIQUE,            -- NULL once deleted, until all of its rows are gone
    uid        TEXT NOT NULL UNIQUE,
    model_id   TEXT NOT NULL,
    dimension  INTEGER NOT NULL,
    settings   TEXT NOT NULL,          -- JSON
    count      INTEGER NOT NULL,
    next_slot  INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE image (
    key          INTEGER PRIMARY KEY,
    gallery      INTEGER NOT NULL REFERENCES gallery (number),
    id           TEXT NOT NULL,
    label        TEXT,
    metadata     TEXT NOT NULL,        -- JSON
    content_hash TEXT NOT NULL,
    model_id     TEXT NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    format       TEXT NOT NULL,
    bytes        INTEGER NOT NULL,
    thumbnail    INTEGER NOT NULL,     -- its bytes, 0 for none: so a lost one is noticed
    created_at   TEXT NOT NULL,
    updated_at   TEXT NOT NULL,
    checksum     INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX image_by_id ON image (gallery, id);
  CREATE INDEX image_by_label ON image (gallery, label, id);

  CREATE TABLE embedding (
    key      INTEGER PRIMARY KEY,
    vector   BLOB NOT NULL,            -- float32, little endian
    checksum INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE thumbnail (
    key      INTEGER PRIMARY KEY,
    webp     BLOB NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE job (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    gallery         TEXT NOT NULL,
    gallery_uid     TEXT NOT NULL,
    state           TEXT NOT NULL,
    source          TEXT NOT NULL,     -- JSON
    total           INTEGER,
    added           INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    skipped         INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    failure         TEXT,              -- JSON
    idempotency_key TEXT,
    created_at      TEXT NOT NULL,
    started_at      TEXT,
    finished_at     TEXT,
    checksum        INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX job_by_idempotency_key ON job (gallery_uid, idempotency_key);
  CREATE INDEX job_by_state ON job (state, number);

  CREATE TABLE job_error (
    job      INTEGER NOT NULL REFERENCES job (number),
    item     INTEGER NOT NULL,
    name     TEXT NOT NULL,
    code     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    PRIMARY KEY (job, item)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE job ADD COLUMN kind TEXT NOT NULL DEFAULT 'ingest';

  CREATE TABLE job_result (
    job      INTEGER PRIMARY KEY REFERENCES job (number),
    result   TEXT NOT NULL,            -- JSON
    checksum INTEGER NOT NULL
  ) STRICT;
  `,
  'ALTER TABLE job ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;',
  addErrorChecksums,
  'ALTER TABLE job ADD COLUMN trials TEXT;', // JSON; NULL for jobs during which no process has died
  `
  CREATE TABLE copy_descriptor (       -- no row: not made yet
    key        INTEGER PRIMARY KEY,
    descriptor BLOB NOT NULL,          -- see copies/copy-descriptor.ts; empty for a picture without features
    checksum   INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE job ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE job ADD COLUMN names_assumed INTEGER NOT NULL DEFAULT 0;
  `,
  mendTexts,
  feedbackSchema,
  `ALTER TABLE gallery ADD COLUMN engine TEXT NOT NULL DEFAULT 'embedded';`, // what the gallery's pictures are stored in
  decisionSchema,
  webhookSchema,
  layoutSchema,
  originalSchema,
  unsettledDecisions,
  separateSets,
  referenceSchema,
  removedSetSchema,
  decisionImageSchema,
  feedbackInOrder,
  jobsByEnd,
]

/** The schema version that this code writes and reads. */
export const schemaVersion = steps.length

/** @throws AlikeError `data_unreadable` when the file belongs to another program or a newer version. */
export function migrate(database: Database): void {
  const version = versionOf(database)
  if (version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() !== undefined) {
    throw damaged('alike.db is the database of another program.')
  }
  // A new database is created at once: syncing each of its steps would take several times as long.
  if (version === 0) takeSteps(database, 0, steps.length)
  else for (let next = version; next < steps.length; next++) takeSteps(database, next, next + 1)
}

function takeSteps(database: Database, from: number, to: number): void {
  database.transaction(() => {
    for (const step of steps.slice(from, to)) {
      if (typeof step === 'string') database.exec(step)
      else step(database)
    }
    database.pragma(`application_id = ${applicationId}`)
    database.pragma(`user_version = ${to}`)
  })()
}

/** For a file that no process has open. @throws AlikeError `data_unreadable`, `storage_full` */
export function bringUpToDate(path: string): void {
  withDatabase(() => {
    const database = openForWriting(path, { maxBytes: 0 })
    try {
      migrate(database)
      database.pragma('journal_mode = DELETE') // a single file again
    } finally {
      database.close()
    }
  })
}

/** 0 for a database without our tables. @throws AlikeError `data_unreadable` */
export function versionOf(database: Database): number {
  const version = database.pragma('user_version', { simple: true }) as number
  const owner = database.pragma('application_id', { simple: true }) as number
  if (version > 0 && owner !== applicationId) throw damaged('alike.db is damaged or the database of another program.')
  if (version > steps.length)
    throw damaged(`alike.db was written by a newer version of Alike (${version} of ${steps.length}).`)
  return version
}
