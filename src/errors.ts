/**
 * The catalogue of everything that can go wrong by design: a stable code, a message, a cause.
 * No HTTP here; `http/plugins/problem.ts` maps codes to statuses in one table.
 */

/** code → what it means, in one sentence fit for a caller. */
export const catalogue = {
  // pictures
  image_empty: 'The picture has zero bytes.',
  image_unreadable: 'The bytes are not a complete picture in a supported format.',
  image_format_unsupported: 'This picture format is not accepted.',
  image_too_many_pixels: 'The picture has more pixels than allowed.',
  image_too_much_memory: 'Decoding the picture would take more memory than allowed.',
  image_ended_decoder: 'The decoder ended while it was at work on this picture.',
  image_ended_process: 'The process ended each time while it was at work on this picture.',
  image_too_large: 'The picture has more bytes than allowed.',
  image_missing: 'The request carries no picture.',
  filter_invalid: 'The filter is not one.',
  region_invalid: 'The region does not lie inside the picture.',
  // galleries and stored pictures
  gallery_not_found: 'There is no such gallery.',
  gallery_exists: 'A gallery of this name exists with other settings.',
  galleries_full: 'There are as many galleries as allowed.',
  gallery_full: 'The gallery holds as many pictures as allowed.',
  feedback_full: 'The gallery holds as many judgements as allowed.',
  layout_missing: 'This gallery has no layout yet; ask for one.',
  decisions_full: 'The gallery holds as many decisions as allowed.',
  decision_not_found: 'There is no such decision.',
  too_many_galleries: 'More galleries fit than are searched at once.',
  gallery_too_large: 'The gallery holds more pictures than are analysed at once.',
  image_damaged: 'What is stored of this picture can not be read; store the picture again, or remove it.',
  original_not_kept: 'The picture is not kept as it came.',
  range_not_satisfiable: 'The range lies beyond the picture.',
  image_not_found: 'There is no such picture in this gallery.',
  model_not_found: 'There is no such model here.',
  model_mismatch: 'These embeddings were made by different models and are never compared.',
  model_exists: 'Another model has this name.',
  model_in_use: 'The model is in use.',
  model_card_missing: 'The served model has no such part of a model card.',
  explain_unsupported: 'The served model does not tell what each place of a picture adds.',
  model_not_calibrated: 'The served model was not calibrated: it has no probability for a score.',
  dimension_mismatch: 'The vector does not have the dimension of this model.',
  // requests
  answer_too_large: 'The answer would have more bytes than allowed; ask for less at once.',
  page_expired: 'The page token has expired, or is none that this caller was given for this gallery; search again.',
  request_invalid: 'The request does not fit its schema.',
  body_incomplete: 'The body ended before it was complete.',
  body_too_large: 'The body has more bytes than allowed.',
  headers_too_large: 'The address and headers have more bytes than allowed.',
  request_timeout: 'The request did not arrive in the time allowed.',
  upload_too_slow: 'The upload came more slowly than is waited for.',
  expectation_failed: 'What the header Expect asks for is not known here; only 100-continue is.',
  media_type_unsupported: 'This content type is not accepted here.',
  route_not_found: 'There is no such route.',
  method_not_allowed: 'This route does not know this method.',
  // load and life
  overloaded: 'The service is at its capacity; try again later.',
  shutting_down: 'The service is stopping; try another instance.',
  not_ready: 'The service is still starting.',
  storage_full: 'The data folder has no room; reads go on, writes are refused.',
  // jobs and archives
  job_not_found: 'There is no such job.',
  job_queue_full: 'Too many jobs wait already; try again later.',
  idempotency_key_reused: 'This Idempotency-Key belongs to a job with another upload.',
  job_finished: 'The job has ended and can not be changed.',
  job_result_missing: 'The job has no result.',
  job_items_failed: 'Not one item of the job could be taken in; its error report says why.',
  job_interrupted: 'The process ended while the job ran.',
  archive_unreadable: 'The archive is damaged or of an unknown kind.',
  archive_path_invalid: 'The archive has an entry whose path leaves the archive.',
  id_repeated: 'The upload has had a picture of this id before; the later one stays.',
  name_unreadable: 'The name of the file is not in the encoding that it should be in.',
  manifest_invalid: 'The manifest of the archive can not be used; nothing was taken in.',
  manifest_file_missing: 'The manifest names a file that the archive does not hold.',
  line_invalid: 'The line is not one of the accepted kinds.',
  job_listeners_full: 'Too many callers follow jobs already; ask for the job instead.',
  // snapshots of the data
  snapshot_not_found: 'There is no such snapshot.',
  snapshot_not_ready: 'The snapshot is still being written.',
  snapshot_under_way: 'A snapshot is being written already.',
  snapshots_full: 'The data folder holds as many snapshots as allowed.',
  snapshot_damaged: 'The snapshot is damaged.',
  restore_refused: 'Nothing was restored.',
  // pictures by URL
  webhook_disabled: 'Webhooks are not accepted here: no hosts are allowed, or there is no secret.',
  url_disabled: 'Pictures by URL are not accepted here: no hosts are allowed.',
  url_not_allowed: 'This URL may not be fetched.',
  url_unreachable: 'The URL did not give a picture.',
  // start
  config_invalid: 'The configuration is invalid.',
  model_unreadable: 'The model folder can not be used.',
  golden_mismatch: 'The model does not compute here what it computed where it was exported.',
  cuda_unavailable: 'CUDA was required but can not be used.',
  data_unreadable: 'The data folder can not be used.',
  weights_unreadable: 'The starting weights can not be used.',
  // training
  run_exists: 'A run or a network of this name exists already.',
  // export of a trained network
  export_layer_unsupported: 'The network has a layer that can not be written as ONNX.',
  export_parity_failed: 'The exported network does not agree with the trained one; nothing was written.',
  precision_gate_failed: 'A smaller precision of the model is not as good as it has to be; nothing was written.',
  // callers
  unauthenticated: 'A valid API key or token is needed, as a bearer token or in X-API-Key.',
  key_expired: 'The API key or token has expired.',
  forbidden: 'This API key or token may not do that.',
  gallery_forbidden: 'This API key or token is for other galleries.',
  identity_unreachable: 'The issuer of tokens can not be asked for its keys; try again later.',
  rate_limited: 'Too many requests in this minute.',
  // commands that talk to a service
  service_refused: 'The service refused the request.',
  internal: 'Something went wrong on our side.',
} as const

export type ErrorCode = keyof typeof catalogue

export interface AlikeErrorOptions {
  /** What exactly, in one sentence, safe to show to a caller: no paths, keys or vectors. */
  detail?: string
  cause?: unknown
  /** Seconds after which trying again makes sense; only for refusals under load. */
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
