/** Which files of an exporter's folder state the preprocessing. As Transformers 5.24 with timm 1.0.31 writes them, shortened. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exportedNetwork } from '../../../../src/train/onnx/foreign/exported-folder.js'
import { temporaryFolder } from '../../../support/temporary-folder.js'

const clip = {
  crop_size: { height: 224, width: 224 },
  do_center_crop: true,
  do_convert_rgb: true,
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_processor_type: 'CLIPImageProcessor',
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  rescale_factor: 0.00392156862745098,
  size: { shortest_edge: 224 },
}
const siglip = {
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_processor_type: 'SiglipImageProcessor',
  image_std: [0.5, 0.5, 0.5],
  resample: 3,
  rescale_factor: 0.00392156862745098,
  size: { height: 224, width: 224 },
}
const siglip2 = {
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_processor_type: 'Siglip2ImageProcessor',
  image_std: [0.5, 0.5, 0.5],
  max_num_patches: 256,
  patch_size: 16,
  resample: 2,
  rescale_factor: 0.00392156862745098,
}
const resnet = { input_size: [3, 224, 224], interpolation: 'bicubic', crop_pct: 0.95, crop_mode: 'center' }
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const timm = {
  architecture: 'resnet18',
  model_type: 'timm_wrapper',
  pretrained_cfg: { ...resnet, ...imagenet, architecture: 'resnet18', fixed_input_size: false, pool_size: [7, 7] },
}
const wrapped = { architecture: 'resnet18', image_processor_type: 'TimmWrapperImageProcessor' }

type Files = Record<string, unknown>

async function stated(t: TestContext, files: Files) {
  const folder = await temporaryFolder(t, 'alike-exported-')
  await writeFile(join(folder, 'model.onnx'), '')
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  return (await exportedNetwork(folder)).stated
}

const multimodal = (image_processor: unknown, processor_class = 'CLIPProcessor') => ({
  'processor_config.json': { image_processor, processor_class },
})

for (const [what, files, by, fit] of [
  [
    'a processor for pictures and text',
    multimodal(clip),
    'processor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 224 },
  ],
  [
    'one that squashes pictures',
    multimodal(siglip, 'SiglipProcessor'),
    'processor_config.json',
    { fit: 'squash', inputSize: 224 },
  ],
  [
    'a processor in a file of its own, and one that says nothing of pictures',
    { 'preprocessor_config.json': clip, 'processor_config.json': { processor_class: 'CLIPProcessor' } },
    'preprocessor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 224 },
  ],
  [
    'timm, wrapped by Transformers',
    { 'config.json': timm },
    'config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 235 },
  ],
  [
    'its processor with what Transformers reads',
    { 'preprocessor_config.json': { ...wrapped, pretrained_cfg: timm.pretrained_cfg } },
    'preprocessor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 235 },
  ],
  [
    'its processor as Transformers writes it next to one for text',
    multimodal({ ...wrapped, data_config: { ...resnet, ...imagenet } }, 'VisionTextDualEncoderProcessor'),
    'processor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 235 },
  ],
  [
    'numbers as only Python writes them, beside a text that is like them',
    { 'config.json': '{"a": NaN, "b": [-Infinity, Infinity], "c": "\\"NaN"}', 'preprocessor_config.json': clip },
    'preprocessor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 224 },
  ],
  [
    'several files that agree',
    {
      'config.json': timm,
      'preprocessor_config.json': {
        image_processor_type: 'ConvNextImageProcessor',
        size: { shortest_edge: 224 },
        crop_pct: 0.95,
        resample: 3,
        image_mean: imagenet.mean,
        image_std: imagenet.std,
      },
    },
    'preprocessor_config.json',
    { fit: 'cover', inputSize: 224, resizeShortSide: 235 },
  ],
] as const)
  test(`the preprocessing of a folder: ${what}`, async (t) => {
    const found = await stated(t, files)
    const { mean: _mean, std: _std, ...geometry } = found!.preprocessing
    assert.deepEqual([found!.by, geometry], [by, { ...fit, kernel: 'cubic' }])
  })

test('a file is imported as its folder is: its preprocessing is stated there, or above a folder named onnx', async (t) => {
  const folder = await temporaryFolder(t, 'alike-exported-')
  await mkdir(join(folder, 'onnx'))
  await mkdir(join(folder, 'other'))
  for (const name of ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx', 'other/model.onnx'])
    await writeFile(join(folder, name), '')
  await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(clip))
  const whole = await exportedNetwork(folder)
  assert.equal(whole.stated?.by, 'preprocessor_config.json')
  for (const name of ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx']) {
    const { file, importedFrom, stated } = await exportedNetwork(join(folder, name))
    assert.deepEqual([file, importedFrom, stated], [join(folder, name), join(basename(folder), name), whole.stated])
  }
  assert.deepEqual((await exportedNetwork(join(folder, 'onnx'))).stated, whole.stated)
  await assert.rejects(exportedNetwork(join(folder, 'none.onnx')), { code: 'ENOENT' })
  assert.deepEqual(await exportedNetwork(join(folder, 'other/model.onnx')), {
    file: join(folder, 'other/model.onnx'),
    importedFrom: 'model.onnx',
    stated: undefined,
  })

  // its own folder comes first
  await writeFile(join(folder, 'onnx/preprocessor_config.json'), JSON.stringify(siglip))
  assert.equal((await exportedNetwork(join(folder, 'onnx/model.onnx'))).stated?.preprocessing.fit, 'squash')
})

test('beside options that suffice, the folder of a file is not looked at: it may not be what was meant', async (t) => {
  const folder = await temporaryFolder(t, 'alike-exported-')
  await writeFile(join(folder, 'model.onnx'), '')
  await writeFile(join(folder, 'preprocessor_config.json'), '{}')
  const optionsSuffice = true
  assert.equal((await exportedNetwork(join(folder, 'model.onnx'), { optionsSuffice })).stated, undefined)
  for (const path of [folder, join(folder, 'model.onnx')])
    await assert.rejects(exportedNetwork(path), { message: /with options instead, at least --mean and --std/ })
  await assert.rejects(exportedNetwork(folder, { optionsSuffice }), { code: 'import_unsupported' })
})

test('a folder that is named like a network is none', async (t) => {
  const folder = await temporaryFolder(t, 'alike-exported-')
  await mkdir(join(folder, 'model.onnx'))
  await assert.rejects(exportedNetwork(folder), { code: 'import_unsupported', message: /none of vision_model.onnx/ })
  await mkdir(join(folder, 'onnx'))
  await writeFile(join(folder, 'onnx/model.onnx'), '')
  assert.equal((await exportedNetwork(folder)).file, join(folder, 'onnx/model.onnx'))
})

test('a folder that states no preprocessing is no error', async (t) => {
  for (const files of [
    {},
    { 'config.json': { model_type: 'clip' } },
    multimodal(null),
    { 'config.json': { pretrained_cfg: null } },
  ] satisfies Files[])
    assert.equal(await stated(t, files), undefined)
})

for (const [what, files, reason] of [
  ['a processor that keeps proportions', multimodal(siglip2), /image processor is Siglip2, not one of/],
  ['a processor that is no object', multimodal('CLIPImageProcessor'), /must be object/],
  [
    'files that disagree',
    { 'preprocessor_config.json': { ...clip, resample: 2 }, ...multimodal(clip) },
    /processor_config.json and preprocessor_config.json state different preprocessing/,
  ],
  [
    'colours that disagree',
    { 'preprocessor_config.json': { ...clip, image_std: [0.26862954, 0.26130258, 0.276] }, ...multimodal(clip) },
    /state different preprocessing/,
  ],
  [
    'timm without its settings',
    { 'preprocessor_config.json': wrapped },
    /imported\. preprocessor_config.json: .*pretrained_cfg/,
  ],
  [
    'timm with settings of another type, beside a processor',
    { 'config.json': { pretrained_cfg: 'resnet18' }, 'preprocessor_config.json': clip },
    /imported\. config.json: .*pretrained_cfg/,
  ],
  ['no JSON', { 'processor_config.json': '{"image_processor":' }, /processor_config.json cannot be read: .*JSON/],
  ['a comma too many, which Python does not read', { 'preprocessor_config.json': '{"size": 224,}' }, /cannot be read/],
  [
    'a colour that is no number',
    { 'preprocessor_config.json': JSON.stringify(clip).replace('0.48145466', 'NaN') },
    /image_mean\/0 must be number/,
  ],
  ['JSON of another type', { 'processor_config.json': [] }, /processor_config.json is not a JSON object/],
  ['JSON of another type', { 'preprocessor_config.json': 'null' }, /preprocessor_config.json is not a JSON object/],
] as const)
  test(`a folder is refused: ${what}`, async (t) => {
    await assert.rejects(stated(t, files), { code: 'import_unsupported', message: reason })
  })
