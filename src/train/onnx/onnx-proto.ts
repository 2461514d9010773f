/**
 * The subset of the ONNX format that we write and read back: messages and their encoding. What a file has besides is kept
 * in `$unknowns`, as bytes.
 */
import { type Message, parse, Reader, type Type } from 'protobufjs'

/** Field numbers and types of onnx.proto (ONNX 1.12, IR version 8); messages that we never write are omitted. */
const source = `
  syntax = "proto3";
  package onnx;
  message AttributeProto {
    enum AttributeType { UNDEFINED = 0; FLOAT = 1; INT = 2; STRING = 3; TENSOR = 4; FLOATS = 6; INTS = 7; }
    string name = 1; float f = 2; int64 i = 3; bytes s = 4; GraphProto g = 6; repeated float floats = 7;
    repeated int64 ints = 8; repeated GraphProto graphs = 11; AttributeType type = 20;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string opType = 4;
    repeated AttributeProto attribute = 5; string domain = 7;
  }
  message TensorProto {
    repeated int64 dims = 1; int32 dataType = 2; repeated float floatData = 4; string name = 8; bytes rawData = 9;
  }
  message TensorShapeProto {
    message Dimension { oneof value { int64 dimValue = 1; string dimParam = 2; } }
    repeated Dimension dim = 1;
  }
  message TypeProto {
    message Tensor { int32 elemType = 1; TensorShapeProto shape = 2; }
    oneof value { Tensor tensorType = 1; }
  }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message ModelProto {
    int64 irVersion = 1; string producerName = 2; GraphProto graph = 7; repeated OperatorSetIdProto opsetImport = 8;
  }
  message ModelHeader { repeated OperatorSetIdProto opsetImport = 8; }
`

/** TensorProto.DataType. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const

/** AttributeProto.AttributeType. */
export const attributeTypes = { float: 1, int: 2, floats: 6, ints: 7 } as const

export interface AttributeProto {
  name: string
  type: number
  f?: number
  i?: number
  floats?: number[]
  ints?: number[]
  /** The body of a loop. */
  g?: ModelProto['graph']
  /** The branches of a choice. */
  graphs?: ModelProto['graph'][]
}

export interface NodeProto {
  name: string
  opType: string
  input: string[]
  output: string[]
  attribute: AttributeProto[]
  /** Of the operator; absent or empty: that of ONNX. */
  domain?: string
}

export interface TensorProto {
  name: string
  dims: number[]
  dataType: number
  /** Little-endian values in row-major order; in files of other frameworks absent where `floatData` has them. */
  rawData: Uint8Array
  floatData?: number[]
}

export interface ValueInfoProto {
  name: string
  /** Without it, or its shape, ONNX Runtime infers them. */
  type?: { tensorType: { elemType: number; shape?: { dim: ({ dimValue: number } | { dimParam: string })[] } } }
}

export interface ModelProto {
  irVersion: number
  producerName: string
  opsetImport: { domain: string; version: number }[]
  graph: {
    name: string
    node: NodeProto[]
    initializer: TensorProto[]
    input: ValueInfoProto[]
    output: ValueInfoProto[]
  }
}

export function encodeModel(model: ModelProto): Uint8Array {
  return messageType('ModelProto').encode(model).finish()
}

/** A graph, or a part of one: parts that follow each other are one message with the nodes and constants of all. */
export function encodeGraph(graph: Partial<ModelProto['graph']>): Uint8Array {
  return messageType('GraphProto').encode(graph).finish()
}

/** Whether operators of this domain are those of ONNX. */
export const isStandard = (domain = ''): boolean => domain === '' || domain === 'ai.onnx'

/** Version of the operators of ONNX. */
export function opsetOf({ opsetImport }: Pick<ModelProto, 'opsetImport'>): number {
  return opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 1
}

/** Versions of the operators that a file uses; what else it has is skipped. */
export function opsetsIn(bytes: Uint8Array): ModelProto['opsetImport'] {
  const type = messageType('ModelHeader')
  return (type.toObject(type.decode(bytes), { longs: Number, arrays: true }) as ModelProto).opsetImport
}

/** The inverse of `encodeModel`. Fields outside the subset are encoded again as they are, also from copies of the messages. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const type = messageType('ModelProto')
  const reader = Reader.create(bytes)
  reader.discardUnknown = false
  const message = type.decode(reader)
  const plain = type.toObject(message, { longs: Number, arrays: true })
  keepRest(message, plain)
  return plain as ModelProto
}

type Fields = Record<string, unknown>

/** Gives a plain message what `toObject` has left out or rounded: unknown fields, and integers beyond 2^53. */
function keepRest(message: Message | Fields, plain: Fields): void {
  const unknown = (message as { $unknowns?: readonly Uint8Array[] }).$unknowns
  if (unknown !== undefined) plain['$unknowns'] = unknown
  for (const [key, value] of Object.entries(plain)) {
    const decoded = (message as Fields)[key]
    if (Array.isArray(value))
      value.forEach((item, i) => (value[i] = exactly((decoded as unknown[] | undefined)?.[i], item)))
    else plain[key] = exactly(decoded, value)
  }
}

function exactly(decoded: unknown, plain: unknown): unknown {
  if (typeof plain === 'number') return Number.isInteger(plain) && !Number.isSafeInteger(plain) ? decoded : plain
  if (typeof plain === 'object' && plain !== null && !(plain instanceof Uint8Array) && typeof decoded === 'object')
    keepRest(decoded as Fields, plain as Fields)
  return plain
}

function messageType(name: 'ModelProto' | 'ModelHeader' | 'GraphProto'): Type {
  return parse(source).root.lookupType(`onnx.${name}`)
}
