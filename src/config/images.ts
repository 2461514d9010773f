/** Settings: receiving, decoding and displaying pictures. */
import { Type } from 'typebox'

export const imageSettings = {
  uploadMaxBytes: Type.Integer({
    default: 20 * 2 ** 20,
    minimum: 1024,
    maximum: 2 ** 30,
    description: 'Maximum size of a picture file.',
  }),
  imageMaxPixels: Type.Integer({
    default: 100_000_000,
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'Maximum width × height of a picture, checked before decoding.',
  }),
  thumbnailMaxSidePixels: Type.Integer({
    default: 192,
    minimum: 0,
    maximum: 1024,
    description: 'Longer side of stored thumbnails; 0: no thumbnails, which makes ingestion faster.',
  }),
  decoderProcesses: Type.String({
    default: 'auto',
    pattern: '^(auto|[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-6])$',
    accepts: 'auto, or 0 to 256',
    description:
      'Number of decoder processes; 0: pictures are decoded in the service itself; `auto`: one per core if there are more than four cores, otherwise 0.',
  }),
  decodeConcurrency: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Pictures decoded concurrently; 0: two per decoder process, or without them one per core.',
  }),
  decodeMemoryMaxBytes: Type.Integer({
    default: 640 * 2 ** 20,
    minimum: 32 * 2 ** 20,
    maximum: 2 ** 50,
    description:
      'Memory for all pictures being decoded, as estimated from their headers; a picture that alone needs more is refused, others wait.',
  }),
  urlAllowedHosts: Type.String({
    default: '',
    description:
      'Hosts from which pictures may be fetched by URL, separated by commas: `images.example.com`, `*.example.com` (subdomains), `example.com:8443`, `192.168.1.0/24`; private addresses are only allowed within a listed network, a single one as `10.0.0.7/32`; none: pictures by URL are refused.',
  }),
  urlMaxPerSecond: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 10_000,
    description: 'Maximum pictures fetched by URL per second, over all hosts; 0: unlimited.',
  }),
  urlTimeoutMs: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Time to fetch a picture by URL.',
  }),
}
