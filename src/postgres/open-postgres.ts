/** Opens everything that several processes share in PostgreSQL. */
import { AlikeError, hasCode } from '../errors.js'
import { cachedCatalogue } from '../gallery/cached-catalogue.js'
import type { Catalogue } from '../gallery/catalogue.js'
import type { DecisionStore } from '../gallery/decisions.js'
import type { FeedbackStore } from '../gallery/feedback.js'
import type { LayoutStore } from '../gallery/layout.js'
import { JobQueues } from './job-queues.js'
import { Notices } from './notices.js'
import { Postgres } from './postgres.js'
import { PostgresCatalogue } from './postgres-catalogue.js'
import { postgresDecisions } from './postgres-decisions.js'
import { postgresFeedback } from './postgres-feedback.js'
import { type JobReach, PostgresJobs } from './postgres-jobs.js'
import { postgresLayouts } from './postgres-layouts.js'
import { alone, migrate } from './schema.js'
import { freshMs, SharedWrites } from './shared-writes.js'

/** Timeout of a statement that migrates tables, and of waiting until another process has migrated them. */
const migrationMs = 3_600_000

/** The part of pino that we use. */
export interface PostgresLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface SharedStoresOptions extends Partial<JobReach> {
  url: string
  connectionsMax: number
  /** A worker that is silent for longer loses its job; at least 10. */
  leaseSeconds: number
  /** Uploads are readable by every process. Otherwise this must be the only process. */
  sharesUploads: boolean
  /** Maximum judgements, and decisions, per gallery. */
  feedbackMax: number
  decisionsMax: number
  logger: PostgresLogger
  /** The time written to records. */
  clock?: (() => Date) | undefined
}

export interface SharedStores {
  catalogue: Catalogue
  feedback: FeedbackStore
  decisions: DecisionStore
  layouts: LayoutStore
  jobs: PostgresJobs
  writes: SharedWrites
  /** Statements waiting for a connection. */
  waiting(): number
  /** Id of the installation, the same for all processes that share the database. */
  installation(): Promise<string>
  close(): Promise<void>
}

/** How often a run reports its progress to other processes, but at most every third of its lease. */
const usualRenewMs = 2_000

/**
 * @throws AlikeError `store_unreachable`, `data_unreadable` for tables of a newer version, `config_invalid` if this
 * process or another one must be the only one
 */
export async function openSharedStores({
  url,
  connectionsMax,
  leaseSeconds,
  sharesUploads,
  feedbackMax,
  decisionsMax,
  logger,
  clock = () => new Date(),
  ...reach
}: SharedStoresOptions): Promise<SharedStores> {
  const warn = (message: string) => (err: unknown) => logger.warn({ err }, message)
  const onLoss = warn('a connection to PostgreSQL was lost')
  const postgres = new Postgres({ url, connectionsMax, onLoss })
  const migrating = new Postgres({ url, connectionsMax: 1, onLoss, statementMs: migrationMs })
  const notices = new Notices(
    postgres,
    sharesUploads,
    warn('the connection that listens to PostgreSQL was lost; it is made anew'),
  )
  const now = () => clock().toISOString()
  const opened: (() => Promise<void>)[] = [() => postgres.close()]
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end()
  }
  try {
    await migrate(migrating, logger)
    opened.push(() => notices.close())
    await notices.open()
    const onError = warn('the upkeep of job queues failed')
    const queues = await alone(migrating, () => JobQueues.open(postgres, { leaseSeconds, onError, logger }))
    opened.push(() => queues.close())
    const renewEveryMs = Math.min(usualRenewMs, (leaseSeconds * 1_000) / 3)
    const catalogue = cachedCatalogue(new PostgresCatalogue({ postgres, now }), freshMs)
    notices.listen((notice) => {
      if (notice === undefined || notice.gallery !== undefined) catalogue.forget(notice?.gallery)
    })
    const writes = new SharedWrites({ postgres, notices, catalogue })
    opened.push(() => writes.close())
    return {
      catalogue,
      writes,
      feedback: postgresFeedback(postgres, feedbackMax),
      decisions: postgresDecisions({ postgres, max: decisionsMax, now }),
      layouts: postgresLayouts(postgres, now),
      jobs: new PostgresJobs({ postgres, queues, notices, renewEveryMs, now, ...reach }),
      waiting: () => postgres.waiting,
      installation: () => installationIn(postgres),
      close,
    }
  } catch (error) {
    await close()
    throw withReason(error)
  } finally {
    await migrating.close()
  }
}

/** Only at a start, where whoever waits for it reads the sentence: a wrong password does not pass by itself. */
function withReason(error: unknown): unknown {
  if (!hasCode(error, 'store_unreachable') || error.detail !== undefined) return error
  const { message, code } = error.cause as NodeJS.ErrnoException
  // a host with several addresses fails without a message
  return new AlikeError('store_unreachable', { detail: `PostgreSQL: ${message || code}.`, cause: error })
}

/**
 * A database that was restored from a dump gets an id of its own: its row was written by another transaction than it
 * says. An upgrade of the server, or a standby that takes over, keeps the row as it is.
 */
async function installationIn(postgres: Postgres): Promise<string> {
  await postgres.query(
    `UPDATE alike.installation SET
       id = CASE WHEN made_in IS NULL THEN id ELSE gen_random_uuid()::text END,
       made_in = mod(pg_current_xact_id()::text::numeric, 4294967296)::bigint
     WHERE made_in IS NULL OR made_in <> xmin::text::bigint`,
  )
  const [row] = await postgres.query<{ id: string }>('SELECT id FROM alike.installation')
  return row!.id
}
