#include "nn/simulation_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <numeric>

#include "base/config.h"
#include "base/error.h"
#include "base/hdf5_file.h"
#include "base/random.h"

namespace penumbra {
namespace {

constexpr std::size_t kFewest = 20;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kMostRegressed = 1000;  // numbers of x; the work goes as their square
constexpr double kFarthest = 20.0;            // scaled x beyond this many deviations says no more to a network

template <class Value>
std::size_t product(const std::vector<Value>& shape) {
  std::size_t n = 1;
  for (const Value extent : shape) n *= static_cast<std::size_t>(extent);
  return n;
}

std::string shape_text(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, "][")); }

void check_finite(const std::filesystem::path& file, const std::string& dataset, const std::vector<double>& values,
                  std::size_t width) {
  const auto bad = std::ranges::find_if(values, [](double v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  const auto i = static_cast<std::size_t>(bad - values.begin());
  throw UserError(fmt::format("{}: {} of simulation {} is {} at place {}: every number must be finite", file.string(),
                              dataset, i / width, *bad, i % width));
}

// Mean and standard deviation of every column of values [rows][width].
void moments(const std::vector<double>& values, std::size_t width, std::vector<double>& mean,
             std::vector<double>& deviation) {
  const std::size_t rows = values.size() / width;
  mean.assign(width, 0.0);
  deviation.assign(width, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) mean[i % width] += values[i] / static_cast<double>(rows);
  for (std::size_t i = 0; i < values.size(); ++i) {
    deviation[i % width] += std::pow(values[i] - mean[i % width], 2) / static_cast<double>(rows);
  }
  for (double& d : deviation) d = std::sqrt(d);
}

// Slopes [P][number of x] of y [rows][P], about its mean, on scaled x [rows][...]. As many pseudo-observations of no
// slope as there are numbers in x keep few rows from being overfitted.
std::vector<double> regression(const std::vector<double>& y, const std::vector<float>& x, std::size_t rows) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(rows), width = std::ssize(y) / n, numbers = std::ssize(x) / n;
  const Eigen::Map<const Rows> target(y.data(), n, width);
  const Rows given =
      Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(x.data(), n, numbers)
          .cast<double>();
  Eigen::MatrixXd normal = given.transpose() * given;
  normal.diagonal().array() += static_cast<double>(numbers);
  const Eigen::MatrixXd slopes = normal.ldlt().solve(given.transpose() * (target.rowwise() - target.colwise().mean()));
  return {slopes.data(), slopes.data() + slopes.size()};
}

// TOML knows infinity, base/config.h does not.
std::vector<std::string> bound_texts(const std::vector<double>& bounds) {
  std::vector<std::string> texts;
  for (const double b : bounds) texts.push_back(fmt::format("\"{}\"", b));
  return texts;
}
std::vector<double> bounds_from(const Config& config, const std::string& key) {
  std::vector<double> bounds;
  for (const std::string& text : config.texts(key)) {
    try {
      bounds.push_back(std::stod(text));
    } catch (const std::exception&) {
      throw config.error(key, "expected numbers or infinities");
    }
  }
  return bounds;
}

// The order of one epoch.
std::vector<std::uint32_t> shuffled(std::uint64_t seed, std::uint64_t epoch, std::size_t count) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  RandomStream random(seed, epoch, Stage::kShuffle);
  for (std::size_t i = count - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<std::size_t>(random.below(static_cast<int>(i) + 1))]);
  }
  return order;
}

// Threads ask for rows of the present epoch or the next one; each order is made once.
class EpochOrders {
 public:
  explicit EpochOrders(std::size_t count) : count_(count) {}
  std::shared_ptr<const std::vector<std::uint32_t>> order(std::uint64_t seed, std::uint64_t epoch) {
    const std::scoped_lock lock(mutex_);
    for (const Kept& kept : kept_) {
      if (kept.order && kept.seed == seed && kept.epoch == epoch) return kept.order;
    }
    Kept& oldest = kept_[next_++ % kept_.size()];
    oldest = {seed, epoch, std::make_shared<const std::vector<std::uint32_t>>(shuffled(seed, epoch, count_))};
    return oldest.order;
  }

 private:
  struct Kept {
    std::uint64_t seed = 0, epoch = 0;
    std::shared_ptr<const std::vector<std::uint32_t>> order;
  };
  std::size_t count_;
  std::mutex mutex_;
  std::array<Kept, 3> kept_;
  std::size_t next_ = 0;
};

}  // namespace

double Coordinates::unbounded(std::size_t p, double theta) const {
  const double low = lower_[p], high = upper_[p];
  if (low > -kInfinity && high < kInfinity) return std::log((theta - low) / (high - theta));
  if (low > -kInfinity) return std::log(theta - low);
  if (high < kInfinity) return -std::log(high - theta);
  return theta;
}

double Coordinates::bounded(std::size_t p, double y) const {
  const double low = lower_[p], high = upper_[p];
  if (low > -kInfinity && high < kInfinity) return low + (high - low) / (1.0 + std::exp(-y));
  if (low > -kInfinity) return low + std::exp(y);
  if (high < kInfinity) return high - std::exp(-y);
  return y;
}

double Coordinates::predicted(std::size_t p, const float* scaled) const {
  const std::size_t numbers = regression_.size() / parameter_count();
  return std::inner_product(scaled, scaled + numbers, &regression_[p * numbers], mean_[p]);
}

void Coordinates::standardise(const double* theta, const float* scaled, float* z) const {
  for (std::size_t p = 0; p < parameter_count(); ++p) {
    z[p] = static_cast<float>((unbounded(p, theta[p]) - predicted(p, scaled)) / deviation_[p]);
  }
}

void Coordinates::restore(const float* z, const float* scaled, double* theta) const {
  for (std::size_t p = 0; p < parameter_count(); ++p) {
    theta[p] = bounded(p, predicted(p, scaled) + deviation_[p] * static_cast<double>(z[p]));
  }
}

double Coordinates::log_jacobian(const float* z, const float* scaled) const {
  double sum = 0.0;
  for (std::size_t p = 0; p < parameter_count(); ++p) {
    const double low = lower_[p], high = upper_[p];
    const double y = predicted(p, scaled) + deviation_[p] * static_cast<double>(z[p]);
    sum += std::log(deviation_[p]);
    if (low > -kInfinity && high < kInfinity) {
      sum += std::log(high - low) - std::abs(y) - 2.0 * std::log1p(std::exp(-std::abs(y)));
    } else if (low > -kInfinity) {
      sum += y;
    } else if (high < kInfinity) {
      sum -= y;
    }
  }
  return sum;
}

void Coordinates::scale_x(const double* x, float* scaled) const {
  const std::size_t count = product(x_shape_), each = count / x_mean_.size();
  for (std::size_t i = 0; i < count; ++i) {
    const double value = (x[i] - x_mean_[i / each]) / x_deviation_[i / each];
    scaled[i] = static_cast<float>(std::clamp(value, -kFarthest, kFarthest));
  }
}

DataLayout Coordinates::layout() const { return {{{"x", x_shape_}}, names_}; }

std::string Coordinates::to_toml() const {
  std::vector<std::string> names;
  for (const std::string& name : names_) names.push_back(fmt::format("\"{}\"", name));
  const std::string slopes =
      regression_.empty() ? "" : fmt::format("regression = [{}]\n", fmt::join(regression_, ", "));
  return fmt::format(
      "[coordinates]\nparameters = [{}]\nlower = [{}]\nupper = [{}]\nmean = [{}]\ndeviation = [{}]\n"
      "{}x_shape = [{}]\nx_mean = [{}]\nx_deviation = [{}]\n",
      fmt::join(names, ", "), fmt::join(bound_texts(lower_), ", "), fmt::join(bound_texts(upper_), ", "),
      fmt::join(mean_, ", "), fmt::join(deviation_, ", "), slopes, fmt::join(x_shape_, ", "), fmt::join(x_mean_, ", "),
      fmt::join(x_deviation_, ", "));
}

Coordinates Coordinates::parse(const std::string& toml, const std::string& source) {
  const Config config = Config::parse(toml, source), table = config.section("coordinates");
  Coordinates c;
  c.names_ = table.texts("parameters");
  c.lower_ = bounds_from(table, "lower");
  c.upper_ = bounds_from(table, "upper");
  c.mean_ = table.numbers("mean");
  c.deviation_ = table.numbers("deviation");
  if (table.has("regression")) c.regression_ = table.numbers("regression");
  c.x_shape_ = table.integers("x_shape", {}, {1.0});
  c.x_mean_ = table.numbers("x_mean");
  c.x_deviation_ = table.numbers("x_deviation");
  for (const std::size_t size : {c.lower_.size(), c.upper_.size(), c.mean_.size(), c.deviation_.size()}) {
    if (size != c.names_.size()) throw table.error("parameters", "as many bounds and moments are expected");
  }
  if (c.x_mean_.empty() || c.x_mean_.size() != c.x_deviation_.size() || product(c.x_shape_) % c.x_mean_.size() != 0) {
    throw table.error("x_mean", "the moments do not fit x_shape");
  }
  if (!c.regression_.empty() && c.regression_.size() != c.names_.size() * product(c.x_shape_)) {
    throw table.error("regression", "it does not fit the parameters and x_shape");
  }
  return c;
}

SimulationSet SimulationSet::load(const std::filesystem::path& file, bool series) {
  const Hdf5Reader reader(file);
  const Shape theta_shape = reader.shape("/theta"), x_shape = reader.shape("/x");
  if (theta_shape.size() != 2) {
    throw UserError(fmt::format("{}: /theta has the shape {}; expected [simulations][parameters]", file.string(),
                                shape_text(theta_shape)));
  }
  const std::size_t count = theta_shape[0], width = theta_shape[1];
  if (x_shape.size() < 2 || x_shape[0] != count) {
    throw UserError(fmt::format("{}: /x has the shape {}, /theta {}; expected as many rows, and x [rows][numbers ...]",
                                file.string(), shape_text(x_shape), shape_text(theta_shape)));
  }
  if (count < kFewest || width == 0 || product(x_shape) == 0) {
    throw UserError(fmt::format("{}: {} simulations of {} parameters; expected at least {} of at least 1",
                                file.string(), count, width, kFewest));
  }
  SimulationSet set;
  Coordinates& c = set.coordinates_;
  if (reader.has("/parameters")) {
    c.names_ = reader.strings("/parameters");
    if (c.names_.size() != width) {
      throw UserError(
          fmt::format("{}: /parameters has {} names for {} parameters", file.string(), c.names_.size(), width));
    }
    for (std::size_t p = 0; p < width; ++p) {
      const std::string& name = c.names_[p];
      const bool plain = !name.empty() && name.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_") == std::string::npos;
      if (!plain || std::count(c.names_.begin(), c.names_.end(), name) > 1) {
        throw UserError(fmt::format("{}: /parameters: '{}': expected different names of letters, digits and _",
                                    file.string(), name));
      }
    }
  } else {
    for (std::size_t p = 0; p < width; ++p) c.names_.push_back(fmt::format("theta{}", p));
  }
  c.lower_.assign(width, -kInfinity);
  c.upper_.assign(width, kInfinity);
  if (reader.has("/bounds")) {
    const std::vector<double> bounds = reader.doubles("/bounds", {width, 2});
    for (std::size_t p = 0; p < width; ++p) {
      c.lower_[p] = bounds[2 * p];
      c.upper_[p] = bounds[2 * p + 1];
      if (!(c.lower_[p] < c.upper_[p])) {
        throw UserError(fmt::format("{}: /bounds of {}: {} to {}: the first must be the smaller", file.string(),
                                    c.names_[p], c.lower_[p], c.upper_[p]));
      }
    }
  }

  std::vector<double> theta = reader.doubles("/theta");
  check_finite(file, "/theta", theta, width);
  for (std::size_t i = 0; i < theta.size(); ++i) {
    const std::size_t p = i % width;
    if (!(theta[i] > c.lower_[p] && theta[i] < c.upper_[p])) {
      throw UserError(fmt::format("{}: /theta of simulation {}: {} = {} is not inside its bounds, {} to {}",
                                  file.string(), i / width, c.names_[p], theta[i], c.lower_[p], c.upper_[p]));
    }
  }
  std::vector<double> unbounded(theta.size());
  for (std::size_t i = 0; i < theta.size(); ++i) unbounded[i] = c.unbounded(i % width, theta[i]);
  moments(unbounded, width, c.mean_, c.deviation_);
  for (std::size_t p = 0; p < width; ++p) {
    if (!(c.deviation_[p] > 1e-12 * std::abs(c.mean_[p]))) {
      throw UserError(fmt::format("{}: parameter {} is {} in every simulation: leave it out", file.string(),
                                  c.names_[p], theta[p]));
    }
  }

  const std::vector<double> x = reader.doubles("/x");
  c.x_shape_.assign(x_shape.begin() + 1, x_shape.end());
  const std::size_t numbers = product(c.x_shape_);
  check_finite(file, "/x", x, numbers);
  moments(x, numbers, c.x_mean_, c.x_deviation_);
  if (series) {  // one level and one scale for a whole series keep its shape
    const std::size_t length = static_cast<std::size_t>(c.x_shape_.back()), channels = numbers / length;
    std::vector<double> mean(channels, 0.0), deviation(channels, 0.0);
    for (std::size_t i = 0; i < numbers; ++i) mean[i / length] += c.x_mean_[i] / static_cast<double>(length);
    for (std::size_t i = 0; i < numbers; ++i) {
      const double from_mean = c.x_mean_[i] - mean[i / length];
      deviation[i / length] +=
          (c.x_deviation_[i] * c.x_deviation_[i] + from_mean * from_mean) / static_cast<double>(length);
    }
    for (double& d : deviation) d = std::sqrt(d);
    c.x_mean_ = mean;
    c.x_deviation_ = deviation;
  }
  for (double& d : c.x_deviation_) {
    if (!(d > 0.0)) d = 1.0;  // a number that never changes says nothing, whatever its scale
  }
  set.x_.resize(x.size());
  for (std::size_t n = 0; n < count; ++n) c.scale_x(&x[n * numbers], &set.x_[n * numbers]);

  if (!series && numbers <= kMostRegressed) {
    c.regression_ = regression(unbounded, set.x_, count);
    std::vector<double> none;
    for (std::size_t n = 0; n < count; ++n) {
      for (std::size_t p = 0; p < width; ++p) {
        unbounded[n * width + p] -= c.predicted(p, &set.x_[n * numbers]);
      }
    }
    moments(unbounded, width, none, c.deviation_);
  }
  set.theta_.resize(theta.size());
  for (std::size_t n = 0; n < count; ++n) {
    c.standardise(&theta[n * width], &set.x_[n * numbers], &set.theta_[n * width]);
  }
  return set;
}

SystemSource SimulationSet::source(std::uint64_t training_seed, std::size_t validation) const {
  const std::size_t training = size() - validation;
  const auto orders = std::make_shared<EpochOrders>(training);
  return [this, training_seed, validation, training, orders](std::uint64_t seed, std::uint64_t first, int count,
                                                             const SystemRows& rows) {
    const std::size_t width = coordinates_.parameter_count(), numbers = product(coordinates_.x_shape_);
    for (int b = 0; b < count; ++b) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(b);
      // nn/train.cpp reads its validation set from a stream of its own.
      const std::size_t row = seed != training_seed ? training + static_cast<std::size_t>(index) % validation
                                                    : (*orders->order(seed, index / training))[index % training];
      std::copy_n(&x_[row * numbers], numbers, rows.input(0, b));
      std::copy_n(&theta_[row * width], width, rows.target(b));
    }
  };
}

ObservationSet ObservationSet::load(const std::filesystem::path& file, const Coordinates& coordinates) {
  const Hdf5Reader reader(file);
  const Shape found = reader.shape("/x");
  const Shape wanted(coordinates.x_shape().begin(), coordinates.x_shape().end());
  ObservationSet set;
  if (found == wanted) {
    set.size = 1;
  } else if (found.size() == wanted.size() + 1 && std::equal(wanted.begin(), wanted.end(), found.begin() + 1)) {
    set.size = found[0];
  } else {
    throw UserError(fmt::format("{}: /x has the shape {}; the network was trained on {}, or rows of it", file.string(),
                                shape_text(found), shape_text(wanted)));
  }
  if (set.size == 0) throw UserError(fmt::format("{}: /x has no rows", file.string()));
  set.layout = coordinates.layout();
  set.x = reader.doubles("/x");
  const std::size_t numbers = product(wanted);
  check_finite(file, "/x", set.x, numbers);
  set.scaled.resize(set.x.size());
  for (std::size_t b = 0; b < set.size; ++b) coordinates.scale_x(&set.x[b * numbers], &set.scaled[b * numbers]);
  return set;
}

SystemView ObservationSet::view(std::size_t observation) const {
  return {&layout, 1, {&scaled[observation * layout.inputs[0].size()]}, nullptr};
}

}  // namespace penumbra
