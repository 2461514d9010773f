/** Lines of an NDJSON upload: pictures to store, to change and to remove, in order. */
import { AlikeError } from '../../errors.js'
import { bytesOfBase64 } from '../../image/base64.js'
import { changeOf, readIngestLine } from '../line-schemas.js'
import { shownName } from '../names.js'
import { imageTooLarge } from '../read-bounded.js'
import type { Source, SourceDescription, SourceItem, SourceLimits } from '../source.js'
import { openLines } from './lines.js'

/** Room for the rest of a line beside the picture. */
const besideBytes = 128 * 1024

export function openNdjson(file: string, description: SourceDescription, limits: SourceLimits): Promise<Source> {
  return openLines(file, {
    lineMaxBytes: Math.ceil(limits.uploadMaxBytes / 3) * 4 + besideBytes,
    itemOf: (line, index, number) => itemOf(line, { index, number }, description, limits),
  })
}

function itemOf(
  line: Buffer | undefined,
  { index, number }: { index: number; number: number },
  description: SourceDescription,
  limits: SourceLimits,
): SourceItem {
  const { uploadMaxBytes } = limits
  let name = `line ${number}`
  try {
    if (line === undefined) throw imageTooLarge(uploadMaxBytes)
    const read = readIngestLine(line, limits)
    if ('delete' in read) {
      name = shownName(read.delete.id)
      if (description.mayNotDelete) throw mayNotDelete()
      return { index, name, remove: read.delete.id }
    }
    if ('patch' in read) {
      const { id, ...edit } = read.patch
      return { index, name: shownName(id), patch: id, change: changeOf(edit, limits) }
    }
    const { id, label, metadata = {}, reference, image, url } = read.add
    name = shownName(id)
    const labelled = label === undefined ? (description.label ?? null) : label
    const picture = { index, name, id, label: labelled, metadata, reference }
    if (image !== undefined && url === undefined) return { ...picture, bytes: bytesOf(image, uploadMaxBytes) }
    if (url !== undefined && image === undefined) return { ...picture, url }
    throw new AlikeError('line_invalid', { detail: 'It needs either "image" or "url".' })
  } catch (error) {
    if (error instanceof AlikeError) return { index, name, error }
    throw error
  }
}

function mayNotDelete(): AlikeError {
  return new AlikeError('forbidden', { detail: 'Whoever sent the upload may not delete.' })
}

function bytesOf(image: string, maxBytes: number): Buffer {
  const bytes = bytesOfBase64(image, maxBytes)
  if (bytes === undefined) throw new AlikeError('line_invalid', { detail: 'add.image is not base64.' })
  return bytes
}
