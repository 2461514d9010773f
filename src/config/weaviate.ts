/** Settings: the external engine. */
import { Type } from 'typebox'

export const weaviateSettings = {
  weaviateUrl: Type.String({
    default: '',
    pattern: '^$|^https?://[^\\s/@]+(/[^\\s]*)?$',
    accepts: 'a URL such as http://weaviate:8080, without credentials',
    description:
      'URL of a Weaviate server for galleries beyond one machine (docs/scale-out.md); none: no such galleries.',
  }),
  weaviateGrpc: Type.String({
    default: '',
    pattern: '^$|^[^\\s/]+:\\d+$',
    accepts: 'host:port',
    description:
      'gRPC address of that server, encrypted if `WEAVIATE_URL` is https; none: port 50051 of the same host.',
  }),
  weaviateApiKey: Type.String({ default: '', description: 'API key for Weaviate; none: it accepts anonymous calls.' }),
  weaviateConsistency: Type.Enum(['one', 'quorum', 'all'], {
    default: 'quorum',
    description:
      'Replicas that must acknowledge a write and answer a list or a read by id; docs/scale-out.md describes the guarantees.',
  }),
  weaviateTimeoutMs: Type.Integer({
    default: 20_000,
    minimum: 100,
    maximum: 600_000,
    description: 'Maximum duration of a call to Weaviate, including its repetitions at other nodes.',
  }),
  weaviateShards: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 256,
    description: 'Default number of shards of new galleries in Weaviate.',
  }),
  weaviateReplicas: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 16,
    description: 'Default number of replicas of each shard of new galleries in Weaviate.',
  }),
  weaviateQuantisation: Type.Enum(['none', 'rq8'], {
    default: 'rq8',
    description:
      'Vectors in the index of new galleries in Weaviate: full precision, or eight bits per number, a quarter of the memory; scores are always computed from full vectors.',
  }),
}
