/** The change of a stored picture that a request asks for. */
import type { Config } from '../config/config.js'
import type { ImageChange } from '../gallery/records.js'
import { changeOf, type ImageEdit } from '../ingest/line-schemas.js'
import { misfitOfLabel } from '../ingest/names.js'
import { expectStorable } from './json-body.js'
import { invalidIn } from './validation.js'

/** @throws RequestInvalid */
export function storableChange(edit: ImageEdit, config: Config): ImageChange {
  const misfit = misfitOfLabel(edit.label)
  if (misfit !== undefined) throw invalidIn('body')('label', misfit)
  for (const name of ['metadata', 'mergeMetadata'] as const)
    if (edit[name] !== undefined)
      expectStorable(edit[name], config.metadataMaxBytes, { in: 'body', pointer: `/${name}` })
  if (edit.metadata !== undefined && edit.mergeMetadata !== undefined)
    throw invalidIn('body')('mergeMetadata', 'excludes metadata')
  return changeOf(edit, config)
}
