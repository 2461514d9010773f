/**
 * The vectors of one index, stored once: JavaScript writes and reads them as Float32Arrays, graphs refer to them by
 * address. Blocks never move, and are freed when neither JavaScript nor a graph refers to them.
 */
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

/** GCC and clang map these to whatever vector registers the target has. */
typedef float EightFloats __attribute__((vector_size(32)));
typedef float FourFloats __attribute__((vector_size(16)));
typedef double FourDoubles __attribute__((vector_size(32)));

/** The address needs no alignment. */
template <typename Vector>
inline Vector load(const float* values) {
  Vector loaded;
  std::memcpy(&loaded, values, sizeof loaded);
  return loaded;
}

/**
 * The inner product in float32, which is enough for graphs. Four sums in parallel, because each addition waits for the
 * previous one; hnswlib's own product has a single sum.
 */
inline float roughProduct(const float* a, const float* b, size_t dimension) {
  EightFloats p{}, q{}, r{}, s{};
  size_t i = 0;
  for (; i + 32 <= dimension; i += 32) {
    p += load<EightFloats>(a + i) * load<EightFloats>(b + i);
    q += load<EightFloats>(a + i + 8) * load<EightFloats>(b + i + 8);
    r += load<EightFloats>(a + i + 16) * load<EightFloats>(b + i + 16);
    s += load<EightFloats>(a + i + 24) * load<EightFloats>(b + i + 24);
  }
  for (; i + 8 <= dimension; i += 8) p += load<EightFloats>(a + i) * load<EightFloats>(b + i);
  p = (p + q) + (r + s);
  float sum = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
  for (; i < dimension; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * The inner products of one vector with `count` others, equal to those of `cosine.ts` to the last bit. Four sums in
 * float64, each of every fourth product; a product of two float32 is exact in float64, so a fused multiply-add rounds no
 * differently. Several vectors at once, because each addition waits for the previous one.
 */
template <size_t count>
inline void exactProducts(const float* a, const float* const* b, size_t dimension, double* out) {
  FourDoubles sums[count]{};
  size_t i = 0;
  for (; i + 4 <= dimension; i += 4) {
    const auto x = __builtin_convertvector(load<FourFloats>(a + i), FourDoubles);
    for (size_t n = 0; n < count; n++) sums[n] += x * __builtin_convertvector(load<FourFloats>(b[n] + i), FourDoubles);
  }
  for (size_t n = 0; n < count; n++) {
    for (size_t j = i; j < dimension; j++) sums[n][0] += static_cast<double>(a[j]) * static_cast<double>(b[n][j]);
    out[n] = sums[n][0] + sums[n][1] + (sums[n][2] + sums[n][3]);
  }
}

class Rows {
 public:
  using Block = std::shared_ptr<float>;

  Rows(size_t dimension, size_t perBlock) : dimension(dimension), perBlock(perBlock) {}

  const size_t dimension;
  const size_t perBlock;

  size_t size() const { return blocks_.size() * perBlock; }

  /** @param row below `size` */
  const float* at(size_t row) const { return blocks_[row / perBlock].get() + (row % perBlock) * dimension; }

  /** Exact products of a vector with `count` rows. @param row the number of the i-th of them */
  template <typename RowOf>
  void products(const float* query, size_t count, RowOf row, double* out) const {
    constexpr size_t together = 4;
    size_t i = 0;
    for (; i + together <= count; i += together) {
      const float* rows[together];
      for (size_t n = 0; n < together; n++) rows[n] = at(row(i + n));
      exactProducts<together>(query, rows, dimension, out + i);
    }
    for (; i < count; i++) {
      const float* alone = at(row(i));
      exactProducts<1>(query, &alone, dimension, out + i);
    }
  }

  Block addBlock() {
    // The system provides zeroed pages when they are first touched, so a small gallery takes only what it uses.
    auto* values = static_cast<float*>(std::calloc(perBlock * dimension, sizeof(float)));
    if (values == nullptr) throw std::bad_alloc();
    blocks_.emplace_back(values, [](float* block) { std::free(block); });
    return blocks_.back();
  }

 private:
  std::vector<Block> blocks_;
};

/** A hash of a vector: a different vector has a different one with a probability of 1 − 2⁻³². */
inline uint32_t fingerprint(const float* values, size_t dimension) {
  uint64_t hash = 0x9e3779b97f4a7c15;
  for (size_t i = 0; i < dimension; i++) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3;
    hash ^= hash >> 29;
  }
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}
