/** Checked arguments of the functions that JavaScript calls. */
#pragma once

#include <napi.h>
#include <algorithm>
#include <string>

constexpr size_t channels = 3;

inline void require(const Napi::CallbackInfo& info, bool holds, const char* what) {
  if (!holds) throw Napi::RangeError::New(info.Env(), what);
}

template <typename Value>
struct Span {
  Value* data;
  size_t length;
  Value& operator[](size_t index) const { return data[index]; }
};

/** @throws Napi::TypeError unless the argument is a typed array of that type */
template <typename Value>
Span<Value> spanAt(const Napi::CallbackInfo& info, size_t index, napi_typedarray_type type) {
  if (!info[index].IsTypedArray() || info[index].As<Napi::TypedArray>().TypedArrayType() != type)
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(index) + " has the wrong type");
  auto array = info[index].As<Napi::TypedArrayOf<Value>>();
  return {array.Data(), array.ElementLength()};
}

inline Span<uint8_t> bytesAt(const Napi::CallbackInfo& info, size_t index) {
  return spanAt<uint8_t>(info, index, napi_uint8_array);
}
inline Span<int32_t> intsAt(const Napi::CallbackInfo& info, size_t index) {
  return spanAt<int32_t>(info, index, napi_int32_array);
}
inline Span<float> floatsAt(const Napi::CallbackInfo& info, size_t index) {
  return spanAt<float>(info, index, napi_float32_array);
}
inline Span<double> doublesAt(const Napi::CallbackInfo& info, size_t index) {
  return spanAt<double>(info, index, napi_float64_array);
}

/** Samples of a line. @throws Napi::RangeError unless the picture consists of such lines */
inline size_t lineAt(const Napi::CallbackInfo& info, size_t index, const Span<uint8_t>& rgb) {
  const size_t samples = info[index].ToNumber().Uint32Value();
  require(info, samples > 0 && samples % channels == 0 && rgb.length % samples == 0, "a line is incomplete");
  return samples;
}

inline bool areBelow(const Span<int32_t>& indices, size_t limit) {
  return std::all_of(indices.data, indices.data + indices.length,
                     [=](int32_t index) { return index >= 0 && static_cast<size_t>(index) < limit; });
}
