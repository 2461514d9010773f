/**
 * The catalogue of everything that can go wrong by design: a stable code, a message, a cause.
 * No HTTP here; `http/plugins/problem.ts` maps codes to statuses in one table.
 */

/** code → what it means, in one sentence fit for a caller. */
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
  gallery_lost: 'What the gallery holds is gone from its engine; restore it there, or delete the gallery.',
  gallery_exists: 'A gallery of this name exists with different settings.',
  galleries_full: 'The maximum number of galleries is reached.',
  gallery_full: 'The gallery holds the maximum number of pictures.',
  feedback_full: 'The gallery holds the maximum number of judgements.',
  layout_missing: 'This gallery has no layout yet; ask for one.',
  decisions_full: 'The gallery holds the maximum number of decisions.',
  decision_not_found: 'There is no such decision.',
  too_many_galleries: 'More galleries fit than are searched at once.',
  gallery_too_large: 'The gallery has too many pictures to analyse.',
  image_damaged: 'The stored picture is damaged; store it again, or remove it.',
  original_not_kept: 'The picture is not kept as it came.',
  original_changed: 'The picture has changed where its owner has it.',
  image_reference_missing: 'The gallery stores where pictures lie, and nothing says it of this one.',
  range_not_satisfiable: 'The range lies beyond the picture.',
  image_not_found: 'There is no such picture in this gallery.',
  model_not_found: 'There is no such model.',
  model_mismatch: 'These embeddings come from different models and cannot be compared.',
  model_exists: 'Another model has this name.',
  model_in_use: 'The model is in use.',
  models_full: 'There is no room in memory for another model.',
  set_not_found: 'The gallery has no embedding set of this model.',
  set_exists: 'The gallery has such an embedding set already, or the most it may have.',
  set_in_use: 'The embedding set serves the gallery.',
  set_not_ready: 'The embedding set is not complete yet.',
  move_same_engine: 'The gallery lives in this engine already.',
  move_under_way: 'The gallery is being moved already.',
  move_differs: 'The copy of the gallery is not the same as the gallery; nothing has changed.',
  gate_not_passed: 'The embedding set has not been found good enough to serve.',
  serving_changed: 'Another model has begun to serve the gallery; send the request again.',
  originals_missing: 'Pictures cannot be embedded again, because their originals were not kept.',
  model_card_missing: 'The served model has no such part of a model card.',
  explain_unsupported: 'The served model cannot explain its scores by place.',
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
  // load and life
  overloaded: 'The service is at capacity; try again later.',
  shutting_down: 'The service is stopping; try another instance.',
  not_ready: 'The service is still starting.',
  storage_full: 'The disk is full; reads continue, writes are refused.',
  store_unreachable: 'The shared store of galleries and jobs does not answer; try again later.',
  store_outcome_unknown:
    'The shared store of galleries and jobs broke off while it was written to; whether it was is not known.',
  engine_unreachable: 'The engine that the gallery lives in does not answer; try again later.',
  engine_not_found: 'There is no such engine.',
  engine_unsupported: 'The engine that the gallery lives in cannot do this.',
  // jobs and archives
  job_not_found: 'There is no such job.',
  job_queue_full: 'Too many jobs are waiting; try again later.',
  idempotency_key_reused: 'This Idempotency-Key was used for a different upload.',
  job_finished: 'The job has ended and cannot be changed.',
  job_taken_over: 'Another process has taken the job over.',
  job_result_missing: 'The job has no result.',
  job_items_failed: 'Every item of the job failed; its error report says why.',
  job_interrupted: 'The process ended while the job was running.',
  archive_unreadable: 'The archive is damaged or of an unknown type.',
  archive_path_invalid: 'The archive has an entry with an invalid path.',
  archive_trailing_bytes: 'Trailing bytes after the end of the archive were ignored.',
  id_repeated: 'The upload had an earlier picture with this id; the later one is kept.',
  name_unreadable: 'The file name is not in the expected encoding.',
  manifest_invalid: 'The manifest of the archive is invalid; nothing was ingested.',
  manifest_file_missing: 'The manifest names a file that is not in the archive.',
  line_invalid: 'The line is not valid.',
  source_not_allowed: 'Pictures may not be read from there.',
  source_unreadable: 'The picture or the place it lies in cannot be read.',
  source_unreachable: 'The store of the pictures has not answered for too long.',
  job_listeners_full: 'Too many callers are following jobs; poll the job instead.',
  // snapshots of the data
  snapshot_not_found: 'There is no such snapshot.',
  snapshot_not_ready: 'The snapshot is still being written.',
  snapshot_under_way: 'Another snapshot is being written.',
  snapshots_full: 'The data folder holds the maximum number of snapshots.',
  snapshot_damaged: 'The snapshot is damaged.',
  restore_refused: 'Nothing was restored.',
  // pictures by URL
  webhook_disabled: 'Webhooks are disabled: no hosts are allowed, or there is no secret.',
  url_disabled: 'Pictures by URL are disabled: no hosts are allowed.',
  url_not_allowed: 'This URL may not be fetched.',
  url_unreachable: 'The URL did not return a picture.',
  // start
  config_invalid: 'The configuration is invalid.',
  model_unreadable: 'The model folder cannot be used.',
  golden_mismatch: 'The model gives different results here than where it was exported.',
  cuda_unavailable: 'CUDA is required but cannot be used.',
  data_unreadable: 'The data folder cannot be used.',
  engine_version_refused: 'The version of the vector server is not safe to store pictures in.',
  engine_setting_refused: 'The vector server is set up so that what it acknowledges may not be found.',
  weights_unreadable: 'The starting weights cannot be used.',
  // training
  run_exists: 'A run or network with this name already exists.',
  // export of a trained network
  export_layer_unsupported: 'The network has a layer that cannot be exported to ONNX.',
  export_parity_failed: 'The exported network does not match the trained one; nothing was written.',
  precision_gate_failed: 'A smaller precision of the model is not good enough; nothing was written.',
  // callers
  unauthenticated: 'A valid API key or token is required, as a bearer token or in X-API-Key.',
  key_expired: 'The API key or token has expired.',
  forbidden: 'This API key or token does not allow that.',
  gallery_forbidden: 'This API key or token is for other galleries.',
  identity_unreachable: 'The issuer of tokens cannot be asked for its keys; try again later.',
  rate_limited: 'Too many requests in the last minute.',
  // commands that talk to a service
  service_refused: 'The service refused the request.',
  internal: 'Something went wrong on the server.',
} as const

export type ErrorCode = keyof typeof catalogue

export interface AlikeErrorOptions {
  /** What exactly, in one sentence, safe to show to a caller: no paths, keys or vectors. */
  detail?: string
  cause?: unknown
  /** Seconds after which trying again makes sense; only for refusals under load, ours or another host's. */
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
