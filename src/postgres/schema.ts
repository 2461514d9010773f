/** The tables in PostgreSQL, created in steps: never change a released step; append a new one instead. */
import { AlikeError } from '../errors.js'
import { loggedMigration, type MigrationLogger } from '../gallery/logged-migration.js'
import type { Postgres, Sql } from './postgres.js'

/**
 * Names sort by their bytes, as everywhere in Alike; times are ISO 8601 in UTC, JSON is stored as the text received.
 */
const steps: readonly string[] = [
  `
  CREATE TABLE alike.gallery (
    uid        text PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,
    serving    text NOT NULL, -- set
    settings   text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL
  );
  CREATE TABLE alike.embedding_set (
    number      bigint GENERATED ALWAYS AS IDENTITY,
    uid         text PRIMARY KEY,
    gallery_uid text NOT NULL REFERENCES alike.gallery ON DELETE CASCADE,
    engine      text NOT NULL,
    model_id    text NOT NULL,
    dimension   integer NOT NULL,
    stage       text NOT NULL, -- of the one that serves it counts for nothing
    about       text NOT NULL,
    created_at  text NOT NULL
  );
  CREATE INDEX embedding_set_of ON alike.embedding_set (gallery_uid, number);

  CREATE TABLE alike.job (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              text NOT NULL UNIQUE,
    kind            text NOT NULL,
    gallery         text NOT NULL,
    gallery_uid     text NOT NULL,
    state           text NOT NULL,
    source          text NOT NULL,
    total           integer,
    added           integer NOT NULL,
    updated         integer NOT NULL,
    removed         integer NOT NULL,
    skipped         integer NOT NULL,
    failed          integer NOT NULL,
    replaced        integer NOT NULL,
    names_assumed   integer NOT NULL,
    position        integer NOT NULL,
    trials          text,
    failure         text,
    idempotency_key text,
    created_at      text NOT NULL,
    started_at      text,
    finished_at     text COLLATE "C",
    priority        integer NOT NULL,
    paused          integer NOT NULL,
    delivery        uuid NOT NULL UNIQUE, -- of the queue
    attempt         integer,              -- at which the queue handed it out last: who holds an older one has lost it
    reading         text,                 -- how far its run is, as that told it last
    UNIQUE (gallery_uid, idempotency_key)
  );
  CREATE INDEX job_state ON alike.job (kind, state);
  CREATE INDEX job_finished ON alike.job (finished_at) WHERE finished_at IS NOT NULL;

  CREATE TABLE alike.job_error (
    job    bigint NOT NULL REFERENCES alike.job ON DELETE CASCADE,
    item   integer NOT NULL,
    name   text NOT NULL,
    code   text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (job, item)
  );

  CREATE TABLE alike.job_result (
    job    bigint PRIMARY KEY REFERENCES alike.job ON DELETE CASCADE,
    result text NOT NULL
  );

  CREATE TABLE alike.webhook (
    job        bigint PRIMARY KEY REFERENCES alike.job ON DELETE CASCADE,
    url        text NOT NULL,
    attempts   integer NOT NULL,
    next_at    text COLLATE "C",     -- NULL: as soon as the job has ended
    held_until timestamptz           -- a process is telling it
  );

  CREATE TABLE alike.feedback (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gallery_uid text NOT NULL REFERENCES alike.gallery ON DELETE CASCADE,
    query_kind  text NOT NULL,
    query       text NOT NULL,
    query_hash  text,
    hit         text NOT NULL,
    hit_hash    text NOT NULL,
    verdict     text NOT NULL,
    judge       text NOT NULL,
    at          text NOT NULL,
    model_id    text NOT NULL,
    rank        integer,
    score       double precision,
    UNIQUE (gallery_uid, query_kind, query, hit, judge)
  );
  CREATE INDEX feedback_page ON alike.feedback (gallery_uid, number);

  CREATE TABLE alike.decision (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gallery_uid text NOT NULL REFERENCES alike.gallery ON DELETE CASCADE,
    finding     text NOT NULL,
    settled     boolean NOT NULL,
    at          text NOT NULL
  );
  CREATE INDEX decision_page ON alike.decision (gallery_uid, number);

  CREATE TABLE alike.layout (
    generation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_uid    text NOT NULL REFERENCES alike.embedding_set ON DELETE CASCADE,
    about      text NOT NULL,
    finished   boolean NOT NULL
  );
  CREATE INDEX layout_of ON alike.layout (set_uid);
  CREATE TABLE alike.layout_point (
    generation bigint NOT NULL REFERENCES alike.layout ON DELETE CASCADE,
    position   integer NOT NULL,
    id         text NOT NULL,
    x          real NOT NULL,
    y          real NOT NULL,
    doubt      real,
    PRIMARY KEY (generation, position)
  );
  `,
  `ALTER TABLE alike.gallery ADD COLUMN options text NOT NULL DEFAULT '{}';`,
  `
  CREATE SEQUENCE alike.set_change_number;
  CREATE TABLE alike.set_change (
    set_uid  text NOT NULL REFERENCES alike.embedding_set ON DELETE CASCADE, -- to which it is to be brought
    id       text COLLATE "C" NOT NULL, -- of a picture; '': all are to be compared
    number   bigint NOT NULL DEFAULT nextval('alike.set_change_number'), -- another one each time it is noted
    noted_at timestamptz NOT NULL DEFAULT now(), -- for the first time
    due_at   timestamptz NOT NULL, -- the write is over, or its process has died
    PRIMARY KEY (set_uid, id)
  );
  INSERT INTO alike.set_change (set_uid, id, due_at)
    SELECT embedding_set.uid, '', now() FROM alike.embedding_set JOIN alike.gallery ON gallery.uid = gallery_uid
    WHERE embedding_set.uid <> serving;
  `,
  `
  CREATE TABLE alike.removed_set ( -- until its engine is known to have nothing of it
    uid        text PRIMARY KEY,
    engine     text NOT NULL,
    removed_at text COLLATE "C" NOT NULL
  );
  `,
  `
  CREATE TABLE alike.installation (id text NOT NULL); -- one row
  INSERT INTO alike.installation VALUES (gen_random_uuid()::text);
  `,
  `
  ALTER TABLE alike.installation ADD COLUMN made_in bigint; -- the transaction that wrote the row last: another one for a restored row
  `,
  `
  -- two long ids do not fit into a row of an index; those who write hold the row of the gallery
  ALTER TABLE alike.feedback DROP CONSTRAINT feedback_gallery_uid_query_kind_query_hit_judge_key;
  CREATE INDEX feedback_of_hit ON alike.feedback (gallery_uid, left(query, 300), left(hit, 300));
  `,
  `
  CREATE TABLE alike.decision_image ( -- derived from the findings
    gallery_uid text NOT NULL,
    id          text COLLATE "C" NOT NULL,
    decision    bigint NOT NULL REFERENCES alike.decision ON DELETE CASCADE,
    PRIMARY KEY (gallery_uid, id, decision)
  );
  CREATE INDEX decision_image_of ON alike.decision_image (decision);
  INSERT INTO alike.decision_image
    SELECT DISTINCT gallery_uid, image ->> 'id', number FROM alike.decision, json_array_elements(finding::json -> 'images') AS image;
  `,
  `
  CREATE TABLE alike.feedback_count ( -- counting a million judgements takes longer than recording one
    gallery_uid text PRIMARY KEY REFERENCES alike.gallery ON DELETE CASCADE,
    stored      bigint NOT NULL
  );
  INSERT INTO alike.feedback_count SELECT gallery_uid, count(*) FROM alike.feedback GROUP BY gallery_uid;
  `,
]

/** Key of the migration lock. */
const lockKey = 0x616c696b // 'alik'

/**
 * Runs under a lock, because several processes may start at once.
 * @throws AlikeError `data_unreadable` for tables of a newer version, `store_unreachable`
 */
export async function migrate(postgres: Postgres, logger: MigrationLogger): Promise<void> {
  await alone(postgres, async (sql) => {
    await sql.query('CREATE SCHEMA IF NOT EXISTS alike')
    await sql.query(
      'CREATE TABLE IF NOT EXISTS alike.schema_step (step integer PRIMARY KEY, done_at timestamptz NOT NULL)',
    )
    const done = await stepsDone(sql)
    if (done > steps.length) throw newerTables('alike', done, steps.length)
    await loggedMigration(logger, { store: 'PostgreSQL, alike', from: done, to: steps.length }, async () => {
      for (const [index, step] of steps.entries()) {
        if (index < done) continue
        await sql.query(step)
        await sql.query('INSERT INTO alike.schema_step VALUES ($1, now())', [index + 1])
      }
    })
  })
}

/** Runs exclusively: two processes starting at once would both find no tables. */
export function alone<Result>(postgres: Postgres, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  return postgres.transaction(async (sql) => {
    await sql.query('SELECT pg_advisory_xact_lock($1)', [lockKey])
    return work(sql)
  })
}

export function newerTables(schema: string, done: number, known: number): AlikeError {
  return new AlikeError('data_unreadable', {
    detail: `The tables in PostgreSQL belong to a newer version (${schema}: step ${done}; this version knows ${known}).`,
  })
}

async function stepsDone(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ done: number }>('SELECT coalesce(max(step), 0) AS done FROM alike.schema_step')
  return row!.done
}
