/** The preprocessing of the pixel path, part of every model: one schema for its type, validation and hash. */
import { type Static, Type } from 'typebox'

/** Sides of a network's square input, pixels. */
export const inputSizes = { minimum: 8, maximum: 1024 } as const
/** Short sides of pictures after the resize of `cover`, pixels. */
export const shortSides = { minimum: 8, maximum: 1280 } as const

/**
 * How bytes become the square that the network sees. Training, calibration and serving (`prepare.ts`) all use it; it is
 * hashed into the model id, so a change makes a new model.
 */
export const Preprocessing = Type.Object(
  {
    /** Side of the network's square input, pixels. */
    inputSize: Type.Integer(inputSizes),
    /**
     * `cover`: resize the short side to `resizeShortSide`, then centre crop. `squash`: resize the whole picture to the
     * square.
     */
    fit: Type.Union([Type.Literal('cover'), Type.Literal('squash')]),
    /** Short side after the resize of `cover`, pixels, ≥ inputSize. */
    resizeShortSide: Type.Integer(shortSides),
    kernel: Type.Union([Type.Literal('linear'), Type.Literal('cubic'), Type.Literal('lanczos3')]),
    /** Per RGB channel on the 0..255 scale: the graph itself computes (x − mean) / std. */
    mean: Type.Array(Type.Number(), { minItems: 3, maxItems: 3 }),
    std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 3, maxItems: 3 }),
  },
  { additionalProperties: false },
)
export type Preprocessing = Static<typeof Preprocessing>

export const fits = Preprocessing.properties.fit.anyOf.map(({ const: fit }) => fit)
export const kernels = Preprocessing.properties.kernel.anyOf.map(({ const: kernel }) => kernel)
