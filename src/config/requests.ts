/** Settings: limits of requests and responses. */
import { Type } from 'typebox'

export const requestSettings = {
  requestsMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'Maximum concurrent requests that contain or need a picture; further requests get 429.',
  }),
  connectionsMax: Type.Integer({
    default: 4_096,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Maximum open connections, the last quarter for addresses that have none yet; further ones are closed immediately.',
  }),
  bodyMemoryMaxBytes: Type.Integer({
    default: 192 * 2 ** 20,
    minimum: 2 ** 20,
    maximum: 2 ** 50,
    description:
      'Memory for all request bodies and pictures fetched for requests: twice their size, four times for JSON; requests that do not fit get 429.',
  }),
  bodyTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description: 'Time for the body of a request to arrive (except uploads to jobs and of models).',
  }),
  answerMaxBytes: Type.Integer({
    default: 16 * 2 ** 20,
    minimum: 16 * 2 ** 20,
    maximum: 2 ** 30,
    description: 'Maximum size of an answer; larger ones are refused.',
  }),
  answersMaxBytes: Type.Integer({
    default: 64 * 2 ** 20,
    minimum: 16 * 2 ** 20,
    maximum: 2 ** 40,
    description:
      'Maximum size of all answers not yet read by their callers, at least `ANSWER_MAX_BYTES`; further requests get 429.',
  }),
  answerTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'Time for a caller to read an answer, in addition to the time its bytes take at `ANSWER_MIN_BYTES_PER_SECOND`.',
  }),
  answerMinBytesPerSecond: Type.Integer({
    default: 64 * 1024,
    minimum: 1024,
    maximum: 2 ** 30,
    description: 'Minimum rate at which a caller must read an answer.',
  }),
  metadataMaxBytes: Type.Integer({
    default: 16 * 1024,
    minimum: 256,
    maximum: 64 * 1024,
    description: 'Maximum size of a picture’s metadata, and of a gallery’s settings, as JSON.',
  }),
  searchMaxK: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 100_000,
    description:
      'Maximum `k` and `offset + k` of a search; also the maximum number of hits examined to fill groups or replace near-copies.',
  }),
  pageRankingsMax: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Maximum number of rankings kept for further pages; the least recently used one is dropped, and its token expires.',
  }),
  pageRankingsMaxBytes: Type.Integer({
    default: 64 * 2 ** 20,
    minimum: 1024,
    maximum: 2 ** 40,
    description: 'Approximate maximum memory of these rankings.',
  }),
  pageExpirySeconds: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 86_400,
    description: 'Time after a page during which the next page can be requested by token.',
  }),
  explainQueueMax: Type.Integer({
    default: 16,
    minimum: 2,
    maximum: 1_000,
    description:
      'Maximum number of pictures being explained or waiting for it, two for each explanation; further requests get 429.',
  }),
  explainIdleSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 86_400,
    description: 'Time after the last explanation for which the model with its map output stays in memory.',
  }),
}
