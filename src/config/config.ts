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

/** As shown in docs/configuration.md. */
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
 * A setting's environment variable is its name in upper case: `uploadMaxBytes` is `UPLOAD_MAX_BYTES`. Names include
 * units; users read the description.
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

/** The part of a setting's JSON Schema that we use. */
export type SettingSchema = TSchema & {
  type?: string
  default: string | number | boolean
  description: string
  minimum?: number
  maximum?: number
  enum?: readonly string[]
  /** Describes what the pattern of a string accepts. */
  accepts?: string
  /** Its value is not reported when it is refused. */
  isSecret?: boolean
}

export const settingsOf = (of: object) => Object.entries(of as Readonly<Record<string, SettingSchema>>)

export function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}
