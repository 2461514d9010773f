/** Every setting of the service: schema, default, unit, description; read once, checked at once, frozen. */
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { AlikeError } from './errors.js'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Numbers separated by commas, as a pattern. */
const numberList = (number: string, most: number) => `^${number}(?:\\s*,\\s*${number}){0,${most - 1}}$`

/** The numbers of a setting that is a list of them. */
export const numbersOf = (list: string): number[] => list.split(',').map(Number)

/** The entries of a setting that is a list of texts; none of an empty one. */
export const textsOf = (list: string): string[] =>
  list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')

/**
 * The environment variable of a setting is its name in capitals: `uploadMaxBytes` is `UPLOAD_MAX_BYTES`.
 * Units are in the names; the description is what a user reads.
 */
export const Settings = Type.Object(
  {
    host: Type.String({
      default: '127.0.0.1',
      minLength: 1,
      description: 'Address to listen on; 0.0.0.0 for every interface.',
    }),
    port: Type.Integer({
      default: 8080,
      minimum: 0,
      maximum: 65535,
      description: 'Port to listen on; 0 takes a free one.',
    }),
    basePath: Type.String({
      default: '',
      pattern: '^$|^(?!/(v1|docs|livez|readyz|metrics)(/|$))(/[A-Za-z0-9._~-]+)+$',
      form: 'a path such as /alike, without a slash at its end',
      description:
        'Path below which a proxy shows the service: every address that it gives begins with it, and requests are taken with and without it.',
    }),
    trustProxy: Type.String({
      default: '',
      pattern: '^$|^[0-9A-Fa-f.:/]+(\\s*,\\s*[0-9A-Fa-f.:/]+)*$',
      form: 'IP addresses and networks (10.0.0.0/8), separated by commas',
      description:
        'Proxies whose `X-Forwarded-For` says who calls, for rate limits, places of uploads and the audit log; none: the address of the connection does.',
    }),
    corsOrigins: Type.String({
      default: '',
      pattern: '^$|^\\*$|^https?://[^\\s,/]+(\\s*,\\s*https?://[^\\s,/]+)*$',
      form: '`*`, or origins (https://shop.example.com), separated by commas',
      description: 'Origins whose pages may call the service from a browser; none: no other origin.',
    }),
    dataDir: Type.String({
      default: './data',
      minLength: 1,
      description: 'Folder of the database, the graph caches, snapshots of the data, and uploads of running jobs.',
    }),
    postgresUrl: Type.String({
      default: '',
      pattern: '^$|^postgres(ql)?://',
      accepts: 'postgres://user:password@host:port/database',
      description:
        'PostgreSQL for the catalogue of galleries, jobs, judgements, decisions and layouts, so that several processes share them; none: the data folder.',
    }),
    postgresConnectionsMax: Type.Integer({
      default: 10,
      minimum: 2,
      maximum: 1_000,
      description: 'Connections to PostgreSQL at once, one beside them to listen; further statements wait.',
    }),
    role: Type.Enum(['all', 'serve', 'work'], {
      default: 'all',
      description:
        'What the process does: `serve` answers requests and accepts jobs, `work` runs jobs and answers probes and metrics alone; both need `POSTGRES_URL` and a bucket.',
    }),
    jobLeaseSeconds: Type.Integer({
      default: 20,
      minimum: 10,
      maximum: 3_600,
      description: 'With `POSTGRES_URL`: silence of a process after which another one goes on with its jobs.',
    }),
    modelDir: Type.String({
      default: './onnx/har-resnet50',
      minLength: 1,
      description: 'Folder of the model, as the training job writes it.',
    }),
    modelsDir: Type.String({
      default: '',
      description:
        'Folder of further models, a folder each, as `POST /v1/models` and `npm run model` install them; none: `models` in the data folder.',
    }),
    modelsOpenMax: Type.Integer({
      default: 2,
      minimum: 1,
      maximum: 64,
      description: 'Models in memory at once; the one that was used least lately makes room for another.',
    }),
    modelIdleSeconds: Type.Integer({
      default: 600,
      minimum: 1,
      maximum: 2_000_000,
      description: 'A model that nobody used for so long is taken out of memory; that of `MODEL_DIR` stays.',
    }),
    reEmbeddingRateMax: Type.Number({
      default: 0,
      minimum: 0,
      maximum: 100_000,
      description:
        'Pictures that a gallery’s change of model embeds in a second at most; 0: as many as there is room for behind searches.',
    }),
    reEmbeddingJobsMax: Type.Integer({
      default: 16,
      minimum: 1,
      maximum: 10_000,
      description: 'Changes of model that may wait or run; one more is refused with 503.',
    }),
    setKeptDays: Type.Number({
      default: 7,
      minimum: 0,
      maximum: 3650,
      description:
        'Days for which the embedding set that served a gallery is kept up to date for a roll back; then it is removed.',
    }),
    setChangedMax: Type.Integer({
      default: 100_000,
      minimum: 1,
      maximum: 100_000_000,
      description:
        'Changed pictures of a gallery that wait to be brought to its other embedding set; beyond them both sets are compared as a whole.',
    }),
    shadowSearchEvery: Type.Integer({
      default: 20,
      minimum: 0,
      maximum: 1_000_000_000,
      description:
        'Of a gallery with two embedding sets, one search in so many is answered by the other one, too, in the background, for overlap and latency in the metrics; 0: none.',
    }),
    gateQueries: Type.Integer({
      default: 300,
      minimum: 1,
      maximum: 2_000,
      description: 'Stored pictures that are queries when two embedding sets are judged side by side.',
    }),
    gateMapLossMax: Type.Number({
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description: 'How much lower mAP@10 of a set may be, at the worse end of its interval, before it may not serve.',
    }),
    gateRankLossMax: Type.Number({
      default: 0.01,
      minimum: 0,
      maximum: 1,
      description: 'How much higher the normalised mean rank may be, at the worse end of its interval.',
    }),
    gateOverlapMin: Type.Number({
      default: 0.2,
      minimum: 0,
      maximum: 1,
      description: 'Least overlap@10 of the two sets of a gallery without labels, or with a few.',
    }),
    gateCopiesLossMax: Type.Number({
      default: 0.02,
      minimum: 0,
      maximum: 1,
      description: 'By how much the share of near-copies among the ten best hits may be lower.',
    }),
    modelMaxBytes: Type.Integer({
      default: 2 ** 30,
      minimum: 1_000,
      maximum: 2 ** 40,
      description: 'Bytes of a model that is installed, all files together.',
    }),
    originals: Type.Enum(['keep', 'none'], {
      default: 'keep',
      description:
        'Whether pictures are kept as they came, by their content hash; without them a gallery cannot be embedded again by another model.',
    }),
    originalsS3Bucket: Type.String({
      default: '',
      description:
        'Bucket of an S3 store for them, with the credentials that its clients read (`AWS_ACCESS_KEY_ID`, the machine’s role, …); none: `originals` in the data folder.',
    }),
    originalsS3Prefix: Type.String({
      default: 'originals/',
      description: 'What their names in the bucket begin with.',
    }),
    originalsS3Endpoint: Type.String({
      default: '',
      description: 'Address of an S3 store that is not Amazon’s, as `http://minio:9000`.',
    }),
    originalsS3Region: Type.String({ default: 'us-east-1', minLength: 1, description: 'Region of the bucket.' }),
    defaultEngine: Type.String({
      default: '',
      accepts: 'name of an engine',
      description:
        'Engine of new galleries that name none: `embedded`, or `weaviate` where `WEAVIATE_URL` is set; none: `embedded`.',
    }),
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
    logLevel: Type.Enum([...logLevels], { default: 'info', description: 'Least severe lines that are logged.' }),
    shutdownGraceMs: Type.Integer({
      default: 15_000,
      minimum: 100,
      maximum: 600_000,
      description: 'Time that accepted work gets to finish after SIGTERM.',
    }),

    apiKeys: Type.String({
      default: '',
      description:
        'Who may call: lines as `npm run key` prints them, separated by commas; none, and no `JWT_ISSUER`: everyone may.',
    }),
    apiKeysFile: Type.String({
      default: '',
      description: 'File with more of them, one a line; read again when it changes.',
    }),
    jwtIssuer: Type.String({
      default: '',
      pattern: '^$|^https?://\\S+$',
      form: 'an address',
      description:
        'OpenID Connect provider whose tokens are taken as bearer tokens beside API keys, exactly as `iss` has it; none: no tokens.',
    }),
    jwtAudience: Type.String({
      default: '',
      description: 'What has to be in `aud` of a token: one of these, separated by commas. Needed with `JWT_ISSUER`.',
    }),
    jwtJwksUrl: Type.String({
      default: '',
      pattern: '^$|^https?://\\S+$',
      form: 'an address',
      description: 'Where the provider publishes its keys; none: where its discovery document says.',
    }),
    jwtScopeClaim: Type.String({
      default: 'scope',
      minLength: 1,
      description: 'Claim with what a caller may: a list, or words in a text.',
    }),
    jwtScopePrefix: Type.String({
      default: 'alike:',
      description: 'What begins those scopes that count; a role or a verb is behind it: `alike:read`, `alike:search`.',
    }),
    jwtGalleriesClaim: Type.String({
      default: '',
      description: 'Claim with the galleries that a caller is kept to, as names or beginnings with `*`; none: all.',
    }),
    jwtNameClaim: Type.String({
      default: 'sub',
      minLength: 1,
      description: 'Claim that names the caller in the logs; rates are counted by it.',
    }),
    auditLog: Type.String({
      default: '',
      description:
        'Where writes and refused callers are recorded, a line of JSON each: a file, or `log` for the log of the service; none: nowhere.',
    }),
    metricsPort: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 65535,
      description: 'Port of its own for `/metrics`, which is nowhere else then; 0: it is on `PORT`.',
    }),
    metricsGalleriesMax: Type.Integer({
      default: 100,
      minimum: 0,
      maximum: 100_000,
      description:
        'Galleries that have series of their own in the metrics, the largest; the others are told as one sum.',
    }),
    recallSampleEvery: Type.Integer({
      default: 200,
      minimum: 0,
      maximum: 1_000_000_000,
      description:
        'One search by the graph in so many is repeated exactly in the background, for the recall in the metrics; 0: none.',
    }),
    driftQueries: Type.Integer({
      default: 1_000,
      minimum: 20,
      maximum: 1_000_000,
      description:
        'The last queries, so many, are held against as many first ones of the model and against its calibration.',
    }),
    otelExporterOtlpEndpoint: Type.String({
      default: '',
      pattern: '^$|^https?://\\S+$',
      form: 'an address',
      description:
        'OpenTelemetry collector that takes traces as OTLP over HTTP (`/v1/traces` below it); none: no traces.',
    }),
    otelExporterOtlpTracesEndpoint: Type.String({
      default: '',
      pattern: '^$|^https?://\\S+$',
      form: 'an address',
      description: 'The whole address for traces, in place of that.',
    }),
    otelExporterOtlpHeaders: Type.String({
      default: '',
      description: 'Headers for the collector, `name=value`, separated by commas. The exporter reads it by itself.',
    }),
    otelServiceName: Type.String({ default: 'alike', minLength: 1, description: 'Name of this service in traces.' }),
    otelTracesSampler: Type.Enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      { default: 'parentbased_always_on', description: 'Which traces are kept.' },
    ),
    otelTracesSamplerArg: Type.String({
      default: '',
      description: 'Share of them, from 0 to 1, for the samplers by ratio; none: all.',
    }),
    otelSdkDisabled: Type.Boolean({ default: false, description: 'No traces, whatever else is set.' }),
    metricsOpen: Type.Boolean({ default: false, description: 'Let `/metrics` be read without a key.' }),
    consoleEnabled: Type.Boolean({
      default: true,
      description: 'Serve the console, the web page at `/`; the page itself needs no key, what it shows does.',
    }),
    rateLimitPerMinute: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 10_000_000,
      description: 'Requests that a key (without keys: an address) may send in a minute; 0: any number.',
    }),

    provider: Type.Enum(['auto', 'cpu', 'cuda'], {
      default: 'auto',
      description: 'What runs the model; `auto` takes CUDA where it works.',
    }),
    requireCuda: Type.Boolean({ default: false, description: 'Refuse to start rather than fall back to the CPU.' }),
    embedWorkers: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 256,
      description: 'Threads that run the model, on CUDA for each GPU; 0: one for each core, two for each GPU.',
    }),
    batchMaxSize: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 256,
      description: 'Most pictures in one run of the model; 0: 4 on the CPU, the largest of `CUDA_BATCH_SIZES` on CUDA.',
    }),
    cudaDevices: Type.String({
      default: '0',
      pattern: numberList('\\d{1,3}', 16),
      accepts: 'up to 16 numbers of GPUs, separated by commas',
      description:
        'GPUs that run the model, each with its own threads: their numbers among those that `CUDA_VISIBLE_DEVICES` leaves visible.',
    }),
    cudaVisibleDevices: Type.String({
      default: '',
      description:
        'GPUs that the driver shows to this process, by number or id, separated by commas; none: all. The driver reads it by itself.',
    }),
    cudaBatchSizes: Type.String({
      default: '1,4,16,64',
      pattern: numberList('(?:[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-6])', 8),
      accepts: 'up to 8 whole numbers from 1 to 256, separated by commas',
      description:
        'Pictures in one run of the model on CUDA: each size has a session of its own in every thread, a batch is padded to the next one.',
    }),
    cudaMemoryMaxBytes: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 2 ** 50,
      description:
        'Memory of each GPU that the model may take; fewer threads are started where all of them would take more, and CUDA is not used where one would. 0: as much as there is.',
    }),
    embedQueueMax: Type.Integer({
      default: 256,
      minimum: 1,
      maximum: 100_000,
      description: 'Pictures that may wait for the model; one more is refused.',
    }),

    queryViews: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 4,
      description:
        'Views of a query picture whose embeddings are averaged: the usual one, its mirror image, the picture in the other fit, its mirror image. Costs as many runs of the model.',
    }),
    galleryViews: Type.Integer({
      default: 1,
      minimum: 1,
      maximum: 4,
      description: 'The same of a picture that is stored; what is stored already stays as it is.',
    }),

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
    bodyMemoryMaxBytes: Type.Integer({
      default: 192 * 2 ** 20,
      minimum: 2 ** 20,
      maximum: 2 ** 50,
      description:
        'Memory that bodies of requests, and pictures fetched for them, may take together: twice their bytes, four times as JSON; what does not fit is refused with 429.',
    }),
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
    bodyTimeoutMs: Type.Integer({
      default: 30_000,
      minimum: 100,
      maximum: 3_600_000,
      description: 'Time in which the body of a request (not of an upload to a job) has to arrive.',
    }),
    textForm: Type.Enum(['nfc', 'as_is'], {
      default: 'nfc',
      description:
        'Form of ids and labels: `nfc` (what looks alike is one) or `as_is` (as they come, and told apart). To be chosen before the first picture: what is stored stays as it is, and of another form it is not found with `as_is`. Processes that share galleries have the same.',
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
      description:
        'Rankings kept for their next pages; the one used longest ago makes room, and its token has expired.',
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
    thumbnailMaxSidePixels: Type.Integer({
      default: 192,
      minimum: 0,
      maximum: 1024,
      description: 'Longer side of stored thumbnails; 0 stores none, which makes ingestion faster.',
    }),

    ingestMaxBytes: Type.Integer({
      default: 64 * 2 ** 30,
      minimum: 1024,
      maximum: 2 ** 50,
      description: 'Largest upload to a job, and most that it may unpack to.',
    }),
    ingestMaxFiles: Type.Integer({
      default: 1_000_000,
      minimum: 1,
      maximum: 100_000_000,
      description: 'Most files in one upload to a job.',
    }),
    ingestJobsMax: Type.Integer({
      default: 64,
      minimum: 1,
      maximum: 10_000,
      description:
        'Jobs that may wait or run; with so many, a further upload is refused with 429. Those that are being received by then are still taken.',
    }),
    uploadsMax: Type.Integer({
      default: 128,
      minimum: 1,
      maximum: 10_000,
      description: 'Uploads to jobs received at once; one more is refused with 429, unless another one lags.',
    }),
    uploadsPerCallerMax: Type.Integer({
      default: 64,
      minimum: 1,
      maximum: 10_000,
      description: 'The same for one key, or without keys one address.',
    }),
    uploadMinBytesPerSecond: Type.Integer({
      default: 1_024,
      minimum: 0,
      maximum: 2 ** 30,
      description: 'Pace that an upload to a job has to keep; 0: none.',
    }),
    uploadLagMaxMs: Type.Integer({
      default: 30_000,
      minimum: 100,
      maximum: 3_600_000,
      description:
        'How far an upload to a job may fall behind that pace before it is ended with 408; a sixth of it when its place is wanted.',
    }),
    jobListenersMax: Type.Integer({
      default: 64,
      minimum: 1,
      maximum: 10_000,
      description: 'Callers that may follow jobs by events at once; one more is refused with 429.',
    }),
    jobsKeptDays: Type.Integer({
      default: 30,
      minimum: 0,
      maximum: 3650,
      description: 'Days for which ended jobs and their error reports are kept.',
    }),

    feedbackMax: Type.Integer({
      default: 1_000_000,
      minimum: 1,
      maximum: 100_000_000,
      description: 'Judgements of hits that a gallery may hold; more are refused with `feedback_full`.',
    }),
    decisionsMax: Type.Integer({
      default: 100_000,
      minimum: 1,
      maximum: 10_000_000,
      description: 'Decisions about findings that a gallery may hold; more are refused with `decisions_full`.',
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
    analysisJobsMax: Type.Integer({
      default: 16,
      minimum: 1,
      maximum: 10_000,
      description: 'Analyses of galleries that may wait or run (one runs at a time); one more is refused with 429.',
    }),
    analysisMaxImages: Type.Integer({
      default: 1_000_000,
      minimum: 1,
      maximum: 2_000_000,
      description:
        'Pictures of a gallery up to which it is analysed; an evaluation holds its vectors in memory once more.',
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
    ingestS3Buckets: Type.String({
      default: '',
      description:
        'S3 buckets from which jobs may take pictures in, separated by commas: `photos`, or `archive/2024/` for what lies below a prefix; none: no job reads from a bucket. Everybody who may write to a gallery may read them.',
    }),
    ingestS3Endpoint: Type.String({
      default: '',
      description: 'Address of the S3 store of these buckets where it is not Amazon’s, as `http://minio:9000`.',
    }),
    ingestS3Region: Type.String({ default: 'us-east-1', minLength: 1, description: 'Region of these buckets.' }),
    ingestS3Profile: Type.String({
      default: '',
      description:
        'Profile of the AWS configuration files with the credentials for these buckets; none: those that S3 clients find (`AWS_ACCESS_KEY_ID`, the machine’s role, …).',
    }),
    watchFolders: Type.String({
      default: '',
      description:
        'Folders of this machine whose new and changed pictures are taken in, with their galleries, separated by commas: `actions=/srv/photos, scans=/mnt/scanner`. Galleries have to exist.',
    }),
    watchEverySeconds: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 86_400,
      description:
        'Time between two looks at a watched folder; up to ten times as long where a look takes more than a tenth of it.',
    }),
    watchSettleSeconds: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 86_400,
      description: 'A file in a watched folder is taken in when it has not changed for so long.',
    }),
    watchRemovals: Type.Enum(['keep', 'remove'], {
      default: 'keep',
      description:
        'Whether a picture whose file is removed from a watched folder is kept in the gallery or removed from it.',
    }),
    webhookAllowedHosts: Type.String({
      default: '',
      description:
        'Hosts that may be told of the end of jobs, as in `URL_ALLOWED_HOSTS`; none: no job may have a webhook.',
    }),
    webhookSecret: Type.String({
      default: '',
      description:
        'What requests of webhooks are signed with: `whsec_` and base64, or any text; none: no job may have a webhook.',
    }),
    webhookAttemptsMax: Type.Integer({
      default: 10,
      minimum: 1,
      maximum: 100,
      description:
        'Attempts to tell a webhook, the first 5 seconds apart, each further one four times as long, up to 6 hours.',
    }),
    webhookTimeoutMs: Type.Integer({
      default: 10_000,
      minimum: 100,
      maximum: 120_000,
      description: 'Time that a webhook has to answer.',
    }),
    urlTimeoutMs: Type.Integer({
      default: 10_000,
      minimum: 100,
      maximum: 600_000,
      description: 'Time in which a picture has to come from its URL.',
    }),

    galleriesMax: Type.Integer({
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
      description: 'Galleries there may be; one more is refused.',
    }),
    galleryMaxImages: Type.Integer({
      default: 10_000_000,
      minimum: 1,
      maximum: 4_000_000_000,
      description: 'Pictures that one gallery may hold.',
    }),
    databaseMaxBytes: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 2 ** 50,
      description: 'Size to which the database may grow; 0: until the disk is full.',
    }),
    dataSnapshotsMax: Type.Integer({
      default: 5,
      minimum: 1,
      maximum: 1_000,
      description: 'Snapshots of the data that may lie in the data folder; one more is refused.',
    }),
    exactBelow: Type.Integer({
      default: 2_000,
      minimum: 0,
      maximum: 1_000_000,
      description: 'Galleries and filtered sets up to this size are compared one by one instead of by the graph.',
    }),
    indexParts: Type.String({
      default: 'auto',
      pattern: '^(auto|[1-9]|1[0-6])$',
      accepts: 'auto, or 1 to 16',
      description:
        'Parts of each graph, with a thread for each part; `auto`: one for every two cores, 8 at most. Another number builds the graphs anew.',
    }),
    graphCacheAfterWrites: Type.Integer({
      default: 5_000,
      minimum: 1,
      maximum: 100_000_000,
      description: 'Changes of a gallery after which its graph is saved.',
    }),
    graphCacheAfterSeconds: Type.Integer({
      default: 900,
      minimum: 1,
      maximum: 1_000_000,
      description: 'Time after which the graph of a changed gallery is saved.',
    }),
  },
  { additionalProperties: false },
)
export type Config = Readonly<Static<typeof Settings>>

const schemas = Settings.properties as unknown as Readonly<Record<string, SettingSchema>>

/** What is used of the JSON Schema of one setting. */
type SettingSchema = TSchema & {
  type?: string
  default: string | number | boolean
  description: string
  minimum?: number
  maximum?: number
  enum?: readonly string[]
  /** What the pattern of a text asks for, in words. */
  accepts?: string
}

/**
 * @param environment usually `process.env`; an empty variable counts as unset
 * @throws AlikeError `config_invalid`, naming every setting that does not fit
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, schema] of Object.entries(schemas)) {
    const text = environment[variableOf(name)]?.trim()
    const value = text === undefined || text === '' ? schema.default : parsed(text, schema)
    if (!Value.Check(schema, value))
      problems.push(`${variableOf(name)} must be ${rangeOf(schema)}, not "${withoutCredentials(text ?? '')}"`)
    values[name] = value
  }
  if (problems.length > 0) throw new AlikeError('config_invalid', { detail: `${problems.join('; ')}.` })
  return Object.freeze(values as Static<typeof Settings>)
}

/** The settings as a Markdown table, for docs/configuration.md. Numbers are as the parser takes them. */
export function settingsTable(): string {
  const rows = Object.entries(schemas).map(
    ([name, schema]) =>
      `| \`${variableOf(name)}\` | ${defaultOf(schema)} | ${allowedOf(schema)} | ${schema.description} |`,
  )
  return ['| variable | default | allowed | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function variableOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

/** Text that is no value of the type stays text, and is then refused by the schema. */
function parsed(text: string, { type }: SettingSchema): string | number | boolean {
  if (type === 'integer') return /^-?\d+$/.test(text) ? Number(text) : text
  if (type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (type === 'boolean') return { true: true, 1: true, false: false, 0: false }[text.toLowerCase()] ?? text
  return text
}

/** Of an address: what is said of it ends up in logs. */
const withoutCredentials = (text: string) => text.replace(/\/\/\S*@/, '//…@')

function rangeOf({ type, minimum, maximum, enum: choices, accepts }: SettingSchema): string {
  if (choices !== undefined) return `one of ${choices.join(', ')}`
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  if (type === 'number') return `a number from ${minimum} to ${maximum}`
  return type === 'boolean' ? 'true or false' : (accepts ?? 'a text')
}

function allowedOf({ type, minimum, maximum, enum: choices, accepts }: SettingSchema): string {
  if (type === 'string') return accepts ?? ''
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(' ')
  return type === 'boolean' ? '`true` `false`' : `${minimum} to ${maximum}`
}

function defaultOf({ default: value }: SettingSchema): string {
  return value === '' ? 'none' : `\`${value}\``
}
