#include "nn/targets.h"

#include <Eigen/Dense>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"
#include "sim/system.h"
#include "tests/sim/prior_tables.h"

namespace penumbra {
namespace {

using TargetsTest = PriorTest;
using Sample = std::array<float, kParameterCount>;

Observation with_period(double period_day) {
  Observation observation;
  observation.period_day = period_day;
  return observation;
}

double period_of(const Theta& theta) {
  return period_from_sma_day((theta[kRadius1] + theta[kRadius2]) / theta[kRsumFrac], theta[kMsum]);
}

Sample packed(const Targets& targets, const PriorDraw& draw, double period_day, std::uint64_t index) {
  Sample sample;
  RandomStream random(1, index, Stage::kFreeCoordinate);
  targets.pack(draw, with_period(period_day), random, sample.data());
  return sample;
}

TEST_F(TargetsTest, ThetaHasUnitMoments) {
  const Targets targets = Targets::make("theta", paper());
  constexpr int kDraws = 4000;
  std::array<double, kParameterCount> sum{}, square{};
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const Sample sample = packed(targets, paper().draw(3, i), kMissing, i);
    for (std::size_t p = 0; p < sample.size(); ++p) {
      sum[p] += sample[p] / kDraws;
      square[p] += std::pow(sample[p], 2) / kDraws;
    }
  }
  for (std::size_t p = 0; p < sum.size(); ++p) {
    EXPECT_NEAR(sum[p], 0.0, 5.0 / std::sqrt(kDraws)) << kParameters[p].name;
    // The radii and E(B-V) have tails so long that a few of the draws make their deviations.
    const bool long_tail = p == kRadius1 || p == kRadius2 || p == kEbv;
    EXPECT_NEAR(square[p], long_tail ? 0.75 : 1.0, long_tail ? 0.75 : 0.3) << kParameters[p].name;
  }
}

// What is packed is what comes back, and the period decides rsumfrac where it is known.
TEST_F(TargetsTest, RestoreIsTheInverseOfPack) {
  for (const char* kind : {"latent", "eclipses", "theta"}) {
    const Targets targets = Targets::make(kind, paper());
    int restored = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const PriorDraw draw = paper().draw(4, i);
      for (const double period_day : {kMissing, period_of(draw.theta)}) {
        const Sample sample = packed(targets, draw, period_day, i);
        Latent z;
        Theta theta;
        // Float rounding may push a draw that lies just inside the prior's edge outside.
        if (targets.restore(paper(), sample.data(), period_day, z, theta) != Status::kOk) continue;
        ++restored;
        for (std::size_t p = 0; p < theta.size(); ++p) {
          EXPECT_NEAR(theta[p], draw.theta[p], 2e-5 * std::max(1.0, std::abs(draw.theta[p])))
              << kind << " " << kParameters[p].name;
          // The offsets from the tracks magnify the rounding of float, and so do tracks near a turn.
          if (p != kRsumFrac) {
            EXPECT_NEAR(z[p], draw.z[p], 0.02) << kind << " " << kParameters[p].name;
          }
        }
        const float free = sample[static_cast<std::size_t>(targets.view().free_dimension())];
        EXPECT_NEAR(z[kRsumFrac], std::isnan(period_day) ? draw.z[kRsumFrac] : free, 1e-3) << kind;
      }
    }
    EXPECT_GE(restored, 380) << kind;
  }
}

TEST_F(TargetsTest, SamplesOffTheTracksAreRejected) {
  const Targets targets = Targets::make("theta", paper());
  const PriorDraw draw = paper().draw(4, 1);
  Sample sample = packed(targets, draw, kMissing, 1);
  sample[kRadius1] += 1.0f;
  Latent z;
  Theta theta;
  EXPECT_NE(targets.restore(paper(), sample.data(), kMissing, z, theta), Status::kOk);
  // omega is an angle: beyond 2 pi it goes on at 0.
  int turned = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const PriorDraw other = paper().draw(4, i);
    sample = packed(targets, other, kMissing, i);
    sample[kOmega] += 3.0f;
    if (targets.restore(paper(), sample.data(), kMissing, z, theta) != Status::kOk) continue;
    turned += theta[kOmega] < other.theta[kOmega];
    EXPECT_GE(theta[kOmega], 0.0);
    EXPECT_LT(theta[kOmega], 2.0 * std::numbers::pi);
  }
  EXPECT_GE(turned, 30);
}

// The logarithms of the eclipse's duration and of Teff2 / Teff1 to a few thousandths, and splits that are unit normals
// in the prior, whatever these are; the scaled eccentricity vector.
TEST_F(TargetsTest, EclipsesAreDurationRatioAndVector) {
  const Targets targets = Targets::make("eclipses", paper());
  constexpr int kDraws = 4000;
  struct Pair {
    int sum, split;
    double centre, scatter;
    double error_square = 0.0, split_mean = 0.0, split_square = 0.0, product = 0.0, offset_square = 0.0;
  };
  int drawn = 0;
  Pair pairs[] = {{kRsumFrac, kRadius1, -1.5, 0.8}, {kTeff2, kTeff1, -0.2, 0.2}};
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const PriorDraw draw = paper().draw(8, i);
    const Theta& theta = draw.theta;
    const Sample sample = packed(targets, draw, period_of(theta), i);
    const double e = theta[kEccentricity], x = e * std::cos(theta[kOmega]), y = e * std::sin(theta[kOmega]);
    // Winn (2010), equations 14 and 16; the prior's b is a share of its largest, which eclipses need to be 1.
    const double b = theta[kCosI] / theta[kRsumFrac] * (1.0 - e * e) / (1.0 + y);
    const double duration = theta[kRsumFrac] * std::sqrt((1.0 - b * b) * (1.0 - e * e)) / (1.0 + y);
    if (b > 0.999) continue;  // no digits left
    ++drawn;
    EXPECT_NEAR(sample[kEccentricity], 0.5 * std::asinh(x / 1e-3), 1e-5);
    EXPECT_NEAR(sample[kOmega], 0.5 * std::asinh(y / 1e-3), 1e-5);
    const double logarithms[] = {std::log(duration), std::log(theta[kTeff2] / theta[kTeff1])};
    const double on_tracks[] = {targets.view().duration(draw.z, theta).on_tracks,
                                targets.view().temperatures(draw.z, theta).on_tracks};
    for (int k = 0; k < 2; ++k) {
      Pair& pair = pairs[k];
      const double read = pair.centre + pair.scatter * double{sample[static_cast<std::size_t>(pair.sum)]};
      const double split = sample[static_cast<std::size_t>(pair.split)], offset = logarithms[k] - on_tracks[k];
      pair.error_square += std::pow(read - logarithms[k], 2) / kDraws;
      pair.split_mean += split / kDraws;
      pair.split_square += split * split / kDraws;
      pair.product += split * offset / kDraws;
      pair.offset_square += offset * offset / kDraws;
    }
  }
  EXPECT_GT(drawn, 0.98 * kDraws);
  for (const Pair& pair : pairs) {
    EXPECT_LT(std::sqrt(pair.error_square), 0.004);
    EXPECT_NEAR(pair.split_mean, 0.0, 5.0 / std::sqrt(kDraws));
    EXPECT_NEAR(pair.split_square, 1.0, 8.0 / std::sqrt(kDraws));
    EXPECT_NEAR(pair.product / std::sqrt(pair.offset_square), 0.0, 5.0 / std::sqrt(kDraws));
  }
}

// The determinant by differences, without the code under test: all sixteen dimensions, or the fifteen that a known
// period leaves.
TEST_F(TargetsTest, LogJacobianIsTheDeterminant) {
  for (const char* kind : {"theta", "eclipses"}) {
    // Splits turn fast where the sum of the radii is near its limit.
    const double step = kind == std::string("theta") ? 4e-3 : 1e-3;
    const Targets targets = Targets::make(kind, paper());
    const int free = targets.view().free_dimension();
    int tested = 0;
    for (std::uint64_t i = 0; i < 40; ++i) {
      const PriorDraw draw = paper().draw(5, i);
      for (const double period_day : {kMissing, period_of(draw.theta)}) {
        const bool known = !std::isnan(period_day);
        Eigen::MatrixXd jacobian = Eigen::MatrixXd::Identity(kParameterCount, kParameterCount);
        // Where the period is known, z[rsumfrac] is the sample's free dimension: rows and columns of its own.
        if (known && free != kRsumFrac) {
          jacobian(kRsumFrac, kRsumFrac) = 0.0;
          jacobian(free, free) = 0.0;
          jacobian(free, kRsumFrac) = 1.0;
        }
        bool possible = true;
        for (int p = 0; p < kParameterCount && possible; ++p) {
          if (known && p == kRsumFrac) continue;
          Sample side[2];
          for (int s = 0; s < 2; ++s) {
            PriorDraw moved = draw;
            moved.z[static_cast<std::size_t>(p)] += s == 0 ? -step : step;
            possible = possible && paper().theta_from_latent(moved.z, period_day, moved.theta) == Status::kOk;
            if (known && possible) moved.z[kRsumFrac] = paper().z_from_rsumfrac(moved.theta[kRsumFrac]);
            side[s] = packed(targets, moved, period_day, i);
          }
          for (int row = 0; row < kParameterCount; ++row) {
            if (known && row == free) continue;
            const auto r = static_cast<std::size_t>(row);
            jacobian(row, p) = (double{side[1][r]} - double{side[0][r]}) / (2.0 * step);
          }
        }
        if (!possible) continue;
        ++tested;
        EXPECT_NEAR(targets.log_jacobian(paper(), draw.z, draw.theta, period_day),
                    std::log(std::abs(jacobian.determinant())), 0.05)
            << kind << " " << i << (known ? ", known period" : "");
      }
    }
    EXPECT_GE(tested, 40) << kind;
  }
  const PriorDraw draw = paper().draw(5, 0);
  EXPECT_EQ(Targets().log_jacobian(paper(), draw.z, draw.theta, kMissing), 0.0);
}

TEST_F(TargetsTest, TextReadsBack) {
  const Targets targets = Targets::make("theta", paper());
  const std::string simulation = "prior.name = \"paper\"\n", text = simulation + targets.to_toml();
  const PriorDraw draw = paper().draw(6, 0);
  EXPECT_EQ(packed(Targets::parse("theta", text, "checkpoint"), draw, kMissing, 0), packed(targets, draw, kMissing, 0));
  for (const char* kind : {"latent", "eclipses"}) {
    const Targets others = Targets::make(kind, paper());
    EXPECT_EQ(others.to_toml(), "");
    const double period_day = period_of(draw.theta);
    EXPECT_EQ(packed(Targets::parse(kind, simulation, "checkpoint"), draw, period_day, 0),
              packed(others, draw, period_day, 0));
  }
  const Targets narrow = Targets::parse("eclipses", simulation + "prior.track_tolerance = 0.04\n", "checkpoint");
  EXPECT_EQ(narrow.view().track_tolerance, 0.04);
  EXPECT_THROW(Targets::parse("theta", simulation + "targets.mean = [1.0]\n", "checkpoint"), UserError);
}

}  // namespace
}  // namespace penumbra
