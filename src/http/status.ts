/** The one table from error code to HTTP status. */
import type { ErrorCode } from '../errors.js'

const table = {
  image_empty: 422,
  image_unreadable: 422,
  image_format_unsupported: 415,
  image_too_many_pixels: 422,
  image_too_much_memory: 422,
  image_ended_decoder: 422,
  image_ended_process: 422,
  image_too_large: 413,
  image_missing: 400,
  filter_invalid: 400,
  region_invalid: 422,
  gallery_not_found: 404,
  gallery_exists: 409,
  galleries_full: 409,
  gallery_full: 409,
  feedback_full: 409,
  decisions_full: 409,
  decision_not_found: 404,
  gallery_too_large: 409,
  image_damaged: 409,
  image_not_found: 404,
  model_not_found: 404,
  model_mismatch: 409,
  model_exists: 409,
  model_in_use: 409,
  model_card_missing: 404,
  model_unreadable: 422,
  golden_mismatch: 422,
  explain_unsupported: 409,
  model_not_calibrated: 409,
  dimension_mismatch: 422,
  unauthenticated: 401,
  key_expired: 401,
  forbidden: 403,
  gallery_forbidden: 403,
  identity_unreachable: 503,
  rate_limited: 429,
  answer_too_large: 422,
  page_expired: 410,
  request_invalid: 400,
  body_incomplete: 400,
  body_too_large: 413,
  headers_too_large: 431,
  request_timeout: 408,
  upload_too_slow: 408,
  media_type_unsupported: 415,
  expectation_failed: 417,
  route_not_found: 404,
  method_not_allowed: 405,
  overloaded: 429,
  shutting_down: 503,
  not_ready: 503,
  storage_full: 507,
  job_not_found: 404,
  job_queue_full: 429,
  idempotency_key_reused: 422,
  job_finished: 409,
  job_result_missing: 404,
  archive_unreadable: 422,
  archive_path_invalid: 422,
  id_repeated: 422,
  name_unreadable: 422,
  manifest_invalid: 422,
  manifest_file_missing: 422,
  line_invalid: 422,
  job_listeners_full: 429,
  snapshot_not_found: 404,
  snapshot_under_way: 409,
  snapshot_not_ready: 409,
  snapshots_full: 409,
  snapshot_damaged: 409,
  webhook_disabled: 422,
  url_disabled: 422,
  url_not_allowed: 422,
  url_unreachable: 422,
  internal: 500,
} as const satisfies Partial<Record<ErrorCode, number>>

/** Codes a caller can meet. */
export type PublicCode = keyof typeof table
export const publicCodes = Object.keys(table) as PublicCode[]

export function isPublic(code: ErrorCode): code is PublicCode {
  return code in table
}

/** Codes that are not in the table belong to starting or training; met in a request they are a defect. */
export function statusOf(code: ErrorCode): number {
  return (table as Partial<Record<ErrorCode, number>>)[code] ?? 500
}
