/** Layouts in PostgreSQL: written in steps; the previous one is served until the new one is complete. */
import { AlikeError } from '../errors.js'
import type { LaidOut, LayoutAbout, LayoutStore, StoredLayout } from '../gallery/layout.js'
import type { Postgres, Sql } from './postgres.js'
import { ownerGone } from './store-errors.js'

/** Points per statement. */
const pointsAtOnce = 5_000

export function postgresLayouts(postgres: Postgres, now: () => string): LayoutStore {
  return {
    async save(setUid, about, points) {
      try {
        await saveLayout(postgres, setUid, { about: { ...about, madeAt: now() }, points })
      } catch (error) {
        throw (error as { code?: unknown }).code === ownerGone ? new AlikeError('gallery_not_found') : error
      }
    },
    async about(setUid) {
      await expectSet(postgres, setUid)
      const [row] = await postgres.query<{ generation: number; about: string }>(
        'SELECT * FROM alike.layout WHERE set_uid = $1 AND finished ORDER BY generation DESC LIMIT 1',
        [setUid],
      )
      return row && ({ ...(JSON.parse(row.about) as LayoutAbout), generation: row.generation } satisfies StoredLayout)
    },
    async page(setUid, limit, { generation, position }) {
      const rows = await postgres.query<LaidOut & { position: number }>(
        `SELECT position, id, x::double precision, y::double precision, doubt::double precision
         FROM alike.layout_point JOIN alike.layout USING (generation)
         WHERE set_uid = $1 AND generation = $2 AND position >= $3::bigint ORDER BY position LIMIT $4`,
        [setUid, generation, position, limit + 1],
      )
      const points = rows.slice(0, limit).map(({ id, x, y, doubt }) => ({ id, x, y, doubt }))
      return { points, ...(rows.length > limit && { next: { generation, position: position + limit } }) }
    },
  }
}

async function saveLayout(
  postgres: Postgres,
  setUid: string,
  { about, points }: { about: LayoutAbout; points: readonly LaidOut[] },
): Promise<void> {
  await expectSet(postgres, setUid)
  const [made] = await postgres.query<{ generation: number }>(
    'INSERT INTO alike.layout (set_uid, about, finished) VALUES ($1, $2, false) RETURNING generation',
    [setUid, JSON.stringify(about)],
  )
  const { generation } = made!
  for (let from = 0; from < points.length; from += pointsAtOnce)
    await insertPoints(postgres, generation, from, points.slice(from, from + pointsAtOnce))
  await postgres.transaction(async (sql) => {
    await sql.query('UPDATE alike.layout SET finished = true WHERE generation = $1', [generation])
    // and what an interrupted one has left; a later one is in progress
    await sql.query('DELETE FROM alike.layout WHERE set_uid = $1 AND generation < $2', [setUid, generation])
  })
}

async function insertPoints(sql: Sql, generation: number, from: number, points: readonly LaidOut[]): Promise<void> {
  await sql.query(
    `INSERT INTO alike.layout_point
     SELECT $1, $2 + place - 1, id, x, y, doubt
     FROM unnest($3::text[], $4::real[], $5::real[], $6::real[]) WITH ORDINALITY AS point (id, x, y, doubt, place)`,
    [
      generation,
      from,
      points.map(({ id }) => id),
      points.map(({ x }) => x),
      points.map(({ y }) => y),
      points.map(({ doubt }) => doubt),
    ],
  )
}

/** @throws AlikeError `gallery_not_found` */
async function expectSet(sql: Sql, setUid: string): Promise<void> {
  const rows = await sql.query('SELECT 1 FROM alike.embedding_set WHERE uid = $1', [setUid])
  if (rows.length === 0) throw new AlikeError('gallery_not_found')
}
