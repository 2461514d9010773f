/** Settings: the engine beside the process. */
import { Type } from 'typebox'

export const weaviateSettings = {
  weaviateUrl: Type.String({
    default: '',
    pattern: '^$|^https?://[^\\s/@]+(/[^\\s]*)?$',
    accepts: 'a URL such as http://weaviate:8080, without credentials',
    description:
      'REST address of a Weaviate server for galleries beyond one machine (docs/scale-out.md); none: there is none.',
  }),
  weaviateGrpc: Type.String({
    default: '',
    pattern: '^$|^[^\\s/]+:\\d+$',
    accepts: 'host:port',
    description: 'Its gRPC address, encrypted where `WEAVIATE_URL` is; none: port 50051 of the same host.',
  }),
  weaviateApiKey: Type.String({ default: '', description: 'API key for it; none: it takes anonymous calls.' }),
  weaviateConsistency: Type.Enum(['one', 'quorum', 'all'], {
    default: 'quorum',
    description:
      'Replicas that acknowledge a write, and answer a read by id; docs/scale-out.md says what each promises.',
  }),
  weaviateTimeoutMs: Type.Integer({
    default: 20_000,
    minimum: 100,
    maximum: 600_000,
    description: 'A call to it that takes longer is given up.',
  }),
  weaviateShards: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 256,
    description: 'Parts of a new gallery in Weaviate that does not say otherwise.',
  }),
  weaviateReplicas: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 16,
    description: 'Copies of each part of a new gallery in Weaviate that does not say otherwise.',
  }),
  weaviateQuantisation: Type.Enum(['none', 'rq8'], {
    default: 'rq8',
    description:
      'Vectors in the index of a new gallery in Weaviate: whole, or eight bits a number, a quarter of the memory; scores are computed from whole ones.',
  }),
}
