/** The rows of a manifest, from CSV or from NDJSON, one at a time. */
import { Readable } from 'node:stream'
import { setImmediate as others } from 'node:timers/promises'
import { CsvError, parse } from 'csv-parse'
import { AlikeError } from '../../errors.js'
import type { JsonValue } from '../../gallery/records.js'
import { boundedLines } from '../lines.js'
import { checkManifestRow, readManifestLine, type LineLimits, type ManifestLine } from '../line-schemas.js'

export type ManifestFormat = 'csv' | 'ndjson'

export interface ManifestRow {
  /** For people: `row 3`. */
  place: string
  /** @throws AlikeError with what does not fit */
  read(): ManifestLine
}

const lineMaxBytes = 256 * 1024
/** More than the 100 members that metadata may have, with the three of ours. */
const columnsMax = 120
/** The parser reads what it is given in one go, on the main thread; others have their turn after it. */
const pieceBytes = 16 * 1024

export function rowsOf(stream: AsyncIterable<Uint8Array>, format: ManifestFormat, limits: LineLimits): AsyncGenerator<ManifestRow> {
  return format === 'csv' ? csvRows(stream, limits) : ndjsonRows(stream, limits)
}

async function* ndjsonRows(stream: AsyncIterable<Uint8Array>, limits: LineLimits): AsyncGenerator<ManifestRow> {
  let number = 0
  for await (const line of boundedLines(stream, lineMaxBytes)) {
    number += 1
    yield {
      place: `line ${number}`,
      read() {
        if (line === undefined) throw new AlikeError('line_invalid', { detail: `It is longer than ${lineMaxBytes} bytes.` })
        return readManifestLine(line, limits)
      },
    }
  }
}

/** `filename,label,id` in any order; every further column is a member of the metadata. */
async function* csvRows(stream: AsyncIterable<Uint8Array>, limits: LineLimits): AsyncGenerator<ManifestRow> {
  const input = Readable.from(piecesOf(stream))
  const parser = parse({ columns: columnsOf, bom: true, trim: true, skip_empty_lines: true, info: true, max_record_size: lineMaxBytes })
  input.on('error', (error) => parser.destroy(error))
  try {
    for await (const row of input.pipe(parser)) {
      const { record, info } = row as { record: Record<string, string>; info: { lines: number } }
      yield { place: `row ${info.lines}`, read: () => lineOfRecord(record, limits) }
    }
  } catch (error) {
    const misfit = error instanceof CsvError ? new AlikeError('line_invalid', { detail: `It is no CSV with a header: ${error.message}`, cause: error }) : error
    if (!(misfit instanceof AlikeError) || misfit.code !== 'line_invalid') throw error
    yield { place: 'as a whole', read: () => { throw misfit } }
  } finally {
    input.destroy()
  }
}

/** Each row would become an object of as many members. */
function columnsOf(header: string[]): string[] {
  if (header.length > columnsMax) throw new AlikeError('line_invalid', { detail: `Its header has more than ${columnsMax} columns.` })
  return header
}

async function* piecesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      yield chunk.subarray(at, at + pieceBytes)
      await others()
    }
  }
}

function lineOfRecord(record: Record<string, string>, limits: LineLimits): ManifestLine {
  const { filename, file = filename, label, id, ...rest } = record
  delete rest.filename
  if (file === undefined) throw new AlikeError('line_invalid', { detail: 'It has no column "filename".' })
  const columns = Object.entries(rest).filter(([name, cell]) => name !== '' && cell !== '')
  return checkManifestRow({
    file,
    ...(id !== undefined && id !== '' && { id }),
    // an empty cell says that there is none; without the column the folder says it
    ...(label !== undefined && { label: label === '' ? null : label }),
    ...(Object.keys(rest).length > 0 && { metadata: Object.fromEntries(columns.map(([name, cell]) => [name, valueOf(cell)])) }),
  }, limits)
}

/** What reads as a number and is written as one is a number, so that filters can compare it; `007` stays text. */
function valueOf(cell: string): JsonValue {
  const number = Number(cell)
  return Number.isFinite(number) && String(number) === cell ? number : cell
}
