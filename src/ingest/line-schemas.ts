/** Schemas for NDJSON lines: in an upload, and in the manifest of an archive. */
import { type Static, type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { lineBounds, misfitOfStored, readJson, storedBounds, storedMembersMax } from '../bounded-json.js'
import { AlikeError } from '../errors.js'
import type { Metadata } from '../gallery/metadata.js'
import type { ImageChange } from '../gallery/records.js'
import { demandOfReference, referenceMaxLength, referencePattern } from '../remote/referenced-images.js'
import {
  demandsOfIds,
  idMaxLength,
  idPattern,
  labelMaxLength,
  labelPattern,
  misfitOfLabel,
  misfitOfNewId,
  newIdPattern,
} from './names.js'

const Id = Type.String({
  minLength: 1,
  maxLength: idMaxLength,
  pattern: newIdPattern,
  description: 'Your id of the picture; not `.` or `..`, which no URL can refer to.',
})
const StoredId = { ...Id, pattern: idPattern, description: 'Your id of the picture.' }
const Label = Type.Union(
  [Type.String({ minLength: 1, maxLength: labelMaxLength, pattern: labelPattern }), Type.Null()],
  { description: 'The class of the picture: what it shows; null: unlabelled.' },
)
const MetadataOfLine = Type.Unsafe<Metadata>(
  Type.Record(Type.String(), Type.Unknown(), {
    maxProperties: storedMembersMax,
    description: `Any JSON object of yours: at most ${storedMembersMax} members at the top level, ${storedBounds.depthMax} levels, ${storedBounds.valuesMax} values, \`METADATA_MAX_BYTES\`.`,
  }),
)
const Reference = Type.String({
  maxLength: referenceMaxLength,
  pattern: referencePattern,
  description:
    'Where you have the picture: `https://…` on a host of `URL_ALLOWED_HOSTS`, or `s3://bucket/key` in `INGEST_S3_BUCKETS`.',
})
const demandsOfPatterns: Readonly<Record<string, string>> = { ...demandsOfIds, [referencePattern]: demandOfReference }
const strict = { additionalProperties: false }
/** What a PATCH of pictures takes, and a `patch` line. */
const changed = {
  label: Type.Optional(Label),
  metadata: Type.Optional(MetadataOfLine),
  mergeMetadata: Type.Optional(
    Type.Unsafe<Metadata>({
      ...MetadataOfLine,
      description:
        'Merged into the stored metadata (RFC 7396): a member replaces the one of its name, `null` removes it, and an object is merged into an object. Either this or `metadata`.',
    }),
  ),
}
const changedDescription = 'Members that are left out keep their values; `metadata` replaces the whole metadata.'

export const ImageEdit = Type.Object(changed, {
  ...strict,
  minProperties: 1,
  description: changedDescription,
  examples: [{ label: 'running' }, { mergeMetadata: { reviewed: true, draft: null } }],
})
export type ImageEdit = Static<typeof ImageEdit>

/** @param limits on what is stored after it */
export function changeOf(
  { mergeMetadata: members, ...change }: ImageEdit,
  { metadataMaxBytes: maxBytes }: LineLimits,
): ImageChange {
  return members === undefined ? change : { ...change, merge: { members, maxBytes } }
}

export const AddLine = Type.Object(
  {
    add: Type.Object(
      {
        id: Id,
        label: Type.Optional(Label),
        metadata: Type.Optional(MetadataOfLine),
        reference: Type.Optional(Reference),
        image: Type.Optional(
          Type.String({ contentEncoding: 'base64', description: 'The picture file in base64; either this or `url`.' }),
        ),
        url: Type.Optional(
          Type.String({ maxLength: 2_048, description: 'URL of the picture, on a host that the service allows.' }),
        ),
      },
      {
        ...strict,
        description: 'Stores the picture under its id and replaces what was there, as `PUT …/images/{id}` does.',
      },
    ),
  },
  strict,
)
export const PatchLine = Type.Object(
  {
    patch: Type.Object(
      { id: StoredId, ...changed },
      {
        ...strict,
        minProperties: 2,
        description: `Changes label or metadata, as \`PATCH …/images/{id}\` does. ${changedDescription} If there is no such picture, the line fails.`,
      },
    ),
  },
  strict,
)
export const DeleteLine = Type.Object(
  {
    delete: Type.Object(
      { id: StoredId },
      {
        ...strict,
        description:
          'Removes the picture, as `DELETE …/images/{id}` does; counted as skipped where there is none. The line fails (`forbidden`) if the caller’s key or token lacks the verb `delete`.',
      },
    ),
  },
  strict,
)

/** `file` is the path of a file in the same archive, relative to the manifest's folder. */
export const ManifestLine = Type.Object(
  {
    file: Type.String({ minLength: 1, maxLength: idMaxLength }),
    id: Type.Optional(Id),
    label: Type.Optional(Label),
    metadata: Type.Optional(MetadataOfLine),
    reference: Type.Optional(Reference),
  },
  strict,
)
export type ManifestLine = Static<typeof ManifestLine>

const lineKinds = ['add', 'patch', 'delete'] as const
const checks = {
  add: Compile(AddLine),
  patch: Compile(PatchLine),
  delete: Compile(DeleteLine),
  manifest: Compile(ManifestLine),
}

export interface LineLimits {
  /** Maximum size of the metadata in a line, as JSON. Default 16 KiB. */
  metadataMaxBytes?: number | undefined
}

export type IngestLine = Static<typeof AddLine> | Static<typeof PatchLine> | Static<typeof DeleteLine>

/** @throws AlikeError `line_invalid` */
export function readIngestLine(line: Buffer, limits: LineLimits): IngestLine {
  const value = parsedLine(line)
  const kind = lineKinds.find((name) => typeof value === 'object' && value !== null && Object.hasOwn(value, name))
  if (kind === undefined) throw invalidLine('It has none of "add", "patch" and "delete".')
  const read = expectFit(checks[kind], value) as IngestLine
  if ('add' in read) {
    expectText(misfitOfNewId(read.add.id), 'add.id')
    expectText(misfitOfLabel(read.add.label), 'add.label')
    expectStorable(read.add.metadata, 'add.metadata', limits)
  }
  if ('patch' in read) {
    const { label, metadata, mergeMetadata } = read.patch
    expectText(misfitOfLabel(label), 'patch.label')
    expectStorable(metadata, 'patch.metadata', limits)
    expectStorable(mergeMetadata, 'patch.mergeMetadata', limits)
    if (metadata && mergeMetadata) throw invalidLine('patch.mergeMetadata excludes metadata.')
  }
  return read
}

/** @throws AlikeError `line_invalid` */
export function readManifestLine(line: Buffer, limits: LineLimits): ManifestLine {
  return checkManifestRow(parsedLine(line), limits)
}

/** @throws AlikeError `line_invalid` */
export function checkManifestRow(row: unknown, limits: LineLimits): ManifestLine {
  const read = expectFit(checks.manifest, row) as ManifestLine
  if (read.id !== undefined) expectText(misfitOfNewId(read.id), 'id')
  expectText(misfitOfLabel(read.label), 'label')
  expectStorable(read.metadata, 'metadata', limits)
  return read
}

function parsedLine(line: Buffer): unknown {
  const read = readJson(line, lineBounds)
  if ('misfit' in read) throw invalidLine(`It ${read.misfit}.`)
  return read.value
}

function expectText(misfit: string | undefined, place: string): void {
  if (misfit !== undefined) throw invalidLine(`${place} ${misfit}.`)
}

function expectStorable(metadata: Metadata | undefined, place: string, { metadataMaxBytes }: LineLimits): void {
  const misfit = metadata === undefined ? undefined : misfitOfStored(metadata, metadataMaxBytes)
  if (misfit !== undefined) throw invalidLine(`${place} ${misfit}.`)
}

function expectFit(check: ReturnType<typeof Compile<TSchema>>, value: unknown): unknown {
  if (check.Check(value)) return value
  const errors = check.Errors(value)
  const unknown = errors.flatMap(({ keyword, params }) =>
    keyword === 'additionalProperties' ? (params as { additionalProperties: string[] }).additionalProperties : [],
  )
  if (unknown[0] !== undefined) throw invalidLine(`${JSON.stringify(unknown[0].slice(0, 100))} is not known here.`)
  const [first] = errors
  if (first === undefined) throw invalidLine('It does not fit.')
  const { instancePath, keyword, params, message } = first
  const demanded =
    keyword === 'pattern' ? demandsOfPatterns[String((params as { pattern: unknown }).pattern)] : undefined
  throw invalidLine(`${instancePath.slice(1).replaceAll('/', '.') || 'It'} ${demanded ?? message}.`)
}

export function invalidLine(detail: string): AlikeError {
  return new AlikeError('line_invalid', { detail })
}
