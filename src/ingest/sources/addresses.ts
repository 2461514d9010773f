/** Addresses of pictures, one per line (`text/uri-list`, RFC 2483); each is fetched when its turn comes. */
import { shownReference, unsignedQuery } from '../../remote/signed-addresses.js'
import { misfitOfText, textOfUtf8 } from '../../text.js'
import { invalidLine } from '../line-schemas.js'
import { misfitOfNewId, newIdPattern, shownName } from '../names.js'
import type { Source, SourceDescription, SourceItem } from '../source.js'
import { openLines } from './lines.js'

const addressMaxLength = 2_048
const idFits = new RegExp(newIdPattern)

export function openAddresses(file: string, { label }: SourceDescription): Promise<Source> {
  return openLines(file, {
    lineMaxBytes: 4 * addressMaxLength,
    itemOf: (line, index, number) => itemOf(line, { index, number }, label),
  })
}

function itemOf(
  line: Buffer | undefined,
  { index, number }: { index: number; number: number },
  label: string | undefined,
): SourceItem {
  const text = line && textOfUtf8(line)?.trim()
  // appears in reports: a query may be a secret
  const name = text === undefined ? `line ${number}` : shownName(shownReference(text).reference)
  if (text === undefined || text.length > addressMaxLength)
    return { index, name, error: invalidLine(`It is not UTF-8, or longer than ${addressMaxLength} characters.`) }
  if (text.startsWith('#')) return { index, name, skipped: true }
  if (!URL.canParse(text)) return { index, name, error: invalidLine('It is no address.') }
  const id = idOfAddress(new URL(text))
  if ((misfitOfNewId(id) ?? misfitOfText(id)) !== undefined || !idFits.test(id))
    return { index, name, error: invalidLine('Its host and path can be no id; NDJSON can give it another one.') }
  return { index, name, id, label, url: text }
}

/**
 * `https://images.example.com/2024/a%20b.jpg?size=2` → `images.example.com/2024/a b.jpg?size=2`. Excludes a signature:
 * ids are visible, and the same picture gets a new signature each time.
 */
function idOfAddress({ host, pathname, search }: URL): string {
  return `${host}${decoded(pathname)}${decoded(unsignedQuery(search))}`
}

/** Unchanged if its escapes are not UTF-8. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
