/** Patterns of what callers write most, and what they mean to someone who does not read regular expressions. */
import { fieldPattern } from '../../gallery/field-values.js'
import { demandsOfIds } from '../../ingest/names.js'
import { demandOfReference, referencePattern } from '../../remote/referenced-images.js'

export const galleryPattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
/** With `*`, several galleries. */
export const galleriesPattern = '^[A-Za-z0-9*][A-Za-z0-9._*-]{0,63}$'
/** Spaces can be matched in one way only: in two, a field full of them takes minutes. */
export const regionPattern = '^\\s*-?\\d+(\\.\\d+)?(\\s*,\\s*-?\\d+(\\.\\d+)?){3}(\\s*px)?\\s*$'

/** To follow the name of what does not match. */
export const demandsOfPatterns: Readonly<Record<string, string>> = {
  [galleryPattern]: 'must be 1 to 64 letters (a to z), digits, dots, hyphens and underscores, a letter or digit first',
  [regionPattern]: 'must be x,y,width,height: fractions such as 0.25,0.1,0.5,0.5, or pixels such as 120,40,300,300px',
  [galleriesPattern]: 'must be the name of a gallery, or a pattern such as archive-*',
  [fieldPattern.source]: 'must be label, or metadata. and names joined by dots, such as metadata.year',
  [referencePattern]: demandOfReference,
  ...demandsOfIds,
}
