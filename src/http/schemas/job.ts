/** Jobs as callers see them. */
import { type Static, Type } from 'typebox'
import { jobKinds, jobStates } from '../../jobs/job.js'
import type { JobReport } from '../../jobs/jobs.js'
import { named, reference } from './named.js'
import { GalleryName, limit } from './parameters.js'

const Nullable = <Schema extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Number>>(
  schema: Schema,
  description: string,
) => Type.Union([schema, Type.Null()], { description })

export const Job = named(
  'Job',
  Type.Object(
    {
      id: Type.String(),
      kind: Type.Enum([...jobKinds], {
        type: 'string',
        description:
          '`ingest` stores pictures; `re-embedding` and `move` build another embedding set of a gallery; the others analyse a gallery, and have a result.',
      }),
      gallery: GalleryName,
      state: Type.Enum([...jobStates], {
        type: 'string',
        description:
          '`queued` and `running` jobs can be cancelled and survive a restart. `succeeded`: nothing failed; `completed_with_errors`: some pictures failed, the others are stored; `failed`: every picture (`failure.code` is `job_items_failed`), or the job as a whole.',
      }),
      total: Nullable(
        Type.Number(),
        'Pictures in the upload, including lines that change or remove one; null until known (a tar is counted when its job starts; with a manifest, at the end). For other kinds: pictures to process; one processed twice counts twice.',
      ),
      done: Type.Integer({
        description:
          'Pictures that are done: added + updated + removed + skipped + failed; for other kinds, processed.',
      }),
      added: Type.Integer(),
      updated: Type.Integer({
        description: 'The id existed with a different picture, label or metadata, or was changed by a `patch` line.',
      }),
      removed: Type.Integer({ description: 'Deleted by `delete` lines of an NDJSON upload.' }),
      skipped: Type.Integer({
        description:
          'Nothing to do: the id existed with the same picture, label and metadata, or was to be deleted and did not exist, or the file is one of those that are ignored.',
      }),
      failed: Type.Integer({ description: 'Listed by `GET /v1/jobs/{job}/errors`.' }),
      replaced: Type.Integer({
        description:
          'Of the pictures above: those that replaced an earlier one with the same id from the same upload. Each has a line `id_repeated` in `GET /v1/jobs/{job}/errors`.',
      }),
      namesAssumed: Type.Integer({
        description:
          'Of the pictures above: those whose names in a zip are not UTF-8 and have no stated encoding; they were decoded as code page 437, as the format specifies. If the ids look wrong, set `nameEncoding`.',
      }),
      share: Type.Number({
        description: 'Share of the upload that has been read, or of the known work that is done, 0 to 1.',
      }),
      picturesPerSecond: Nullable(Type.Number(), 'Since the job (re)started; null until its first picture is done.'),
      secondsLeft: Nullable(Type.Number(), 'At this pace; null when unknown.'),
      failure: Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()], {
        description:
          'Why the job failed; `job_interrupted` while it is being retried, `storage_full` while it waits for room on a disk.',
      }),
      priority: Type.Integer({ description: 'Waiting jobs with a higher priority start first.' }),
      paused: Type.Boolean({ description: 'It waits until it is resumed.' }),
      createdAt: Type.String(),
      startedAt: Nullable(Type.String(), 'null while it waits.'),
      finishedAt: Nullable(Type.String(), 'null until it ended.'),
    },
    {
      description: 'Work on a gallery in the background: a bulk upload, an analysis, a change of its model, a move.',
      examples: [
        {
          id: '0b7c2f0e-2f57-4b43-9a4f-6a1a3d1f6a10',
          kind: 'ingest',
          gallery: 'holidays',
          state: 'running',
          total: 1841,
          done: 620,
          added: 617,
          updated: 0,
          removed: 0,
          skipped: 0,
          failed: 3,
          replaced: 0,
          namesAssumed: 0,
          share: 0.337,
          picturesPerSecond: 96.4,
          secondsLeft: 12.7,
          failure: null,
          priority: 0,
          paused: false,
          createdAt: '2026-03-01T09:30:00.000Z',
          startedAt: '2026-03-01T09:30:00.120Z',
          finishedAt: null,
        },
      ],
    },
  ),
)

export const JobPath = Type.Object({ job: Type.String({ minLength: 1, maxLength: 100, description: 'Id of a job.' }) })

export const JobListParameters = Type.Object(
  {
    gallery: Type.Optional(GalleryName),
    kind: Type.Optional(
      Type.Array(Type.Enum([...jobKinds], { type: 'string' }), {
        maxItems: jobKinds.length,
        description: 'Only jobs of one of these kinds.',
      }),
    ),
    state: Type.Optional(
      Type.Array(Type.Enum([...jobStates], { type: 'string' }), {
        maxItems: jobStates.length,
        description: 'Only jobs in one of these states.',
      }),
    ),
    limit: limit(50, 1000),
  },
  { additionalProperties: false },
)
export const JobList = Type.Object({ jobs: Type.Array(reference(Job), { description: 'Newest first.' }) })

export const JobWishes = {
  priority: Type.Optional(
    Type.Integer({
      minimum: -100,
      maximum: 100,
      description: 'Waiting jobs with a higher priority start first. Default 0.',
    }),
  ),
  webhook: Type.Optional(
    Type.String({
      maxLength: 2048,
      description:
        'URL that is notified of the end of the job by a signed POST, if the service allows its host (`WEBHOOK_ALLOWED_HOSTS`).',
    }),
  ),
}
/** Options of the job itself, not of its work. */
export const JobWishParameters = Type.Object(JobWishes, { additionalProperties: false })

export const JobSteering = Type.Object(
  {
    priority: JobWishes.priority,
    paused: Type.Optional(
      Type.Boolean({
        description:
          'true: the job is paused, or not started, while others run; false: it resumes after what it has stored.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1, examples: [{ paused: true }] },
)

/** One line of the error report. */
export const JobErrorLine = Type.Object(
  {
    item: Type.Integer({ description: 'Index of the picture in the upload, from 0.' }),
    name: Type.String({
      description: 'Its name in the upload, or `line 7`, counting every line of the upload.',
    }),
    code: Type.String({
      description:
        '`id_repeated` marks a picture that was stored in place of an earlier one; `archive_trailing_bytes` marks bytes after the end of a gzip, ignored and counted as skipped; `source_without_pictures` marks an upload, or a prefix of a bucket, without any picture, counted as skipped; `source_unreadable` may also mark a file of a watched folder that had changed or was gone when its turn came, which is counted as skipped and tried again. All others are failures.',
    }),
    detail: Type.String(),
  },
  {
    examples: [
      {
        item: 17,
        name: 'cycling/broken.jpg',
        code: 'image_unreadable',
        detail: 'This is not a complete picture in a supported format.',
      },
    ],
  },
)

export function jobView({ job, pace }: JobReport): Static<typeof Job> {
  return {
    id: job.id,
    kind: job.kind,
    gallery: job.gallery,
    state: job.state,
    total: job.total,
    done: job.done,
    added: job.added,
    updated: job.updated,
    removed: job.removed,
    skipped: job.skipped,
    failed: job.failed,
    replaced: job.replaced,
    namesAssumed: job.namesAssumed,
    ...pace,
    failure: job.failure,
    priority: job.priority,
    paused: job.paused,
    createdAt: job.createdAt,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
  }
}
