/** Every setting of the service, by subject: schema, default, unit, description. */
import { type Static, type TSchema, Type } from 'typebox'
import { accessSettings } from './access.js'
import { gallerySettings } from './galleries.js'
import { imageSettings } from './images.js'
import { jobSettings } from './jobs.js'
import { modelChangeSettings } from './model-change.js'
import { modelSettings } from './models.js'
import { originalsSettings } from './originals.js'
import { requestSettings } from './requests.js'
import { serverSettings } from './server.js'
import { sourceSettings } from './sources.js'
import { telemetrySettings } from './telemetry.js'
import { weaviateSettings } from './weaviate.js'

/** As docs/configuration.md shows them. */
export const subjects = {
  Server: serverSettings,
  Access: accessSettings,
  'Requests and answers': requestSettings,
  Pictures: imageSettings,
  Models: modelSettings,
  'Change of model': modelChangeSettings,
  'Galleries and their data': gallerySettings,
  Weaviate: weaviateSettings,
  Originals: originalsSettings,
  Jobs: jobSettings,
  'Buckets and watched folders': sourceSettings,
  'Metrics and traces': telemetrySettings,
}

/**
 * The environment variable of a setting is its name in capitals: `uploadMaxBytes` is `UPLOAD_MAX_BYTES`.
 * Units are in the names; the description is what a user reads.
 */
export const Settings = Type.Object(
  {
    ...serverSettings,
    ...accessSettings,
    ...requestSettings,
    ...imageSettings,
    ...modelSettings,
    ...modelChangeSettings,
    ...gallerySettings,
    ...weaviateSettings,
    ...originalsSettings,
    ...jobSettings,
    ...sourceSettings,
    ...telemetrySettings,
  },
  { additionalProperties: false },
)
export type Config = Readonly<Static<typeof Settings>>

/** What is used of the JSON Schema of one setting. */
export type SettingSchema = TSchema & {
  type?: string
  default: string | number | boolean
  description: string
  minimum?: number
  maximum?: number
  enum?: readonly string[]
  /** What the pattern of a text asks for, in words. */
  accepts?: string
}

export const settingsOf = (of: object) => Object.entries(of as Readonly<Record<string, SettingSchema>>)

export function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}
