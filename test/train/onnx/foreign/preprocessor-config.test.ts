/** What exporters write about preprocessing, and which of it the pixel path does. Files as Transformers 5.24 and timm 1.0 write them, shortened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chosenPreprocessing } from '../../../../src/train/onnx/foreign/exported-folder.js'
import {
  type StatedPreprocessing,
  timmPreprocessing,
  transformersPreprocessing,
} from '../../../../src/train/onnx/foreign/preprocessor-config.js'

const byte = 0.00392156862745098
const steps = { do_resize: true, do_rescale: true, do_normalize: true, rescale_factor: byte }
const colours = { image_mean: [0.5, 0.4, 0.3], image_std: [0.2, 0.25, 0.5] }
const square = (side: number) => ({ height: side, width: side })

type Fit = Pick<StatedPreprocessing, 'fit' | 'inputSize' | 'resizeShortSide' | 'kernel'>

for (const [config, expected] of [
  [
    { image_processor_type: 'CLIPImageProcessor', size: { shortest_edge: 224 }, crop_size: square(224), resample: 3 },
    { fit: 'cover', inputSize: 224, resizeShortSide: 224, kernel: 'cubic' },
  ],
  [
    { feature_extractor_type: 'CLIPFeatureExtractor', size: 336, crop_size: 336, do_center_crop: true, resample: 3 },
    { fit: 'cover', inputSize: 336, resizeShortSide: 336, kernel: 'cubic' },
  ],
  [
    {
      image_processor_type: 'BitImageProcessor',
      size: { shortest_edge: 256 },
      crop_size: square(224),
      do_center_crop: true,
      resample: 3,
    },
    { fit: 'cover', inputSize: 224, resizeShortSide: 256, kernel: 'cubic' },
  ],
  [
    { image_processor_type: 'SiglipImageProcessor', size: square(384), resample: 3 },
    { fit: 'squash', inputSize: 384, kernel: 'cubic' },
  ],
  [
    {
      image_processor_type: 'DINOv3ViTImageProcessorFast',
      size: square(224),
      crop_size: null,
      do_pad: null,
      resample: 2,
    },
    { fit: 'squash', inputSize: 224, kernel: 'linear' },
  ],
  [
    { feature_extractor_type: 'ViTFeatureExtractor', size: 224, resample: 2 },
    { fit: 'squash', inputSize: 224, kernel: 'linear' },
  ],
  [
    { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3 },
    { fit: 'cover', inputSize: 224, resizeShortSide: 256, kernel: 'cubic' },
  ],
  [
    { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 384 }, resample: 3 },
    { fit: 'squash', inputSize: 384, kernel: 'cubic' },
  ],
  // a cut of the whole square
  [
    { image_processor_type: 'DeiTImageProcessor', size: square(224), crop_size: square(224), resample: 3 },
    { fit: 'squash', inputSize: 224, kernel: 'cubic' },
  ],
  [
    { feature_extractor_type: 'BeitFeatureExtractor', size: 224, crop_size: 224, do_center_crop: true, resample: 2 },
    { fit: 'squash', inputSize: 224, kernel: 'linear' },
  ],
] satisfies [object, Fit][])
  test(`read: ${JSON.stringify(config)}`, () => {
    const { mean, std, ...fit } = transformersPreprocessing({ ...steps, ...colours, ...config })
    assert.deepEqual({ ...fit }, expected)
    for (const [given, read] of [
      [colours.image_mean, mean],
      [colours.image_std, std],
    ] as const)
      read.forEach((one, i) => assert.ok(Math.abs(one - given[i]! * 255) < 1e-9, `${one}`))
  })

const clip = { image_processor_type: 'CLIPImageProcessor', crop_size: square(224) }
const convNext = { image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 224 } }
const vit = { ...steps, ...colours, image_processor_type: 'ViTImageProcessor', size: square(224), resample: 2 }

test('colours are scaled by the factor of the file, and not normalised where it says so', () => {
  const scaled = transformersPreprocessing({ ...vit, rescale_factor: 0.5 })
  assert.deepEqual(
    [scaled.mean, scaled.std],
    [colours.image_mean, colours.image_std].map((list) => list.map((x) => 2 * x)),
  )
  const plain = transformersPreprocessing({ ...vit, do_normalize: false, rescale_factor: 0.25 })
  assert.deepEqual(
    [plain.mean, plain.std],
    [
      [0, 0, 0],
      [4, 4, 4],
    ],
  )
})

test('EfficientNet divides colours twice, unless its file says otherwise', () => {
  const config = { ...vit, image_processor_type: 'EfficientNetImageProcessor', resample: 3, rescale_factor: 0.5 }
  const { image_mean: mean, image_std: std } = colours
  for (const [include_top, divisors] of [
    [undefined, std.map((x) => 2 * x * x)],
    [true, std.map((x) => 2 * x * x)],
    [false, std.map((x) => 2 * x)],
  ] as const) {
    const read = transformersPreprocessing({ ...config, ...(include_top !== undefined && { include_top }) })
    assert.deepEqual([read.mean, read.std], [mean.map((x) => 2 * x), divisors])
  }
})

for (const [what, config, reason] of [
  ['another class', { image_processor_type: 'LevitImageProcessor' }, /Levit, not one of Beit, /],
  ['no class', { image_processor_type: undefined }, /is not named/],
  ['pictures that are squashed and cut', { image_processor_type: 'DeiTImageProcessor' }, /squashed first, then cut/],
  [
    'pictures that are squashed, and padded to a larger square',
    { image_processor_type: 'DeiTImageProcessor', crop_size: square(256) },
    /squashed first, then cut/,
  ],
  [
    'a square of which half is kept',
    { image_processor_type: 'DeiTImageProcessor', crop_size: { height: 224, width: 112 } },
    /squashed first, then cut/,
  ],
  ['pictures of any proportions', { size: { shortest_edge: 224 } }, /keep their proportions/],
  ['a rectangle', { size: { height: 224, width: 112 } }, /112 × 224 pixels are not square/],
  ['another kernel', { resample: 0 }, /resample is 0/],
  ['no resize', { do_resize: false }, /do_resize is false/],
  ['pixels of 0 to 1', { do_rescale: false }, /do_rescale is false/],
  ['a step that is neither done nor left out', { do_normalize: 0 }, /do_normalize must be boolean/],
  ['a step that versions do or leave out', { do_resize: null }, /do_resize must be boolean/],
  [
    'a cut that versions do or leave out',
    { ...clip, size: { shortest_edge: 224 }, do_center_crop: null },
    /do_center_crop is null/,
  ],
  [
    'a division that versions do or leave out',
    { image_processor_type: 'EfficientNetImageProcessor', include_top: null },
    /include_top must be boolean/,
  ],
  ['blue first', { do_flip_channel_order: true }, /do_flip_channel_order is set/],
  ['an offset', { image_processor_type: 'EfficientNetImageProcessor', rescale_offset: true }, /rescale_offset is set/],
  ['no colours', { image_mean: undefined }, /no image_mean/],
  ['grey pictures', { image_mean: [0.5] }, /image_mean/],
  ['a size of another kind', { size: { longest_edge: 224 } }, /size/],
  ['a short side with a limit', { ...clip, size: { shortest_edge: 224, longest_edge: 384 } }, /size/],
  ['a size of two kinds', { ...clip, size: { ...square(224), shortest_edge: 224 } }, /size/],
  ['a square that the file does not name', { ...clip, use_square_size: true }, /use_square_size is set/],
  ['a cut that was usual', { image_processor_type: 'BeitImageProcessor' }, /then cut/],
  ['a number that was a square', { image_processor_type: 'SiglipImageProcessor', size: 224 }, /proportions/],
  ['a second cut', { ...convNext, do_center_crop: true, crop_size: square(192) }, /cut twice/],
  ['a square for a short side', { ...convNext, size: square(224) }, /no shortest_edge/],
  ['a class named like what every object has', { image_processor_type: 'constructor' }, /constructor, not one of/],
  [
    'colours divided once more, not normalised',
    { image_processor_type: 'EfficientNetImageProcessor', do_normalize: false },
    /include_top/,
  ],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(
      () => transformersPreprocessing(JSON.parse(JSON.stringify({ ...vit, ...config }))),
      (error: Error & { code: string }) => error.code === 'import_unsupported' && reason.test(error.message),
    )
  })

const timm = {
  input_size: [3, 224, 224],
  crop_pct: 0.9,
  interpolation: 'bicubic',
  mean: [0.5, 0.5, 0.5],
  std: [1, 1, 1],
}

test('timm says which share of a picture is kept', () => {
  const half = [127.5, 127.5, 127.5]
  const scale = { kernel: 'cubic', mean: half, std: [255, 255, 255] }
  for (const [config, expected] of [
    [{ crop_mode: 'center' }, { fit: 'cover', inputSize: 224, resizeShortSide: 248 }],
    [
      { crop_mode: 'squash', crop_pct: 1 },
      { fit: 'squash', inputSize: 224 },
    ],
  ] as const)
    assert.deepEqual(timmPreprocessing({ pretrained_cfg: { ...timm, ...config } }), { ...expected, ...scale })
  for (const [config, reason] of [
    [{ crop_mode: 'squash' }, /crop_mode is squash, with crop_pct 0.9/],
    [{ crop_mode: 'border' }, /crop_mode is border/],
    [{ interpolation: 'nearest' }, /interpolation is nearest/],
    [{ interpolation: 'constructor' }, /interpolation is constructor/],
    [{ input_size: [1, 28, 28] }, /input_size/],
  ] as const)
    assert.throws(() => timmPreprocessing({ pretrained_cfg: { ...timm, ...config } }), { message: reason })
})

test('options count more than what a folder says', () => {
  const none = {
    inputSize: undefined,
    fit: undefined,
    resizeShortSide: undefined,
    kernel: undefined,
    mean: undefined,
    std: undefined,
  }
  const stated = { ...transformersPreprocessing(vit), fit: 'cover', resizeShortSide: 256 } as const
  const { mean, std } = stated
  const as = { inputSize: 224, fit: 'cover', resizeShortSide: 256, kernel: 'linear', mean, std }
  assert.deepEqual(chosenPreprocessing(none, stated), as)
  assert.deepEqual(chosenPreprocessing({ ...none, inputSize: 448 }, stated), {
    ...as,
    inputSize: 448,
    resizeShortSide: 512,
  })
  assert.deepEqual(chosenPreprocessing({ ...none, fit: 'squash' }, stated), {
    ...as,
    fit: 'squash',
    resizeShortSide: undefined,
  })
  const own = { mean: [1, 2, 3], std: [4, 5, 6], kernel: 'lanczos3', resizeShortSide: 300 } as const
  const given = { ...none, ...own, mean: [...own.mean], std: [...own.std] }
  assert.deepEqual(chosenPreprocessing(given, stated), { ...as, ...given, inputSize: 224, fit: 'cover' })
  assert.deepEqual(chosenPreprocessing(given), { ...given, fit: 'cover' })
  assert.throws(() => chosenPreprocessing(none), { message: /--mean and --std/ })
})
