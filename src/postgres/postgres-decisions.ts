/** Decisions about findings in PostgreSQL. */
import { AlikeError } from '../errors.js'
import type { DecidedFinding, DecisionStore, StoredDecision } from '../gallery/decisions.js'
import { expectGallery, holdGallery } from './gallery-rows.js'
import type { Postgres, Sql } from './postgres.js'

export interface PostgresDecisionsOptions {
  postgres: Postgres
  /** Maximum decisions per gallery. */
  max: number
  /** The current time, ISO 8601. */
  now(): string
}

interface DecisionRow {
  number: number
  finding: string
  at: string
}

export function postgresDecisions({ postgres, max, now }: PostgresDecisionsOptions): DecisionStore {
  return {
    add: (galleryUid, finding) =>
      postgres.transaction(async (sql) => {
        await holdGallery(sql, galleryUid)
        await expectRoom(sql, galleryUid, max)
        const [row] = await sql.query<DecisionRow>(
          'INSERT INTO alike.decision (gallery_uid, finding, settled, at) VALUES ($1, $2, false, $3) RETURNING *',
          [galleryUid, JSON.stringify(finding), now()],
        )
        await sql.query('INSERT INTO alike.decision_image SELECT $1, unnest($2::text[]), $3', [
          galleryUid,
          finding.images.map(({ id }) => id),
          row!.number,
        ])
        return decisionOf(row!)
      }),
    async settle(galleryUid, number) {
      // whose outcome is found out if its answer is lost: the caller would repeat what was done
      const settled = 'UPDATE alike.decision SET settled = true WHERE gallery_uid = $1 AND number = $2'
      await postgres.transaction((sql) => sql.query(settled, [galleryUid, number]))
    },
    async page(galleryUid, after, limit, ids) {
      const ofImages =
        'AND number IN (SELECT decision FROM alike.decision_image WHERE gallery_uid = $1 AND id = ANY($4))'
      const rows = await postgres.query<DecisionRow>(
        `SELECT * FROM alike.decision WHERE gallery_uid = $1 AND number > $2 ${ids ? ofImages : ''} ORDER BY number LIMIT $3`,
        [galleryUid, after, limit, ...(ids ? [ids] : [])],
      )
      if (rows.length === 0) await expectGallery(postgres, galleryUid)
      return rows.map(decisionOf)
    },
    async remove(galleryUid, number) {
      await expectGallery(postgres, galleryUid)
      // as above: the repeated one would find nothing to remove
      const removed = 'DELETE FROM alike.decision WHERE gallery_uid = $1 AND number = $2'
      await postgres.transaction((sql) => sql.query(removed, [galleryUid, number]))
    },
    async unsettled(galleryUid) {
      await expectGallery(postgres, galleryUid)
      const rows = await postgres.query<DecisionRow>(
        'SELECT * FROM alike.decision WHERE gallery_uid = $1 AND NOT settled ORDER BY number',
        [galleryUid],
      )
      return rows.map(decisionOf)
    },
  }
}

/** @throws AlikeError `decisions_full` */
async function expectRoom(sql: Sql, galleryUid: string, max: number): Promise<void> {
  const [counted] = await sql.query<{ count: number }>('SELECT count(*) FROM alike.decision WHERE gallery_uid = $1', [
    galleryUid,
  ])
  if (counted!.count >= max) throw new AlikeError('decisions_full', { detail: `The maximum is ${max} decisions.` })
}

function decisionOf({ number, finding, at }: DecisionRow): StoredDecision {
  return { number, ...(JSON.parse(finding) as DecidedFinding), at }
}
