/**
 * The catalogue of everything that can go wrong by design: a stable code, a message, a cause.
 * No HTTP here; `http/status.ts` maps codes to statuses in one table.
 */

/** code → its meaning, in one sentence fit for a caller. */
export const catalogue = {
  // pictures
  image_empty: 'The picture is empty.',
  image_unreadable: 'This is not a complete picture in a supported format.',
  image_format_unsupported: 'This picture format is not supported.',
  image_too_many_pixels: 'The picture has more pixels than allowed.',
  image_too_much_memory: 'Decoding the picture would take more memory than allowed.',
  image_ended_decoder: 'The decoder crashed on this picture.',
  image_ended_process: 'The process crashed repeatedly while working on this picture.',
  image_too_large: 'The picture exceeds the maximum size.',
  image_missing: 'The request contains no picture.',
  filter_invalid: 'The filter is malformed.',
  region_invalid: 'The region is not inside the picture.',
  // galleries and stored pictures
  gallery_not_found: 'There is no such gallery.',
  gallery_lost: 'The engine has lost the data of this gallery; restore it there, or delete the gallery.',
  gallery_newer: 'A newer version of Alike has stored the gallery.',
  gallery_elsewhere: 'The gallery is in the data folder of another process, and is served only there.',
  gallery_without_worker: 'Only a process that runs no jobs (ROLE=serve) can reach the gallery.',
  gallery_exists: 'A gallery of this name exists with different settings.',
  galleries_full: 'The maximum number of galleries is reached.',
  gallery_full: 'The gallery holds the maximum number of pictures.',
  feedback_full: 'The gallery holds the maximum number of judgements.',
  layout_missing: 'This gallery has no layout yet; request one.',
  decisions_full: 'The gallery holds the maximum number of decisions.',
  decision_not_found: 'There is no such decision.',
  too_many_galleries: 'More galleries match than can be searched at once.',
  gallery_too_large: 'The gallery has too many pictures to analyse.',
  precondition_failed: 'The stored state does not meet If-Match or If-None-Match; nothing has changed.',
  metadata_too_large: 'Merged with what is stored, the metadata would exceed the maximum size.',
  image_damaged: 'The stored picture is damaged; store it again, or delete it.',
  original_not_kept: 'The original of this picture is not kept.',
  original_unreadable: 'The store of originals no longer returns the original of this picture.',
  original_changed: 'The picture at the reference has changed.',
  reference_invalid: 'The reference is malformed.',
  image_reference_missing: 'The gallery stores references instead of originals, and this picture has no reference.',
  range_not_satisfiable: 'The range is outside the file.',
  image_not_found: 'There is no such picture in this gallery.',
  model_not_found: 'There is no such model.',
  model_mismatch: 'These embeddings are of another model, or of one that is not installed.',
  model_exists: 'Another model has this name.',
  model_in_use: 'The model is in use.',
  models_full: 'There is no memory for another model.',
  set_not_found: 'The gallery has no embedding set of this model.',
  set_exists: 'The gallery already has this embedding set, or the maximum number of sets.',
  set_in_use: 'The embedding set is serving the gallery.',
  set_not_ready: 'The embedding set is not complete yet.',
  move_same_engine: 'The gallery is already in this engine.',
  move_under_way: 'The gallery is already being moved.',
  move_differs: 'The copy of the gallery differs from the gallery; nothing has changed.',
  gate_not_passed: 'The embedding set did not pass the quality gate.',
  serving_changed: 'The gallery has switched to another model; repeat the request, or begin the list again.',
  originals_missing: 'Some pictures cannot be embedded again: their originals were not kept, or cannot be read.',
  model_card_missing: 'The model card has no such part.',
  explain_unsupported: 'The model cannot explain its scores by region.',
  model_not_calibrated: 'The served model is not calibrated, so its scores have no probabilities.',
  dimension_mismatch: 'The vector does not have the dimension of this model.',
  // requests
  answer_too_large: 'The answer would exceed the maximum size; ask for less at once.',
  page_expired: 'The page token has expired, or was not issued to this caller for this gallery; search again.',
  request_invalid: 'The request does not match its schema.',
  body_incomplete: 'The body ended early.',
  body_too_large: 'The body exceeds the maximum size.',
  headers_too_large: 'The URL and headers exceed the maximum size.',
  request_timeout: 'The request did not arrive in the time allowed.',
  upload_too_slow: 'The upload was too slow.',
  expectation_failed: 'The header Expect may only be 100-continue.',
  media_type_unsupported: 'This content type is not supported here.',
  route_not_found: 'There is no such route.',
  method_not_allowed: 'This route does not support this method.',
  // load and life cycle
  overloaded: 'The service is at capacity; try again later.',
  shutting_down: 'The service is stopping; try another instance.',
  not_ready: 'The service is still starting.',
  storage_full: 'The disk is full; reads continue, writes are refused.',
  store_unreachable: 'The shared store of galleries and jobs is unavailable; try again later.',
  store_outcome_unknown:
    'The shared store of galleries and jobs failed during a write; whether it was completed is unknown.',
  engine_unreachable: 'The engine that holds the gallery is unavailable; try again later.',
  engine_not_found: 'There is no such engine.',
  engine_unsupported: 'The engine that holds the gallery does not support this.',
  // jobs and archives
  job_not_found: 'There is no such job.',
  job_queue_full: 'Too many jobs are waiting; try again later.',
  idempotency_key_reused: 'This Idempotency-Key was used for a different upload.',
  job_finished: 'The job has ended and cannot be changed.',
  job_taken_over: 'Another process has taken over the job.',
  job_result_missing: 'The job has no result.',
  job_items_failed: 'Every item of the job failed; its error report says why.',
  job_interrupted: 'The process ended while the job was running.',
  archive_unreadable: 'The archive is damaged or of an unknown type.',
  archive_path_invalid: 'The archive has an entry with an invalid path.',
  archive_trailing_bytes: 'Trailing bytes after the end of the archive were ignored.',
  source_without_pictures: 'The upload, or what is below the prefix in the bucket, contains no pictures.',
  id_repeated: 'The upload had an earlier picture with this id; the later one is kept.',
  name_unreadable: 'The file name is not in the expected encoding.',
  manifest_invalid: 'The manifest of the archive is invalid; nothing was ingested.',
  manifest_file_missing: 'The manifest names a file that is not in the archive.',
  line_invalid: 'The line is invalid.',
  source_not_allowed: 'Reading pictures from this source is not allowed.',
  source_unreadable: 'The picture or its source cannot be read.',
  source_unreachable: 'The store that holds the pictures has been unavailable for too long.',
  job_listeners_full: 'Too many callers are following jobs; poll the job instead.',
  // snapshots of the data
  snapshot_not_found: 'There is no such snapshot.',
  snapshot_not_ready: 'The snapshot is still being written.',
  snapshot_under_way: 'Another snapshot is being written.',
  snapshots_full: 'The data folder holds the maximum number of snapshots.',
  snapshot_damaged: 'The snapshot is damaged.',
  restore_refused: 'Nothing was restored.',
  // pictures by URL
  webhook_disabled: 'Webhooks are disabled: no hosts are allowed, or no secret is set.',
  url_disabled: 'Pictures by URL are disabled: URL_ALLOWED_HOSTS lists no hosts.',
  url_not_allowed: 'This URL may not be fetched.',
  url_unreachable: 'The URL did not return a picture.',
  // start
  config_invalid: 'The configuration is invalid.',
  model_unreadable: 'The model folder cannot be used.',
  golden_mismatch: 'The model gives different results here than where it was exported.',
  cuda_unavailable: 'CUDA is required but cannot be used.',
  data_unreadable: 'The data folder cannot be used.',
  split_differs: 'The split of the data differs from the one that a network was trained with.',
  engine_version_refused: 'This version of the vector server may lose data.',
  engine_setting_refused: 'The vector server is configured to acknowledge writes before searches find them.',
  weights_unreadable: 'These weights cannot be used.',
  // training
  dataset_unusable: 'The dataset cannot be used.',
  run_exists: 'A run or network with this name already exists.',
  folder_unwritable: 'A folder that the run writes to cannot be used.',
  run_not_found: 'There is no such run, or it has no weights yet.',
  run_differs: 'The run was started with other settings or data.',
  run_unreadable: 'A checkpoint of the run cannot be read.',
  training_diverged: 'The training diverged; lower learning rates help.',
  backend_unavailable: 'The compute backend cannot be used here.',
  // export of a trained network
  export_layer_unsupported: 'The network has a layer that cannot be exported to ONNX.',
  export_parity_failed: 'The exported network does not match the trained one; nothing was written.',
  import_unsupported: 'The ONNX file cannot be imported.',
  precision_gate_failed: 'A smaller precision of the model is not good enough.',
  // callers
  unauthenticated: 'A valid API key or token is required, as a bearer token or in X-API-Key.',
  key_expired: 'The API key or token has expired.',
  forbidden: 'This API key or token does not allow that.',
  gallery_forbidden: 'This API key or token does not cover this gallery.',
  origin_not_allowed: 'Pages of this origin may not call a service without keys; CORS_ORIGINS lists those that may.',
  identity_unreachable: 'The keys of the token issuer cannot be fetched; try again later.',
  rate_limited: 'Too many requests in the last minute.',
  // commands that talk to a service
  service_refused: 'The service refused the request.',
  internal: 'Something went wrong on the server.',
} as const

export type ErrorCode = keyof typeof catalogue

export interface AlikeErrorOptions {
  /** Details, in one sentence, safe to show to a caller: no paths, keys or vectors. */
  detail?: string | undefined
  cause?: unknown
  /** Seconds after which retrying makes sense; only for refusals under load, ours or another host's. */
  retryAfterSeconds?: number
}

/** The only error type that crosses a module border. */
export class AlikeError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, options: AlikeErrorOptions = {}) {
    super(options.detail === undefined ? catalogue[code] : `${catalogue[code]} ${options.detail}`, {
      cause: options.cause,
    })
    this.name = 'AlikeError'
    this.code = code
    this.detail = options.detail
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** Whether it is an AlikeError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is AlikeError {
  return error instanceof AlikeError && codes.includes(error.code)
}

/** For `catch`: resolves to undefined on an AlikeError with one of these codes. @throws everything else */
export function ignoring(...codes: readonly ErrorCode[]): (error: unknown) => undefined {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error
  }
}
