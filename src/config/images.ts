/** Settings: how pictures come, are decoded and shown. */
import { Type } from 'typebox'

export const imageSettings = {
  uploadMaxBytes: Type.Integer({
    default: 20 * 2 ** 20,
    minimum: 1024,
    maximum: 2 ** 30,
    description: 'Largest picture file.',
  }),
  imageMaxPixels: Type.Integer({
    default: 100_000_000,
    minimum: 1,
    maximum: 1_000_000_000,
    description: 'Largest width × height of a picture, checked before it is decoded.',
  }),
  thumbnailMaxSidePixels: Type.Integer({
    default: 192,
    minimum: 0,
    maximum: 1024,
    description: 'Longer side of stored thumbnails; 0 stores none, which makes ingestion faster.',
  }),
  decoderProcesses: Type.String({
    default: 'auto',
    pattern: '^(auto|[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-6])$',
    accepts: 'auto, or 0 to 256',
    description:
      'Processes in which pictures are decoded; 0: in the service itself; `auto`: one for each core where there are more than four, else 0.',
  }),
  decodeConcurrency: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Pictures decoded at once; 0: two for each decoder process, without them one for each core.',
  }),
  decodeMemoryMaxBytes: Type.Integer({
    default: 640 * 2 ** 20,
    minimum: 32 * 2 ** 20,
    maximum: 2 ** 50,
    description:
      'Memory that pictures being decoded may take together, as estimated from their headers; one that alone would take more is refused, others wait.',
  }),
  urlAllowedHosts: Type.String({
    default: '',
    description:
      'Hosts from which pictures may be fetched by URL, separated by commas: `images.example.com`, `*.example.com` (names below it), `example.com:8443`, `192.168.1.0/24`; an address that is not public is only reached inside a network of the list, a single one as `10.0.0.7/32`; none: pictures by URL are refused.',
  }),
  urlMaxPerSecond: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 10_000,
    description: 'Pictures that are fetched by URL in a second, all hosts together; 0: as many as come.',
  }),
  urlTimeoutMs: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Time in which a picture has to come from its URL.',
  }),
}
