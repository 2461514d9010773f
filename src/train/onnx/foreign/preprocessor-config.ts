/**
 * What exporters say of a network's preprocessing: an image processor of the Transformers library, or the `pretrained_cfg` of
 * timm. Anything that the pixel path does not do is refused; a wrong value would only show in worse results.
 */
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Preprocessing } from '../../../image/preprocessing.js'
import { unsupported, withOptions } from './unsupported.js'

/** `resizeShortSide` only with `cover`. */
export type StatedPreprocessing = Omit<Preprocessing, 'resizeShortSide'> & { resizeShortSide?: number | undefined }

const Side = Type.Integer({ minimum: 1 })
const closed = { additionalProperties: false }
const Square = Type.Object({ height: Side, width: Side }, closed)
const Colours = Type.Array(Type.Number(), { minItems: 3, maxItems: 3 })
const Size = Type.Union([Side, Type.Object({ shortest_edge: Side }, closed), Square])

const Named = Type.Object({
  image_processor_type: Type.Optional(Type.String()),
  /** Formerly. */
  feature_extractor_type: Type.Optional(Type.String()),
})

/** Members that exporters write; others are ignored. */
const TransformersConfig = Type.Object({
  size: Size,
  crop_size: Type.Optional(Type.Union([Side, Square, Type.Null()])),
  crop_pct: Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 1 }), Type.Null()])),
  resample: Type.Integer(),
  image_mean: Type.Optional(Colours),
  image_std: Type.Optional(Colours),
  rescale_factor: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  do_resize: Type.Optional(Type.Boolean()),
  do_center_crop: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  do_rescale: Type.Optional(Type.Boolean()),
  do_normalize: Type.Optional(Type.Boolean()),
  include_top: Type.Optional(Type.Boolean()),
  do_flip_channel_order: Type.Optional(Type.Unknown()),
  do_pad: Type.Optional(Type.Unknown()),
  rescale_offset: Type.Optional(Type.Unknown()),
  use_square_size: Type.Optional(Type.Unknown()),
})
type TransformersConfig = Static<typeof TransformersConfig>

const TimmSettings = Type.Object({
  input_size: Type.Tuple([Type.Literal(3), Side, Side]),
  interpolation: Type.String(),
  crop_pct: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
  crop_mode: Type.Optional(Type.String()),
  mean: Colours,
  std: Colours,
})
const TimmConfig = Type.Object({
  pretrained_cfg: Type.Optional(TimmSettings),
  /** What the image processor that wraps timm has made of it. */
  data_config: Type.Optional(TimmSettings),
})

interface Usual {
  crops: boolean
  /** What a size is that is a number. */
  number: 'short side' | 'square'
}

/** What a class of the Transformers library does where its file does not say it; if its versions differ, what is refused. */
const known: Readonly<Record<string, Usual>> = {
  Beit: { crops: true, number: 'square' },
  Bit: { crops: true, number: 'short side' },
  Blip: { crops: false, number: 'square' },
  ChineseCLIP: { crops: true, number: 'short side' },
  CLIP: { crops: true, number: 'short side' },
  ConvNext: { crops: false, number: 'short side' },
  DeiT: { crops: true, number: 'square' },
  DINOv3ViT: { crops: false, number: 'square' },
  EfficientNet: { crops: false, number: 'square' },
  MobileNetV1: { crops: true, number: 'short side' },
  MobileNetV2: { crops: true, number: 'short side' },
  Pvt: { crops: false, number: 'square' },
  Siglip: { crops: false, number: 'short side' },
  ViT: { crops: false, number: 'square' },
}
/** What Transformers calls its image processor for networks of timm, whose settings it contains. */
const timmWrapper = 'TimmWrapper'
/** Of Pillow, by number. */
const kernelsByNumber: Readonly<Record<number, Preprocessing['kernel']>> = { 1: 'lanczos3', 2: 'linear', 3: 'cubic' }
const kernelsByName: Readonly<Record<string, Preprocessing['kernel']>> = { bilinear: 'linear', bicubic: 'cubic' }
/** From this side on ConvNext squashes a picture instead of cutting it. */
const convNextSquashes = 384

/** @param config of an image processor @throws AlikeError `import_unsupported` */
export function transformersPreprocessing(config: unknown): StatedPreprocessing {
  const { image_processor_type, feature_extractor_type } = checked(Named, config)
  const type = image_processor_type ?? feature_extractor_type ?? ''
  const family = type.replace(/(ImageProcessor|FeatureExtractor)(Fast|Pil)?$/, '')
  if (family === timmWrapper) return timmPreprocessing(config)
  const usual = ownOf(known, family)
  if (usual === undefined) {
    const possible = [...Object.keys(known), timmWrapper].join(', ')
    throw refused(`its image processor is ${family || 'not named'}, not one of ${possible}`)
  }
  const given = checked(TransformersConfig, config)
  for (const step of ['do_flip_channel_order', 'do_pad', 'rescale_offset', 'use_square_size'] as const)
    if (given[step]) throw refused(`${step} is set`)
  for (const step of ['do_resize', 'do_rescale'] as const) if (given[step] === false) throw refused(`${step} is false`)
  const kernel = kernelsByNumber[given.resample]
  if (kernel === undefined) throw refused(`resample is ${given.resample}; 1, 2 and 3 are possible`)
  return { ...fitOf(given, family, usual), kernel, ...scaleOf(given, family) }
}

/** @param config with timm's settings in it @throws AlikeError `import_unsupported` */
export function timmPreprocessing(config: unknown): StatedPreprocessing {
  const { pretrained_cfg, data_config } = checked(TimmConfig, config)
  const settings = pretrained_cfg ?? data_config
  if (settings === undefined) throw refused('it has no pretrained_cfg')
  const { input_size, interpolation, crop_pct, crop_mode = 'center', mean, std } = settings
  const kernel = ownOf(kernelsByName, interpolation)
  if (kernel === undefined) throw refused(`interpolation is ${interpolation}`)
  const [, height, width] = input_size
  const inputSize = square({ height, width })
  const onScale = { kernel, mean: onBytes(mean), std: onBytes(std) }
  if (crop_mode === 'squash' && crop_pct === 1) return { fit: 'squash', inputSize, ...onScale }
  if (crop_mode !== 'center') throw refused(`crop_mode is ${crop_mode}, with crop_pct ${crop_pct}`)
  return { fit: 'cover', inputSize, resizeShortSide: Math.floor(inputSize / crop_pct), ...onScale }
}

type Fit = Pick<StatedPreprocessing, 'fit' | 'inputSize' | 'resizeShortSide'>

function fitOf(given: TransformersConfig, family: string, usual: Usual): Fit {
  const size = typeof given.size === 'number' ? sizeOf(given.size, usual.number) : given.size
  // older versions of the library do not cut then
  if (given.do_center_crop === null && usual.crops) throw refused('do_center_crop is null')
  const crops = given.do_center_crop ?? usual.crops
  if (family === 'ConvNext') return convNextFit(size, given.crop_pct ?? 224 / 256, crops)
  if ('height' in size) {
    const side = square(size)
    if (crops && !isSquareOf(side, given.crop_size)) throw refused('pictures are squashed first, then cut')
    return { fit: 'squash', inputSize: side }
  }
  const { shortest_edge: side } = size
  if (!crops) throw refused('pictures keep their proportions')
  const { crop_size: crop } = given
  if (crop === undefined || crop === null) throw refused('it has no crop_size')
  return { fit: 'cover', inputSize: square(crop), resizeShortSide: side }
}

function convNextFit(size: Exclude<Static<typeof Size>, number>, share: number, crops: boolean): Fit {
  if (!('shortest_edge' in size)) throw refused('its size has no shortest_edge')
  if (crops) throw refused('pictures are cut twice')
  const { shortest_edge: side } = size
  if (side >= convNextSquashes) return { fit: 'squash', inputSize: side }
  return { fit: 'cover', inputSize: side, resizeShortSide: Math.floor(side / share) }
}

const sizeOf = (side: number, meaning: Usual['number']) =>
  meaning === 'square' ? { height: side, width: side } : { shortest_edge: side }

function square(size: number | Static<typeof Square>): number {
  if (typeof size === 'number') return size
  if (size.height !== size.width) throw refused(`pictures of ${size.width} × ${size.height} pixels are not square`)
  return size.height
}

/** A cut of this size out of a square of this side does nothing. */
function isSquareOf(side: number, cut: TransformersConfig['crop_size']): boolean {
  return typeof cut === 'object' && cut !== null ? cut.height === side && cut.width === side : cut === side
}

/** Of bytes times the factor, on the scale of bytes. */
function scaleOf(
  { do_normalize, include_top, rescale_factor: factor = 1 / 255, image_mean, image_std }: TransformersConfig,
  family: string,
): Pick<StatedPreprocessing, 'mean' | 'std'> {
  const dividesAgain = family === 'EfficientNet' && include_top !== false
  if (do_normalize === false) {
    if (dividesAgain) throw refused('do_normalize is false, but include_top is not')
    return { mean: [0, 0, 0], std: [1, 1, 1].map((one) => one / factor) }
  }
  if (image_mean === undefined || image_std === undefined) throw refused('it has no image_mean and image_std')
  const std = dividesAgain ? image_std.map((one) => one ** 2) : image_std
  return { mean: image_mean.map((one) => one / factor), std: std.map((one) => one / factor) }
}

/** Names in files are not ours: `constructor` is one that every object has. */
const ownOf = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined

const onBytes = (colours: readonly number[]): number[] => colours.map((one) => one * 255)

function checked<Schema extends TSchema>(schema: Schema, config: unknown): Static<Schema> {
  if (Value.Check(schema, config)) return config
  const [first] = Value.Errors(schema, config)
  throw refused(`${first?.instancePath || 'it'} ${first?.message ?? 'is malformed'}`)
}

const refused = (reason: string) =>
  unsupported(`Its preprocessing is not one of the service: ${reason}. ${withOptions}`)
