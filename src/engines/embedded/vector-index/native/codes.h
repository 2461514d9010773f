/**
 * A vector as one bit per dimension, and an estimate of its score with a query: the signs of the vector after a fixed
 * random rotation, so that no dimension outweighs another. The estimate is unbiased with an error of about
 * 1/√dimension. After J. Gao and C. Long, "RaBitQ" (SIGMOD 2024), with a table of partial sums for each byte of the
 * code in place of their quantised query.
 */
#pragma once
#include <cmath>
#include <utility>
#include "rows.h"

class Codes {
 public:
  explicit Codes(std::shared_ptr<const Rows> rows)
      : rows_(std::move(rows)), bytes_((rows_->dimension + 7) / 8), turned_(bytes_ * 8) {
    while (block_ * 2 <= rows_->dimension) block_ *= 2;
    // Marsaglia's xorshift: the same signs in every process.
    uint32_t state = 0x9e3779b9;
    for (size_t i = 0; i < turns * rows_->dimension; i++) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      signs_.push_back(state >> 31 ? -1.0f : 1.0f);
    }
  }

  size_t size() const { return size_; }

  bool has(size_t row) const { return row < factors_.size() && factors_[row] != 0; }

  /** @param row below the size of the rows; its vector must not be zero */
  void set(size_t row) {
    if (row >= factors_.size()) {
      factors_.resize(rows_->size());
      codes_.resize(rows_->size() * bytes_);
    }
    if (factors_[row] == 0) size_++;
    turn(rows_->at(row));
    float sum = 0;
    for (size_t byte = 0; byte < bytes_; byte++) {
      uint8_t code = 0;
      for (size_t bit = 0; bit < 8; bit++) {
        const float value = turned_[byte * 8 + bit];
        code |= (value > 0) << bit;
        sum += std::fabs(value);
      }
      codes_[row * bytes_ + byte] = code;
    }
    factors_[row] = 1 / sum;
  }

  void clear(size_t row) {
    if (!has(row)) return;
    factors_[row] = 0;
    size_--;
  }

  void clearAll() {
    factors_ = {};
    codes_ = {};
    size_ = 0;
  }

  /** Sets the query of `estimate`. */
  void ask(const float* query) {
    turn(query);
    sums_.assign(bytes_ * 256, 0);
    for (size_t byte = 0; byte < bytes_; byte++) {
      float* table = sums_.data() + byte * 256;
      const float* turned = turned_.data() + byte * 8;
      for (size_t bit = 0; bit < 8; bit++) table[0] -= turned[bit];
      for (size_t code = 1; code < 256; code++)
        table[code] = table[code & (code - 1)] + 2 * turned[__builtin_ctz(code)];
    }
  }

  /** The estimated inner product with the query of `ask`; NaN for a row without a code. */
  float estimate(size_t row) const {
    if (!has(row)) return NAN;
    const uint8_t* code = codes_.data() + row * bytes_;
    const float* table = sums_.data();
    float sums[4] = {};
    size_t byte = 0;
    for (; byte + 4 <= bytes_; byte += 4, table += 4 * 256)
      for (size_t lane = 0; lane < 4; lane++) sums[lane] += table[lane * 256 + code[byte + lane]];
    for (; byte < bytes_; byte++, table += 256) sums[0] += table[code[byte]];
    return factors_[row] * ((sums[0] + sums[1]) + (sums[2] + sums[3]));
  }

 private:
  /** Two turns cover any dimension: one over the first 2ⁿ dimensions, one over the last. */
  static constexpr size_t turns = 2;

  /** Random signs, then a Hadamard transform, of the first dimensions and of the last: a rotation. */
  void turn(const float* values) {
    const size_t dimension = rows_->dimension;
    for (size_t i = 0; i < dimension; i++) turned_[i] = values[i] * signs_[i];
    hadamard(turned_.data());
    for (size_t i = 0; i < dimension; i++) turned_[i] *= signs_[dimension + i];
    hadamard(turned_.data() + dimension - block_);
  }

  /** Of `block_` values, in place; preserves the norm. */
  void hadamard(float* values) const {
    for (size_t half = 1; half < block_; half *= 2)
      for (size_t begin = 0; begin < block_; begin += 2 * half)
        for (size_t i = begin; i < begin + half; i++) {
          const float a = values[i], b = values[i + half];
          values[i] = a + b;
          values[i + half] = a - b;
        }
    const float scale = 1 / std::sqrt(static_cast<float>(block_));
    for (size_t i = 0; i < block_; i++) values[i] *= scale;
  }

  const std::shared_ptr<const Rows> rows_;
  /** Per code. */
  const size_t bytes_;
  /** How many dimensions one turn mixes: the largest power of two not above the dimension. */
  size_t block_ = 1;
  /** [turns, dimension] of 1 and −1. */
  std::vector<float> signs_;
  std::vector<float> turned_;
  /** The query's contribution for every value of every byte of a code: [bytes, 256]. */
  std::vector<float> sums_;
  /** [rows]; 0 for a row without a code */
  std::vector<float> factors_;
  /** [rows, bytes] */
  std::vector<uint8_t> codes_;
  size_t size_ = 0;
};
