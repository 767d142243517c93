#include "nn/simulation_set.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/hdf5_file.h"
#include "base/random.h"

namespace penumbra {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a file holds; a test changes one thing.
struct Content {
  std::vector<double> theta, x;
  Shape theta_shape{30, 3}, x_shape{30, 2, 4};
  std::vector<std::string> names{"a", "b", "c"};
  std::vector<double> bounds{-kInfinity, kInfinity, 0.0, kInfinity, -2.0, 5.0};

  Content() {
    RandomStream random(1, 0, Stage::kTest);
    for (int n = 0; n < 30; ++n) {
      theta.insert(theta.end(), {100.0 + random.normal(), std::exp(random.normal()), -2.0 + 7.0 * random.uniform()});
      for (int i = 0; i < 8; ++i) x.push_back((i < 4 ? 1.0 : 1000.0) * random.normal() + i);
    }
  }
};

class SimulationFile : public testing::Test {
 protected:
  SimulationFile()
      : file_(std::filesystem::temp_directory_path() / ("simulation_set_" + std::to_string(::getpid()) + ".h5")) {}
  ~SimulationFile() override { std::filesystem::remove(file_); }

  SimulationSet load(const Content& content, bool series = false) {
    Hdf5Writer writer(file_);
    writer.doubles("/theta", content.theta, content.theta_shape);
    writer.doubles("/x", content.x, content.x_shape);
    if (!content.names.empty()) writer.strings("/parameters", content.names);
    if (!content.bounds.empty()) writer.doubles("/bounds", content.bounds, {content.bounds.size() / 2, 2});
    writer.commit();
    return SimulationSet::load(file_, series);
  }

  std::string error_of(const std::function<void(Content&)>& change) {
    Content content;
    change(content);
    try {
      load(content);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path file_;
};

TEST_F(SimulationFile, CoordinatesInvertAndKeepTheirBounds) {
  const Content content;
  const SimulationSet set = load(content);
  const Coordinates& c = set.coordinates();
  for (std::size_t n = 0; n < set.size(); ++n) {
    float scaled[8], z[3];
    double theta[3];
    c.scale_x(&content.x[8 * n], scaled);
    c.standardise(&content.theta[3 * n], scaled, z);
    c.restore(z, scaled, theta);
    for (int p = 0; p < 3; ++p) EXPECT_NEAR(theta[p], content.theta[3 * n + static_cast<std::size_t>(p)], 1e-5);
  }
  for (const float far : {-50.0F, 50.0F}) {
    const float scaled[8]{far, -far, far}, z[3]{far, far, far};
    double theta[3];
    c.restore(z, scaled, theta);
    EXPECT_GE(theta[1], 0.0);
    EXPECT_GE(theta[2], -2.0);
    EXPECT_LE(theta[2], 5.0);
  }
}

TEST_F(SimulationFile, JacobianIsThatOfDifferences) {
  const SimulationSet set = load(Content());
  const float scaled[8]{0.5F, -1.0F, 0.2F}, z[3]{0.3F, -0.8F, 1.2F};
  constexpr float kStep = 1.0F / 64;  // exact in float
  double sum = 0.0;
  for (int p = 0; p < 3; ++p) {
    float low[3]{z[0], z[1], z[2]}, high[3]{z[0], z[1], z[2]};
    low[p] -= kStep;
    high[p] += kStep;
    double theta_low[3], theta_high[3];
    set.coordinates().restore(low, scaled, theta_low);
    set.coordinates().restore(high, scaled, theta_high);
    sum += std::log((theta_high[p] - theta_low[p]) / (double{high[p]} - double{low[p]}));
  }
  EXPECT_NEAR(set.coordinates().log_jacobian(z, scaled), sum, 1e-3);
}

TEST_F(SimulationFile, WhatARegressionPredictsIsTakenOff) {
  // a = 100 + u, x_0 = 3 u + v with u and v unit normal: given x, a is 100 + .3 x_0 to 1 / sqrt(10).
  Content content;
  content.theta.clear();
  content.x.clear();
  RandomStream random(2, 0, Stage::kTest);
  constexpr std::size_t kRows = 3000;
  content.theta_shape[0] = content.x_shape[0] = kRows;
  for (std::size_t n = 0; n < kRows; ++n) {
    const double u = random.normal();
    content.theta.insert(content.theta.end(), {100.0 + u, std::exp(random.normal()), -2.0 + 7.0 * random.uniform()});
    content.x.push_back(3.0 * u + random.normal());
    for (int i = 1; i < 8; ++i) content.x.push_back(random.normal());
  }
  const auto spread = [&](bool series) {  // of a over z = 0, and its mean for x_0 = 10
    const SimulationSet set = load(content, series);
    const Coordinates& c = set.coordinates();
    std::vector<double> x(8, 0.0);
    x[0] = 10.0;
    float scaled[8];
    c.scale_x(x.data(), scaled);
    const float middle[3]{}, up[3]{1.0F};
    double at_middle[3], above[3];
    c.restore(middle, scaled, at_middle);
    c.restore(up, scaled, above);
    return std::pair(at_middle[0], above[0] - at_middle[0]);
  };
  EXPECT_NEAR(spread(false).first, 103.0, 0.1);
  EXPECT_NEAR(spread(false).second, 1.0 / std::sqrt(10.0), 0.02);
  EXPECT_NEAR(spread(true).first, 100.0, 0.1);  // a series: only the moments
  EXPECT_NEAR(spread(true).second, 1.0, 0.05);
}

TEST_F(SimulationFile, TextReadsBack) {
  for (const bool series : {false, true}) {
    const std::string text = load(Content(), series).coordinates().to_toml();
    EXPECT_EQ(Coordinates::parse(text, "checkpoint").to_toml(), text);
  }
  EXPECT_THROW(Coordinates::parse("[coordinates]\nparameters = [\"a\"]\n", "checkpoint"), UserError);
}

TEST_F(SimulationFile, EveryEpochReadsEachTrainingSystemOnceInANewOrder) {
  const Content content;
  const SimulationSet set = load(content);
  constexpr std::size_t kValidation = 5, kTraining = 25;
  const SystemSource source = set.source(7, kValidation);
  const DataLayout layout = set.coordinates().layout();
  std::vector<float> x(8), z(3);
  const SystemRows rows{&layout, {x.data()}, z.data()};
  const auto read = [&](std::uint64_t seed, std::uint64_t index) {
    source(seed, index, 1, rows);
    return std::vector<float>(z);
  };
  std::vector<std::vector<float>> first, second;
  for (std::size_t i = 0; i < kTraining; ++i) first.push_back(read(7, i));
  for (std::size_t i = 0; i < kTraining; ++i) second.push_back(read(7, kTraining + i));
  EXPECT_NE(first, second);
  const std::set<std::vector<float>> once(first.begin(), first.end()), again(second.begin(), second.end());
  EXPECT_EQ(once.size(), kTraining);
  EXPECT_EQ(once, again);
  for (std::size_t i = 0; i < kValidation; ++i) EXPECT_FALSE(once.contains(read(~std::uint64_t{7}, i)));
  EXPECT_EQ(read(7, 3), first[3]);  // not a matter of what was asked for before
}

TEST_F(SimulationFile, ScalingIsByNumberOrByChannel) {
  const Content content;
  const SimulationSet vector = load(content), series = load(content, true);
  std::vector<float> scaled(8);
  double by_number = 0.0, by_channel = 0.0;
  for (std::size_t n = 0; n < 30; ++n) {
    vector.coordinates().scale_x(&content.x[8 * n], scaled.data());
    by_number += scaled[2] / 30.0;
    series.coordinates().scale_x(&content.x[8 * n], scaled.data());
    for (int t = 0; t < 4; ++t) by_channel += scaled[static_cast<std::size_t>(t)] / 120.0;
  }
  EXPECT_NEAR(by_number, 0.0, 1e-5);
  EXPECT_NEAR(by_channel, 0.0, 1e-5);
}

TEST_F(SimulationFile, ObservationsAreOneOrMany) {
  const Content content;
  const SimulationSet set = load(content);
  const auto write = [&](const Shape& shape, double first) {
    std::size_t numbers = 1;
    for (const std::size_t extent : shape) numbers *= extent;
    std::vector<double> x(numbers, 1.5);
    x[0] = first;
    Hdf5Writer writer(file_);
    writer.doubles("/x", x, shape);
    writer.commit();
  };
  write({2, 4}, 1.0);
  EXPECT_EQ(ObservationSet::load(file_, set.coordinates()).size, 1U);
  write({3, 2, 4}, 1.0);
  EXPECT_EQ(ObservationSet::load(file_, set.coordinates()).size, 3U);
  for (const auto& [shape, first, what] :
       {std::tuple{Shape{4, 2}, 1.0, "trained on [2][4]"}, std::tuple{Shape{8}, 1.0, "trained on [2][4]"},
        std::tuple{Shape{2, 4}, std::nan(""), "must be finite"}}) {
    write(shape, first);
    try {
      ObservationSet::load(file_, set.coordinates());
      ADD_FAILURE() << what;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  }
}

TEST_F(SimulationFile, BadSetsAreRefusedWithTheReason) {
  const std::vector<std::pair<std::function<void(Content&)>, std::string>> rows{
      {[](Content& c) { c.theta[7] = std::nan(""); }, "/theta of simulation 2 is nan at place 1"},
      {[](Content& c) { c.x[17] = kInfinity; }, "/x of simulation 2 is inf at place 1"},
      {[](Content& c) {
         for (std::size_t n = 0; n < 30; ++n) c.theta[3 * n] = 4.0;
       },
       "parameter a is 4 in every"},
      {[](Content& c) { c.theta_shape = {90}; }, "/theta has the shape [90]"},
      {[](Content& c) {
         c.x_shape = {15, 2, 8};
       },
       "expected as many rows"},
      {[](Content& c) {
         c.names = {"a", "b"};
       },
       "2 names for 3 parameters"},
      {[](Content& c) {
         c.names = {"a", "b", "a"};
       },
       "'a': expected different names"},
      {[](Content& c) {
         c.names = {"a", "b", "log g"};
       },
       "'log g': expected"},
      {[](Content& c) { c.bounds[5] = -3.0; }, "/bounds of c: -2 to -3"},
      {[](Content& c) {
         c.bounds = {0.0, 1.0};
       },
       "/bounds"},
      {[](Content& c) { c.theta[4] = -0.5; }, "b = -0.5 is not inside its bounds, 0 to inf"},
      {[](Content& c) {
         c.theta.resize(30);
         c.x.resize(80);
         c.theta_shape = {10, 3};
         c.x_shape = {10, 8};
       },
       "10 simulations of 3 parameters; expected at least 20"},
  };
  for (const auto& [change, message] : rows) {
    EXPECT_NE(error_of(change).find(message), std::string::npos) << error_of(change);
  }
}

}  // namespace
}  // namespace penumbra
