/** The rows of a manifest, from CSV or NDJSON, one at a time. */
import { Readable } from 'node:stream'
import { setImmediate as others } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { AlikeError, hasCode } from '../../errors.js'
import type { JsonValue } from '../../gallery/metadata.js'
import { checkManifestRow, type LineLimits, type ManifestLine, readManifestLine } from '../line-schemas.js'
import { boundedLines } from '../lines.js'
import type { SourceDescription } from '../source.js'
import { readCsvText } from './csv-text.js'

export type ManifestFormat = 'csv' | 'ndjson'

export interface ManifestRow {
  /** For people: `row 3`. */
  place: string
  /** @throws AlikeError describing the fault */
  read(): ManifestLine
}

const lineMaxBytes = 256 * 1024
/** More than the members that metadata may have, plus our four. */
const columnsMax = 120

/** Reading a row may fail (`line_invalid`), as may reading it all, which then is a row as well. @throws what the stream throws */
export function rowsOf(
  stream: AsyncIterable<Uint8Array>,
  format: ManifestFormat,
  description: SourceDescription,
  limits: LineLimits,
): AsyncGenerator<ManifestRow> {
  return format === 'csv' ? csvRows(stream, description, limits) : ndjsonRows(stream, limits)
}

async function* ndjsonRows(stream: AsyncIterable<Uint8Array>, limits: LineLimits): AsyncGenerator<ManifestRow> {
  for await (const { line, number } of boundedLines(stream, lineMaxBytes)) {
    yield {
      place: `line ${number}`,
      read() {
        if (line === undefined)
          throw new AlikeError('line_invalid', { detail: `It is longer than ${lineMaxBytes} bytes.` })
        return readManifestLine(line, limits)
      },
    }
  }
}

/** `filename,label,id,reference` in any order; every further column becomes a metadata member. */
async function* csvRows(
  stream: AsyncIterable<Uint8Array>,
  description: SourceDescription,
  limits: LineLimits,
): AsyncGenerator<ManifestRow> {
  let input: Readable | undefined
  try {
    const { delimiter, pieces } = readCsvText(await whole(stream), description)
    input = Readable.from(inTurns(pieces()))
    const parser = parse({
      columns: columnsOf,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'], // the parser would expect the end of the first line after all others
      trim: delimiter !== '\t',
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      info: true,
      max_record_size: lineMaxBytes,
    })
    input.on('error', (error) => parser.destroy(error))
    for await (const row of input.pipe(parser)) {
      const { record, info } = row as { record: Record<string, string>; info: { lines: number } }
      yield { place: `row ${info.lines}`, read: () => lineOfRecord(record, limits) }
    }
  } catch (error) {
    if (!(error instanceof CsvError || hasCode(error, 'line_invalid'))) throw error
    yield {
      place: placeOf(error),
      read: () => {
        throw error instanceof AlikeError
          ? error
          : new AlikeError('line_invalid', { detail: `It is not a CSV: ${error.message}`, cause: error })
      },
    }
  } finally {
    input?.destroy()
  }
}

/** The caller bounds its size, and keeps it as rows anyway. */
async function whole(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function placeOf(error: CsvError | AlikeError): string {
  if (error instanceof HeaderMisfit) return 'header'
  const lines = error instanceof CsvError ? (error as { lines?: unknown }).lines : undefined
  return typeof lines === 'number' ? `row ${lines}` : 'as a whole'
}

class HeaderMisfit extends AlikeError {
  constructor(detail: string) {
    super('line_invalid', { detail })
  }
}

/** Each row becomes an object with one member per column. */
function columnsOf(header: string[]): string[] {
  if (header.length > columnsMax) throw new HeaderMisfit(`It has more than ${columnsMax} columns.`)
  const names = header.map((name) => name.trim())
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) < at)
  if (twice !== undefined) throw new HeaderMisfit(`It has the column ${JSON.stringify(twice.slice(0, 100))} twice.`)
  if (!names.includes('filename') && !names.includes('file')) throw new HeaderMisfit('It has no column "filename".')
  return names
}

/** The parser handles each input synchronously on the main thread, so others get a turn after each piece. */
async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string> {
  for (const piece of pieces) {
    yield piece
    await others()
  }
}

function lineOfRecord(record: Record<string, string>, limits: LineLimits): ManifestLine {
  const { filename, file = filename, label, id, reference, ...rest } = record
  delete rest.filename
  const hasMetadata = Object.keys(rest).length > 0
  const columns = Object.entries(rest).filter(([name, cell]) => name !== '' && cell !== '')
  return checkManifestRow(
    {
      file,
      id: id || undefined,
      reference: reference || undefined,
      // an empty cell means no label; without the column, the folder is the label
      label: label === '' ? null : label,
      metadata: hasMetadata ? Object.fromEntries(columns.map(([name, cell]) => [name, cellValue(cell)])) : undefined,
    },
    limits,
  )
}

/**
 * Numeric cells become numbers, so that filters can compare them: also `10.50`, as in a column of prices. `007`, `+1`
 * and `1e5` are likely identifiers, and numbers that would be rounded stay text.
 */
function cellValue(cell: string): JsonValue {
  const [, , fraction] = /^-?(0|[1-9]\d*)(\.\d+)?$/.exec(cell) ?? [undefined, undefined, null]
  if (fraction === null) return cell
  const isExact =
    fraction === undefined
      ? Number.isSafeInteger(Number(cell))
      : cell.replace(/^-?0*\.?0*|\./g, '').length <= exactDigits
  return isExact ? Number(cell) : cell
}

/** Decimal digits that a number always preserves. */
const exactDigits = 15
