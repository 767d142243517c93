#include "spectra/emulator.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/error.h"
#include "base/hdf5_file.h"
#include "base/npz_file.h"

namespace penumbra {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixView = Eigen::Map<const Matrix>;
using RowView = Eigen::Map<const Eigen::RowVectorXf>;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

// An array of either kind of file.
struct Array {
  Shape shape;
  std::vector<double> values;
};

struct Arrays {
  std::filesystem::path file;
  std::function<Array(const std::string&)> read;

  UserError error(const std::string& name, const std::string& what) const {
    return UserError(fmt::format("{}: {}: {}", file.string(), name, what));
  }
  // Finite numbers; 0 in `expected` allows any extent.
  Array get(const std::string& name, const Shape& expected) const {
    Array array = read(name);
    bool fits = array.shape.size() == expected.size();
    for (std::size_t d = 0; fits && d < expected.size(); ++d) {
      fits = array.shape[d] > 0 && (expected[d] == 0 || array.shape[d] == expected[d]);
    }
    if (!fits) {
      const auto text = [](const Shape& shape) {
        std::string s;
        for (const std::size_t n : shape)
          s += (s.empty() ? "" : ", ") + (n == 0 ? std::string("any") : fmt::to_string(n));
        return "[" + s + "]";
      };
      throw error(name, fmt::format("shape {}, expected {}", text(array.shape), text(expected)));
    }
    for (const double value : array.values) {
      if (!std::isfinite(value)) throw error(name, "holds a number that is not finite");
    }
    return array;
  }
};

std::vector<float> to_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

// [to][from] as files have it -> [from][to]
std::vector<float> transposed(const Array& matrix) {
  const std::size_t rows = matrix.shape[0], columns = matrix.shape[1];
  std::vector<float> result(matrix.values.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) result[c * rows + r] = static_cast<float>(matrix.values[r * columns + c]);
  }
  return result;
}

// `in` and `out` are one detector; `taps` of -reach .. reach.
void convolve(const float* in, float* out, int pixels, const std::vector<float>& taps, int reach) {
  std::vector<float> padded(index(pixels + 2 * reach));
  for (int i = 0; i < pixels + 2 * reach; ++i) padded[index(i)] = in[std::clamp(i - reach, 0, pixels - 1)];
  for (int i = 0; i < pixels; ++i) {
    float sum = 0.0f;
    for (int j = 0; j <= 2 * reach; ++j) sum += taps[index(j)] * padded[index(i + 2 * reach - j)];
    out[i] = sum;
  }
}

void apply(const LineProfile& profile, std::vector<float>& scratch, float* flux) {
  if (profile.shift_pixels == 0.0 && profile.sigma_pixels == 0.0) return;
  const int reach = profile_reach(profile.shift_pixels, profile.sigma_pixels);
  std::array<double, kProfileFrequencies> transform;
  for (int m = 0; m < kProfileFrequencies; ++m) transform[index(m)] = profile_transform(m, profile.sigma_pixels);
  std::vector<float> taps(index(2 * reach + 1));
  double total = 0.0;
  for (int k = -reach; k <= reach; ++k) {
    const double tap = profile_tap(transform.data(), profile.sigma_pixels, k - profile.shift_pixels);
    total += tap;
    taps[index(k + reach)] = static_cast<float>(tap);
  }
  for (float& tap : taps) tap = static_cast<float>(static_cast<double>(tap) / total);
  scratch.assign(flux, flux + kPixelCount);
  for (int chip = 0; chip < kChipCount; ++chip) {
    const int from = chip_start(chip);
    convolve(scratch.data() + from, flux + from, chip_start(chip + 1) - from, taps, reach);
  }
}

}  // namespace

Emulator Emulator::load(const std::filesystem::path& file) {
  std::vector<std::string> names;
  std::optional<NpzReader> npz;
  std::optional<Hdf5Reader> hdf5;
  Arrays arrays{file, {}};
  if (file.extension() == ".npz") {
    npz.emplace(file);
    arrays.read = [&](const std::string& name) {
      NpzReader::Array array = npz->array(name);
      return Array{array.shape, std::move(array.values)};
    };
    for (int label = 0; label < kEmulatorLabelCount; ++label) names.emplace_back(kLabels[index(label)].emulator_name);
  } else {
    hdf5.emplace(file);
    arrays.read = [&](const std::string& name) { return Array{hdf5->shape(name), hdf5->doubles(name)}; };
    names = hdf5->strings("labels");
  }

  Emulator emulator;
  const Array w0 = arrays.get("w_array_0", {0, names.size()});
  const Array w1 = arrays.get("w_array_1", {0, w0.shape[0]});
  const Array w2 = arrays.get("w_array_2", {kPixelCount, w1.shape[0]});
  emulator.weight0_ = transposed(w0);
  emulator.weight1_ = transposed(w1);
  emulator.weight2_ = transposed(w2);
  emulator.bias0_ = to_floats(arrays.get("b_array_0", {w0.shape[0]}).values);
  emulator.bias1_ = to_floats(arrays.get("b_array_1", {w1.shape[0]}).values);
  emulator.bias2_ = to_floats(arrays.get("b_array_2", {kPixelCount}).values);
  Array low = arrays.get("x_min", {names.size()}), high = arrays.get("x_max", {names.size()});

  emulator.low_.fill(NAN);
  emulator.high_.fill(NAN);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = std::ranges::find(kLabels, names[i], &Label::emulator_name);
    if (names[i].empty() || found == kLabels.end()) {
      throw arrays.error("labels",
                         fmt::format("\"{}\" is not a label that is known here (spectra/labels.h)", names[i]));
    }
    const auto label = found - kLabels.begin();
    if (!std::isnan(emulator.low_[static_cast<std::size_t>(label)])) {
      throw arrays.error("labels", fmt::format("\"{}\" is there twice", names[i]));
    }
    const double unit = npz && label == kLabelTeff ? 1000.0 : 1.0;
    const double from = unit * low.values[i], to = unit * high.values[i];
    if (!(from < to)) {
      throw arrays.error("x_min", fmt::format("{} for {}: expected less than x_max, {}", from, names[i], to));
    }
    emulator.low_[static_cast<std::size_t>(label)] = from;
    emulator.high_[static_cast<std::size_t>(label)] = to;
    emulator.input_.push_back(
        {static_cast<int>(label), static_cast<float>(from), static_cast<float>(1.0 / (to - from))});
  }
  // The pixels are ours, not the file's: a file that says which it has must agree.
  if (hdf5 && hdf5->has("wavelength_angstrom")) {
    const std::vector<double> wavelength = arrays.get("wavelength_angstrom", {kPixelCount}).values;
    for (int p = 0; p < kPixelCount; ++p) {
      if (std::fabs(wavelength[index(p)] - wavelength_angstrom(p)) > 1e-3) {
        throw arrays.error("wavelength_angstrom", fmt::format("pixel {} is at {} A, expected {:.4f} A", p,
                                                              wavelength[index(p)], wavelength_angstrom(p)));
      }
    }
  }
  return emulator;
}

EmulatorView Emulator::view() const {
  return {static_cast<int>(input_.size()),
          static_cast<int>(bias0_.size()),
          static_cast<int>(bias1_.size()),
          input_.data(),
          weight0_.data(),
          weight1_.data(),
          weight2_.data(),
          bias0_.data(),
          bias1_.data(),
          bias2_.data(),
          !std::isnan(low_[kLabelVmacro])};
}

bool Emulator::has(int label) const {
  if (label == kLabelVelocity || label == kLabelVmacro) return true;
  for (std::size_t i = 0; i < input_.size(); ++i) {
    if (input_[i].label != label) continue;
    const float* const row = weight0_.data() + i * bias0_.size();
    return std::any_of(row, row + bias0_.size(), [](float w) { return w != 0.0f; });
  }
  return false;
}

SpectrumStatus Emulator::status(const Labels& labels) const {
  for (const double value : labels) {
    if (!std::isfinite(value)) return SpectrumStatus::kNotFinite;
  }
  const EmulatorView net = view();
  for (int i = 0; i < net.inputs; ++i) {
    if (std::fabs(scaled_input(net, labels.data(), i)) > 0.501f) return SpectrumStatus::kOutsideEmulator;
  }
  if (!(std::fabs(labels[kLabelVelocity]) < kLightKms) || labels[kLabelVmacro] < 0.0) return SpectrumStatus::kTooFast;
  const LineProfile profile = line_profile(net, labels.data());
  // Before it is an int.
  const double reach = std::fabs(profile.shift_pixels) + profile_support(profile.sigma_pixels);
  return reach > kMaxProfileReach ? SpectrumStatus::kTooFast : SpectrumStatus::kOk;
}

void Emulator::evaluate(std::span<const Labels> labels, std::span<float> flux) const {
  if (flux.size() != labels.size() * kPixelCount) throw std::invalid_argument("Emulator: flux is not [B][pixels]");
  const EmulatorView net = view();
  const auto layer = [](const Matrix& x, const float* weight, const float* bias, int from, int to) {
    Matrix y = x * MatrixView(weight, from, to);
    y.rowwise() += RowView(bias, to);
    return y;
  };
  // A part at a time, so that the last layer's input and output stay in the cache.
  constexpr std::size_t kPart = 64;
  std::vector<float> scratch;
  for (std::size_t first = 0; first < labels.size(); first += kPart) {
    const std::size_t count = std::min(kPart, labels.size() - first);
    Matrix x(count, net.inputs);
    for (std::size_t b = 0; b < count; ++b) {
      for (int i = 0; i < net.inputs; ++i) {
        x(static_cast<Eigen::Index>(b), i) = scaled_input(net, labels[first + b].data(), i);
      }
    }
    x = layer(x, net.weight0, net.bias0, net.inputs, net.hidden1).unaryExpr(&leaky_relu);
    x = layer(x, net.weight1, net.bias1, net.hidden1, net.hidden2).unaryExpr(&leaky_relu);
    Eigen::Map<Matrix> out(flux.data() + first * kPixelCount, static_cast<Eigen::Index>(count), kPixelCount);
    out.noalias() = x * MatrixView(net.weight2, net.hidden2, kPixelCount);
    out.rowwise() += RowView(net.bias2, kPixelCount);
    for (std::size_t b = 0; b < count; ++b) {
      const Labels& star = labels[first + b];
      float* const row = flux.data() + (first + b) * kPixelCount;
      if (status(star) == SpectrumStatus::kOk) {
        apply(line_profile(net, star.data()), scratch, row);
      } else {
        std::fill(row, row + kPixelCount, NAN);
      }
    }
  }
}

}  // namespace penumbra
