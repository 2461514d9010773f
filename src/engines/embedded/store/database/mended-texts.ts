/**
 * Repairs ids and labels that older versions accepted. An unpaired surrogate is stored as three bytes that are not UTF-8
 * and read back as something else: the bytes reveal the original text, and its checksum proves it. A NUL in a label does
 * not fit the schema of answers.
 */
import { isUtf8 } from 'node:buffer'
import { cutText } from '../../../../text.js'
import { checksumOfImage, type ImageRow } from '../images/image-row.js'
import type { Database } from './database.js'

interface Texts {
  key: number
  idBytes: Buffer
  labelBytes: Buffer | null
}

/**
 * A step of the schema: replaces each unpaired surrogate and each NUL with U+FFFD. Where two ids would collide, the later
 * ones are numbered.
 */
export function mendTexts(database: Database): void {
  const read = database.prepare<[number], ImageRow & { checksum: number }>('SELECT * FROM image WHERE key = ?')
  const isTaken = database
    .prepare<[number, string, number], number>('SELECT 1 FROM image WHERE gallery = ? AND id = ? AND key <> ?')
    .pluck()
  const write = database.prepare<[string, string | null, number, number]>(
    'UPDATE image SET id = ?, label = ?, checksum = ? WHERE key = ?',
  )

  for (const { key, idBytes, labelBytes } of textsToMend(database)) {
    const { checksum, ...row } = read.get(key)!
    const meant = { ...row, id: textMeant(idBytes), label: labelBytes && textMeant(labelBytes) }
    const mended = {
      ...row,
      id: freeId(cutText(meant.id, Infinity), (id) => isTaken.get(row.gallery, id, key) !== undefined),
      label: meant.label && cutText(meant.label, Infinity),
    }
    // Rows damaged in other ways stay reported as damaged, under an id that can be requested.
    const isUndamaged = checksumOfImage(meant) === checksum
    write.run(mended.id, mended.label, isUndamaged ? checksumOfImage(mended) : checksum, key)
  }
}

/** Few, while every Korean text has the byte that is searched for: rows are read one after the other. */
function textsToMend(database: Database): Texts[] {
  // ED is the first byte of every encoded surrogate; ids never had a NUL.
  const suspects = database.prepare<[], Texts>(
    `SELECT key, CAST(id AS BLOB) AS idBytes, CAST(label AS BLOB) AS labelBytes FROM image
     WHERE instr(CAST(id AS BLOB), x'ED') > 0 OR instr(CAST(label AS BLOB), x'ED') > 0
        OR instr(CAST(label AS BLOB), x'00') > 0
     ORDER BY key`,
  )
  const found: Texts[] = []
  for (const texts of suspects.iterate()) if (!isWhole(texts)) found.push(texts)
  return found
}

function isWhole({ idBytes, labelBytes }: Texts): boolean {
  return isUtf8(idBytes) && (labelBytes === null || (isUtf8(labelBytes) && !labelBytes.includes(0)))
}

/** Decodes UTF-8 in which unpaired surrogates are encoded like characters. */
function textMeant(bytes: Buffer): string {
  let text = ''
  let from = 0
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 1)) {
    if ((bytes[at + 1] ?? 0) < 0xa0) continue
    text +=
      bytes.toString('utf8', from, at) +
      String.fromCharCode(0xd000 | ((bytes[at + 1]! & 0x3f) << 6) | ((bytes[at + 2] ?? 0) & 0x3f))
    from = at + 3
  }
  return text + bytes.toString('utf8', from)
}

function freeId(id: string, isTaken: (id: string) => boolean): string {
  let free = id
  for (let number = 2; isTaken(free); number++) free = `${id} (${number})`
  return free
}
