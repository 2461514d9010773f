/** Why a network cannot be imported. */
import { AlikeError } from '../../../errors.js'

export const unsupported = (detail: string, cause?: unknown): AlikeError =>
  new AlikeError('import_unsupported', { detail, cause })

/** @param detail what could not be done; the cause says why */
export const unsupportedFor = (detail: string, cause: unknown): AlikeError =>
  unsupported(`${detail}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)

/** What remains if a folder states preprocessing that cannot be used. */
export const withOptions = 'Import the ONNX file with options instead, at least --mean and --std.'
