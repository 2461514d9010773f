/** Settings: what requests and answers may take. */
import { Type } from 'typebox'

export const requestSettings = {
  requestsMax: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 10_000,
    description: 'Requests that carry or need a picture, at work at once; one more is refused with 429.',
  }),
  connectionsMax: Type.Integer({
    default: 4_096,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Connections open at once; one more is closed at once.',
  }),
  bodyMemoryMaxBytes: Type.Integer({
    default: 192 * 2 ** 20,
    minimum: 2 ** 20,
    maximum: 2 ** 50,
    description:
      'Memory that bodies of requests, and pictures fetched for them, may take together: twice their bytes, four times as JSON; what does not fit is refused with 429.',
  }),
  bodyTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description: 'Time in which the body of a request (not of an upload to a job) has to arrive.',
  }),
  answerMaxBytes: Type.Integer({
    default: 16 * 2 ** 20,
    minimum: 16 * 2 ** 20,
    maximum: 2 ** 30,
    description: 'Largest answer; what would be larger is refused.',
  }),
  answersMaxBytes: Type.Integer({
    default: 64 * 2 ** 20,
    minimum: 16 * 2 ** 20,
    maximum: 2 ** 40,
    description: 'Bytes of answers that are made and not yet taken by their callers; the next is refused with 429.',
  }),
  answerTimeoutMs: Type.Integer({
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000,
    description:
      'Time in which a caller has to take an answer, besides the time that its bytes need at the slowest pace.',
  }),
  answerMinBytesPerSecond: Type.Integer({
    default: 64 * 1024,
    minimum: 1024,
    maximum: 2 ** 30,
    description: 'Slowest pace at which a caller may take an answer.',
  }),
  metadataMaxBytes: Type.Integer({
    default: 16 * 1024,
    minimum: 256,
    maximum: 64 * 1024,
    description: 'Largest metadata of a picture, and largest settings of a gallery, as JSON.',
  }),
  searchMaxK: Type.Integer({
    default: 10_000,
    minimum: 1,
    maximum: 100_000,
    description:
      'Largest `k`, and largest `offset + k`, of a search; so many hits it looks at to fill groups or to replace near-copies.',
  }),
  pageRankingsMax: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Rankings kept for their next pages; the one used longest ago makes room, and its token has expired.',
  }),
  pageRankingsMaxBytes: Type.Integer({
    default: 64 * 2 ** 20,
    minimum: 1024,
    maximum: 2 ** 40,
    description: 'Memory of them, roughly.',
  }),
  pageExpirySeconds: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 86_400,
    description: 'Time after a page in which its next page may be asked for by token.',
  }),
  explainQueueMax: Type.Integer({
    default: 16,
    minimum: 1,
    maximum: 1_000,
    description:
      'Pictures that may wait to be looked at place by place (one is at a time); one more is refused with 429.',
  }),
  explainIdleSeconds: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 86_400,
    description:
      'Time after the last explanation for which the model that makes them stays in memory, beside the one that serves.',
  }),
}
