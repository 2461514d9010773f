/**
 * Loops over the pixels of small pictures, four samples at a time. What to compute is decided in TypeScript (`native-pixels.ts`),
 * which also allocates; every argument is checked, so that no call touches memory that is not its own. Compiled in two builds
 * (ADR 0018), whose results are equal bit for bit.
 */
#include <algorithm>
#include <cstring>
#include <vector>
#include "arguments.h"

namespace {

typedef int32_t Int4 __attribute__((vector_size(16)));
typedef float Float4 __attribute__((vector_size(16)));
/** Fixed-point bits of the weights, and half a unit. */
constexpr int fractionBits = 12;
constexpr int32_t one = 1 << fractionBits;
constexpr int32_t half = one >> 1;

/** Lines of a picture as four 32-bit samples per pixel, the last one 0. Consecutive lines are kept, as many as asked for. */
class WideLines {
 public:
  WideLines(Span<uint8_t> rgb, size_t lineSamples, size_t kept)
      : rgb_(rgb), samples_(lineSamples), numbers_(kept, -1), lines_(kept, std::vector<Int4>(lineSamples / channels)) {}

  const Int4* operator[](size_t line) {
    const size_t place = line % lines_.size();
    auto& pixels = lines_[place];
    if (numbers_[place] != static_cast<int64_t>(line)) {
      const uint8_t* bytes = rgb_.data + line * samples_;
      for (auto& pixel : pixels) {
        pixel = Int4{bytes[0], bytes[1], bytes[2], 0};
        bytes += channels;
      }
      numbers_[place] = line;
    }
    return pixels.data();
  }

 private:
  const Span<uint8_t> rgb_;
  const size_t samples_;
  std::vector<int64_t> numbers_;
  std::vector<std::vector<Int4>> lines_;
};

/** A line of new pixels, each written as four samples in ascending order: the next pixel overwrites the last one. */
struct NewLine {
  std::vector<int32_t> samples;

  explicit NewLine(size_t count) : samples(count + 1) {}

  void set(size_t at, Int4 pixel) { std::memcpy(samples.data() + at, &pixel, sizeof pixel); }

  void copyTo(uint8_t* bytes) const {
    for (size_t i = 0; i + 1 < samples.size(); i++) bytes[i] = samples[i];
  }
};

/** (rgb, lineSamples, left, right, across, above, below, down, into): see `native-pixels.ts` */
void interpolate(const Napi::CallbackInfo& info) {
  const auto rgb = bytesAt(info, 0);
  const size_t lineSamples = lineAt(info, 1, rgb);
  const auto left = intsAt(info, 2), right = intsAt(info, 3), across = intsAt(info, 4);
  const auto above = intsAt(info, 5), below = intsAt(info, 6), down = intsAt(info, 7);
  const auto into = bytesAt(info, 8);
  const size_t columns = across.length, rows = down.length;
  require(info, left.length == columns && right.length == columns && above.length == rows && below.length == rows,
          "the columns or rows have different numbers");
  require(info, into.length == columns * rows * channels, "the square has the wrong size");
  const size_t width = lineSamples / channels, height = rgb.length / lineSamples;
  require(info, areBelow(left, width) && areBelow(right, width) && areBelow(above, height) && areBelow(below, height),
          "a pixel is outside the picture");
  WideLines lines(rgb, lineSamples, 2);
  NewLine line(columns * channels);
  for (size_t row = 0; row < rows; row++) {
    const Int4 *over = lines[above[row]], *under = lines[below[row]];
    for (size_t column = 0; column < columns; column++) {
      const int32_t belowRight = (down[row] * across[column]) >> fractionBits;
      const int32_t aboveRight = ((one - down[row]) * across[column]) >> fractionBits;
      const int32_t belowLeft = down[row] - belowRight, aboveLeft = one - down[row] - aboveRight;
      line.set(column * channels, (aboveLeft * over[left[column]] + aboveRight * over[right[column]] +
                                   belowLeft * under[left[column]] + belowRight * under[right[column]] + half) >>
                                      fractionBits);
    }
    line.copyTo(into.data + row * columns * channels);
  }
}

/** One line with four taps per pixel, as 32-bit samples; the last pixel is followed by room for one sample. */
void widen(const Int4* pixels, const Span<int32_t>& taps, const Span<int32_t>& weights, int32_t* into) {
  for (size_t tap = 0; tap < taps.length; tap += 4, into += channels) {
    const Int4 samples = (weights[tap] * pixels[taps[tap]] + weights[tap + 1] * pixels[taps[tap + 1]] +
                          weights[tap + 2] * pixels[taps[tap + 2]] + weights[tap + 3] * pixels[taps[tap + 3]] + half) >>
                         fractionBits;
    std::memcpy(into, &samples, sizeof samples);
  }
}

/** (rgb, lineSamples, columnTaps, columnWeights, rowTaps, rowWeights, into): see `native-pixels.ts` */
void convolve(const Napi::CallbackInfo& info) {
  const auto rgb = bytesAt(info, 0);
  const size_t lineSamples = lineAt(info, 1, rgb);
  const auto columnTaps = intsAt(info, 2), columnWeights = intsAt(info, 3);
  const auto rowTaps = intsAt(info, 4), rowWeights = intsAt(info, 5);
  const auto into = bytesAt(info, 6);
  const size_t samples = columnTaps.length / 4 * channels, rows = rowTaps.length / 4;
  require(info, columnTaps.length % 4 == 0 && rowTaps.length % 4 == 0 && columnTaps.length == columnWeights.length &&
                    rowTaps.length == rowWeights.length,
          "there are not four weights for four taps");
  require(info, into.length == samples * rows, "the square has the wrong size");
  require(info, areBelow(columnTaps, lineSamples / channels) && areBelow(rowTaps, rgb.length / lineSamples),
          "a pixel is outside the picture");
  WideLines pixels(rgb, lineSamples, 1);
  // the four lines of a row are consecutive or repeated, so they never share a place
  std::vector<int32_t> widened[4];
  int64_t kept[4] = {-1, -1, -1, -1};
  for (auto& line : widened) line.resize(samples + 1);
  for (size_t row = 0; row < rows; row++) {
    const int32_t* lines[4];
    for (size_t tap = 0; tap < 4; tap++) {
      const int32_t line = rowTaps[row * 4 + tap], place = line % 4;
      if (kept[place] != line) widen(pixels[line], columnTaps, columnWeights, widened[place].data());
      kept[place] = line;
      lines[tap] = widened[place].data();
    }
    const int32_t* weights = rowWeights.data + row * 4;
    uint8_t* to = into.data + row * samples;
    for (size_t i = 0; i < samples; i++) {
      const int32_t value = (weights[0] * lines[0][i] + weights[1] * lines[1][i] + weights[2] * lines[2][i] +
                             weights[3] * lines[3][i] + half) >> fractionBits;
      to[i] = std::min(std::max(value, 0), 255);
    }
  }
}

/** Parts of a line that new pixels cover: from `first`, with weight `head`, to `last`, with weight `tail`; 1 in between. */
struct Parts {
  Span<int32_t> first, last;
  Span<float> head, tail;
  float inner;

  Parts(const Napi::CallbackInfo& info, size_t index, size_t length)
      : first(intsAt(info, index)), last(intsAt(info, index + 1)), head(floatsAt(info, index + 2)),
        tail(floatsAt(info, index + 3)), inner(info[index + 4].ToNumber().FloatValue()) {
    require(info, last.length == first.length && head.length == first.length && tail.length == first.length,
            "the parts have different numbers");
    bool areAscending = areBelow(first, length) && areBelow(last, length);
    for (size_t i = 0; i < first.length; i++) areAscending = areAscending && first[i] <= last[i];
    require(info, areAscending, "a part is outside the picture");
  }
};

/** (rgb, width, height, columns: first, last, head, tail, inner, rows: the same five, into): see `native-pixels.ts` */
void average(const Napi::CallbackInfo& info) {
  const auto rgb = bytesAt(info, 0);
  const size_t width = info[1].ToNumber().Uint32Value(), height = info[2].ToNumber().Uint32Value();
  const Parts columns(info, 3, width), rows(info, 8, height);
  const auto into = bytesAt(info, 13);
  require(info, rgb.length == width * height * channels, "the picture has the wrong size");
  require(info, into.length == columns.first.length * rows.first.length * channels, "the result has the wrong size");
  const size_t samples = width * channels;
  std::vector<float> sums(samples + 1);
  NewLine line(columns.first.length * channels);
  for (size_t row = 0; row < rows.first.length; row++) {
    const size_t from = rows.first[row], to = rows.last[row];
    for (size_t y = from; y <= to; y++) {
      const float weight = y == from ? rows.head[row] : y == to ? rows.tail[row] : rows.inner;
      const uint8_t* values = rgb.data + y * samples;
      if (y == from)
        for (size_t i = 0; i < samples; i++) sums[i] = weight * values[i];
      else
        for (size_t i = 0; i < samples; i++) sums[i] += weight * values[i];
    }
    for (size_t column = 0; column < columns.first.length; column++) {
      const size_t first = columns.first[column], last = columns.last[column];
      Float4 sum = {0.5f, 0.5f, 0.5f, 0.5f};
      for (size_t x = first; x <= last; x++) {
        Float4 value;
        std::memcpy(&value, sums.data() + x * channels, sizeof value);
        sum += (x == first ? columns.head[column] : x == last ? columns.tail[column] : columns.inner) * value;
      }
      line.set(column * channels, __builtin_convertvector(sum, Int4));
    }
    line.copyTo(into.data + row * columns.first.length * channels);
  }
}

/** (rgb, lineSamples, weights, into): see `native-pixels.ts` */
void halvedLuma(const Napi::CallbackInfo& info) {
  const auto rgb = bytesAt(info, 0);
  const size_t lineSamples = lineAt(info, 1, rgb);
  const auto weights = intsAt(info, 2);
  const auto into = bytesAt(info, 3);
  const size_t columns = lineSamples / channels / 2, rows = rgb.length / lineSamples / 2;
  require(info, weights.length == channels, "there is not one weight for each colour");
  require(info, into.length == columns * rows, "the result has the wrong size");
  std::vector<uint16_t> sums(lineSamples);
  for (size_t row = 0; row < rows; row++) {
    const uint8_t *above = rgb.data + 2 * row * lineSamples, *below = above + lineSamples;
    for (size_t i = 0; i < lineSamples; i++) sums[i] = above[i] + below[i];
    for (size_t column = 0; column < columns; column++) {
      const uint16_t* pixels = sums.data() + column * 2 * channels;
      int32_t luma = 0;
      for (size_t channel = 0; channel < channels; channel++)
        luma += weights[channel] * (pixels[channel] + pixels[channels + channel]);
      into[row * columns + column] = luma >> 10;
    }
  }
}

/** (a, b, length, into): the products of the rows of a with those of b, summed in order */
void products(const Napi::CallbackInfo& info) {
  const auto a = doublesAt(info, 0), b = doublesAt(info, 1);
  const size_t length = info[2].ToNumber().Uint32Value();
  const auto into = doublesAt(info, 3);
  require(info, length > 0 && a.length % length == 0 && b.length % length == 0, "a row is incomplete");
  const size_t m = a.length / length, n = b.length / length;
  require(info, into.length == m * n, "the result has the wrong size");
  std::vector<double> columns(b.length);
  for (size_t j = 0; j < n; j++)
    for (size_t k = 0; k < length; k++) columns[k * n + j] = b[j * length + k];
  std::fill(into.data, into.data + into.length, 0.0);
  for (size_t i = 0; i < m; i++) {
    double* sums = into.data + i * n;
    for (size_t k = 0; k < length; k++) {
      const double factor = a[i * length + k];
      const double* values = columns.data() + k * n;
      for (size_t j = 0; j < n; j++) sums[j] += factor * values[j];
    }
  }
}

Napi::Object define(Napi::Env env, Napi::Object exports) {
  exports["interpolate"] = Napi::Function::New<interpolate>(env);
  exports["convolve"] = Napi::Function::New<convolve>(env);
  exports["average"] = Napi::Function::New<average>(env);
  exports["halvedLuma"] = Napi::Function::New<halvedLuma>(env);
  exports["products"] = Napi::Function::New<products>(env);
  return exports;
}

}  // namespace

NODE_API_MODULE(alike_pixels, define)
