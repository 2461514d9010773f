/** A CSV `filename,label[,split][,duplicate_group]` with pictures as files or in tar archives. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { AlikeError } from '../errors.js'
import { imageName } from './folders.js'
import { type ImageSource, type LabelledImage, splitNamed, splits } from './labelled-image.js'
import { readTar } from './tar.js'

const Row = Type.Object({
  filename: Type.String({ minLength: 1 }),
  label: Type.String({ minLength: 1 }),
  split: Type.Optional(Type.String()),
  duplicate_group: Type.Optional(Type.String()),
})
type Row = Static<typeof Row>

export async function readCsv(csv: string, folder: string): Promise<LabelledImage[]> {
  const rows = parseRows(await readFile(csv))
  expectDistinct(rows)
  expectAllOrNoneSplit(rows)
  const sources = await readSources(folder)
  const otherForms = inOtherForms(sources)
  return rows.map(({ filename, label, split, duplicate_group }) => {
    const source = sources.get(filename) ?? otherForms.get(composed(filename))
    if (source === undefined)
      throw new AlikeError('dataset_unusable', {
        detail: `There is no picture "${filename}" next to the file of labels.`,
      })
    if (source === 'several')
      throw new AlikeError('dataset_unusable', { detail: `Several pictures are called "${filename}".` })
    // an empty group cell means a picture without copies
    return {
      id: filename,
      label,
      group: duplicate_group || filename,
      source,
      ...(split && { split: splitNamed(split)! }),
    }
  })
}

/** A picture listed twice could be trained on and tested with. */
function expectDistinct(rows: readonly Row[]): void {
  const seen = new Set<string>()
  for (const { filename } of rows) {
    if (seen.has(composed(filename)))
      throw new AlikeError('dataset_unusable', { detail: `The picture "${filename}" is in the file of labels twice.` })
    seen.add(composed(filename))
  }
}

/** macOS writes the letter ä of a name as a and a mark, most other systems as one character. */
const composed = (name: string): string => name.normalize('NFC')

/** Otherwise a split would be drawn for all of them, and the given one discarded. */
function expectAllOrNoneSplit(rows: readonly Row[]): void {
  const without = rows.find(({ split }) => !split)
  if (without === undefined || !rows.some(({ split }) => split)) return
  throw new AlikeError('dataset_unusable', {
    detail: `The picture "${without.filename}" has no split in the file of labels, although others have one.`,
  })
}

function parseRows(text: Buffer): Row[] {
  let rows: unknown[]
  try {
    rows = parse(text, {
      columns: expectColumns,
      record_delimiter: ['\r\n', '\n', '\r'], // the parser would expect the end of the first line after all others
      bom: true,
      trim: true,
      skip_empty_lines: true,
    }) as unknown[]
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('dataset_unusable', {
      detail: `The file of labels is not a CSV: ${(cause as Error).message}.`,
      cause,
    })
  }
  return rows.map((row, index) => {
    const fault = faultOf(row)
    if (fault !== undefined)
      throw new AlikeError('dataset_unusable', { detail: `Row ${index + 2} of the labels ${fault}.` })
    return expectDecoded(withPlainName(row as Row))
  })
}

function faultOf(row: unknown): string | undefined {
  if (!Value.Check(Row, row)) return 'needs filename and label'
  if (!row.split || splitNamed(row.split) !== undefined) return undefined
  return `has the split "${row.split}", which is none of ${splits.join(', ')}`
}

/** `./a.jpg`, as some tools list files, is `a.jpg`. */
const withPlainName = (row: Row): Row => ({ ...row, filename: row.filename.replace(/^(\.\/+)+/, '') })

/** Of two columns of one name the parser would take the last one. */
function expectColumns(names: string[]): string[] {
  if (!names.includes('filename') || !names.includes('label')) {
    const found = names.map((name) => `"${name}"`).join(', ')
    const detail = `The file of labels has the columns ${found}; it needs filename and label, separated by commas.`
    throw new AlikeError('dataset_unusable', { detail })
  }
  const twice = names.find((name, at) => name !== '' && names.indexOf(name) < at)
  if (twice === undefined) return names
  throw new AlikeError('dataset_unusable', { detail: `The file of labels has the column "${twice}" twice.` })
}

/** The parser replaces what is not UTF-8 by U+FFFD, which would make one label of two. */
function expectDecoded(row: Row): Row {
  if (!`${row.filename}${row.label}`.includes('\ufffd')) return row
  throw new AlikeError('dataset_unusable', { detail: 'The file of labels is not UTF-8.' })
}

/**
 * File name → bytes: tar archives in the folder are read into memory, loose pictures stay on disk. `several` is a name
 * that does not say which picture is meant.
 */
async function readSources(folder: string): Promise<Map<string, ImageSource | 'several'>> {
  const sources = new Map<string, ImageSource | 'several'>()
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (/\.tar(\.gz)?$/.test(name)) {
      for (const [entry, bytes] of await readTar(join(folder, name))) {
        const before = sources.get(entry)
        const isOther = typeof before === 'object' && 'bytes' in before && Buffer.compare(before.bytes, bytes) !== 0
        sources.set(entry, isOther || before === 'several' ? 'several' : { bytes })
      }
    } else if (imageName.test(name)) sources.set(name, { path: join(folder, name) })
  }
  return sources
}

/** By their names in NFC, for names that the labels have in another form than the files. */
function inOtherForms(sources: ReadonlyMap<string, ImageSource | 'several'>): Map<string, ImageSource | 'several'> {
  const forms = new Map<string, ImageSource | 'several'>()
  for (const [name, source] of sources) forms.set(composed(name), forms.has(composed(name)) ? 'several' : source)
  return forms
}
