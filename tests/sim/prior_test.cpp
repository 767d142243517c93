#include "sim/prior.h"

#include <Eigen/Dense>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <thread>
#include <vector>

#include "base/error.h"
#include "sim/constants.h"
#include "sim/roche.h"
#include "sim/special_functions.h"
#include "sim/system.h"
#include "tests/sim/prior_tables.h"

namespace penumbra {
namespace {

TEST_F(PriorTest, RoundTrip) {
  RandomStream random(21, 0, Stage::kTest);
  int done = 0;
  double worst = 0.0;
  for (int k = 0; k < 5000; ++k) {
    Latent z;
    for (double& value : z) value = random.normal();
    for (std::size_t p = kRsumFrac; p < kParameterCount; ++p) z[p] = 10.0 * random.uniform() - 5.0;
    Theta theta;
    const Status status = paper().theta_from_latent(z, theta);
    if (status == Status::kOutsideTracks) continue;
    ASSERT_NE(status, Status::kInvalidInput);
    Latent back;
    ASSERT_EQ(paper().latent_from_theta(theta, back), Status::kOk);
    for (std::size_t p = 0; p < kParameterCount; ++p) {
      ASSERT_NEAR(back[p], z[p], 1e-6) << kParameters[p].name;
      worst = std::max(worst, std::abs(back[p] - z[p]));
    }
    ++done;
  }
  std::printf("round trip of %d latents: largest difference %.1e\n", done, worst);
  EXPECT_GT(done, 3000);
}

TEST_F(PriorTest, JacobianIsTheNumericalDeterminant) {
  constexpr double kH = 1e-5;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const PriorDraw draw = paper().draw(6, i);
    Eigen::Matrix<double, 16, 16> jacobian;
    bool complete = true;
    for (int column = 0; column < 16; ++column) {
      Latent up = draw.z, down = draw.z;
      up[static_cast<std::size_t>(column)] += kH;
      down[static_cast<std::size_t>(column)] -= kH;
      Theta high, low;
      complete = complete && paper().theta_from_latent(up, high) != Status::kOutsideTracks &&
                 paper().theta_from_latent(down, low) != Status::kOutsideTracks;
      if (!complete) break;
      for (int row = 0; row < 16; ++row) {
        const auto r = static_cast<std::size_t>(row);
        double difference = high[r] - low[r];
        if (row == kOmega) difference = std::remainder(difference, kTwoPi);
        // Rows scaled to order one; the scale goes into the determinant again below.
        jacobian(row, column) = difference / (2.0 * kH) / std::abs(draw.theta[r]);
      }
    }
    if (!complete) continue;  // at the edge of the tracks
    double numerical = std::log(std::abs(jacobian.fullPivLu().determinant()));
    for (const double value : draw.theta) numerical += std::log(std::abs(value));
    EXPECT_NEAR(paper().log_jacobian(draw.z, draw.theta), numerical, 1e-3) << i;
  }
}

TEST_F(PriorTest, MarginalsBeforeRejections) {
  // Everything that does not depend on whether the tracks have the star, from raw normals.
  RandomStream random(22, 0, Stage::kTest);
  const PriorSpec& s = paper().spec();
  std::vector<double> msum, q, age, feh, rsum, log_e, omega, cos_i, distance;
  std::vector<std::vector<double>> offset(6);
  const double emg_cut = [&] {
    return normal_cdf(-s.msum_mu / s.msum_sigma) -
           std::exp(s.msum_mu / s.msum_k + 0.5 * std::pow(s.msum_sigma / s.msum_k, 2)) *
               normal_cdf(-s.msum_mu / s.msum_sigma - s.msum_sigma / s.msum_k);
  }();
  for (int k = 0; k < 40000; ++k) {
    Latent z;
    for (double& value : z) value = random.normal();
    Theta t;
    const Status status = paper().theta_from_latent(z, t);
    const double x = (t[kMsum] - s.msum_mu) / s.msum_sigma;
    const double emg =
        normal_cdf(x) - std::exp(-(t[kMsum] - s.msum_mu) / s.msum_k + 0.5 * std::pow(s.msum_sigma / s.msum_k, 2)) *
                            normal_cdf(x - s.msum_sigma / s.msum_k);
    msum.push_back((emg - emg_cut) / (1.0 - emg_cut));
    q.push_back(regularized_beta(2.5, 1.2, t[kQ], 1.0 - t[kQ]));
    const double u = (t[kLogAge] - 6.5) / 3.63;
    age.push_back(regularized_beta(2.5, 1.8, u, 1.0 - u));
    feh.push_back(normal_cdf((t[kFeh] + 1.0) / 0.5));
    if (status == Status::kOutsideTracks) continue;
    rsum.push_back(regularized_beta(1.6, 4.0, t[kRsumFrac], 1.0 - t[kRsumFrac]));
    const double e = t[kEccentricity];
    log_e.push_back((normal_cdf((std::log10(e) + 2.0) / 0.6) - normal_cdf(-4.0 / 0.6)) /
                    (normal_cdf((2.0 - 4e-6) / 0.6) - normal_cdf(-4.0 / 0.6)));
    omega.push_back(t[kOmega] / kTwoPi);
    cos_i.push_back(t[kCosI] / std::min(0.99999, t[kRsumFrac] * (1.0 + e * std::sin(t[kOmega])) / (1.0 - e * e)));
    distance.push_back(normal_cdf((std::log10(t[kDistance]) - 2.90) / std::hypot(0.40, 0.10)));
    for (std::size_t star = 0; star < 2; ++star) {
      StellarState track;
      const double m1 = t[kMsum] / (1.0 + t[kQ]);
      ASSERT_TRUE(interpolate_star(tracks(), star == 0 ? m1 : t[kMsum] - m1, t[kLogAge], t[kFeh], track));
      offset[star].push_back((t[kTeff1 + star] / track.teff_k - 0.95) / 0.1);
      offset[2 + star].push_back((std::pow(10.0, t[kLogL1 + star] - track.log_l) - 0.95) / 0.1);
      offset[4 + star].push_back((t[kRadius1 + star] / track.radius_rsun - 0.95) / 0.1);
    }
  }
  EXPECT_LT(kolmogorov(msum), 1.95);
  EXPECT_LT(kolmogorov(q), 1.95);
  EXPECT_LT(kolmogorov(age), 1.95);
  EXPECT_LT(kolmogorov(feh), 1.95);
  EXPECT_LT(kolmogorov(rsum), 1.95);
  EXPECT_LT(kolmogorov(log_e), 1.95);
  EXPECT_LT(kolmogorov(omega), 1.95);
  EXPECT_LT(kolmogorov(cos_i), 1.95);
  EXPECT_LT(kolmogorov(distance), 1.95);
  for (const auto& values : offset) EXPECT_LT(kolmogorov(values), 1.95);
}

TEST_F(PriorTest, DrawsFollowTheDensity) {
  // Draws of one prior, weighted by the ratio of densities, have the moments of the draws of another, narrower one.
  PriorSpec narrow = named_prior("paper");
  narrow.msum_k = 0.8;
  narrow.msum_mu = 0.9;
  narrow.q_alpha = 4.0;
  narrow.q_beta = 1.5;
  narrow.age_alpha = 3.5;
  narrow.feh_mean = -0.8;
  narrow.feh_sigma = 0.35;
  narrow.rsum_beta = 5.0;
  narrow.loge_sigma = 0.5;
  narrow.track_tolerance = 0.04;
  const Prior other = make(narrow);
  constexpr int kDraws = 60000;
  const auto features = [](const Theta& t) {
    return std::array<double, 9>{
        t[kMsum],           t[kQ],    t[kLogAge], t[kFeh], t[kRsumFrac], std::log10(t[kEccentricity]), t[kCosI],
        t[kTeff1] / 5000.0, t[kLogL2]};
  };
  std::array<double, 9> mean_other{}, square_other{}, weighted{};
  std::vector<std::array<double, 9>> values;
  std::vector<double> weights;
  double total = 0.0, total_squares = 0.0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const auto f = features(other.draw(7, i).theta);
    for (std::size_t k = 0; k < 9; ++k) {
      mean_other[k] += f[k] / kDraws;
      square_other[k] += f[k] * f[k] / kDraws;
    }
    const Theta theta = paper().draw(8, i).theta;
    const double w = std::exp(other.log_density(theta) - paper().log_density(theta));
    ASSERT_TRUE(std::isfinite(w));
    values.push_back(features(theta));
    weights.push_back(w);
    total += w;
    total_squares += w * w;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t k = 0; k < 9; ++k) weighted[k] += weights[i] * values[i][k] / total;
  }
  const double effective = total * total / total_squares;
  std::printf("importance weights: effective sample size %.0f of %d\n", effective, kDraws);
  ASSERT_GT(effective, 1000.0);
  for (std::size_t k = 0; k < 9; ++k) {
    const double sigma = std::sqrt(square_other[k] - mean_other[k] * mean_other[k]);
    EXPECT_NEAR(weighted[k], mean_other[k], 4.5 * sigma * std::sqrt(1.0 / effective + 1.0 / kDraws)) << k;
  }
}

TEST_F(PriorTest, EveryDrawIsInsideTheSupportAndAccepted) {
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const PriorDraw draw = paper().draw(9, i);
    for (const double value : draw.theta) ASSERT_TRUE(std::isfinite(value));
    ASSERT_EQ(rejection(draw.theta), Status::kOk);
    ASSERT_TRUE(std::isfinite(paper().log_density(draw.theta))) << i;
    Theta again;
    ASSERT_EQ(paper().theta_from_latent(draw.z, again), Status::kOk);
    ASSERT_EQ(again, draw.theta);
  }
}

TEST_F(PriorTest, DrawsDependOnSeedAndIndexOnly) {
  constexpr std::uint64_t kDraws = 400;
  std::vector<Theta> forward(kDraws), backward(kDraws), threaded(kDraws);
  for (std::uint64_t i = 0; i < kDraws; ++i) forward[i] = paper().draw(10, i).theta;
  for (std::uint64_t i = kDraws; i-- > 0;) backward[i] = paper().draw(10, i).theta;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t worker = 0; worker < 4; ++worker) {
      threads.emplace_back([&, worker] {
        for (std::uint64_t i = worker; i < kDraws; i += 4) threaded[i] = paper().draw(10, i).theta;
      });
    }
  }
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward, threaded);
  EXPECT_NE(forward[0], forward[1]);
  EXPECT_NE(forward[0], paper().draw(11, 0).theta);
}

TEST_F(PriorTest, AcceptanceIsHighAndTheSoftBarriersTakeLittle) {
  for (const char* name : {"paper", "field"}) {
    const Prior prior = make(named_prior(name));
    constexpr int kDraws = 50000;
    std::array<long, static_cast<int>(Status::kStatusCount)> rejected{};
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const PriorDraw draw = prior.draw(12, i);
      for (std::size_t k = 0; k < rejected.size(); ++k) rejected[k] += draw.rejected[k];
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    long attempts = kDraws;
    for (const long count : rejected) attempts += count;
    std::printf("%s: %.0f draws/s, accepted %.3f", name, kDraws / seconds, kDraws / static_cast<double>(attempts));
    for (std::size_t k = 1; k < rejected.size(); ++k) {
      if (rejected[k] > 0) {
        std::printf(", %s %.4f", kStatusNames[k].data(),
                    static_cast<double>(rejected[k]) / static_cast<double>(attempts));
      }
    }
    std::printf("\n");
    EXPECT_GT(kDraws / static_cast<double>(attempts), 0.5);
    EXPECT_LT(
        static_cast<double>(rejected[static_cast<std::size_t>(Status::kSoftBarrier)]) / static_cast<double>(attempts),
        0.01);
    EXPECT_EQ(rejected[static_cast<std::size_t>(Status::kInvalidInput)], 0);
  }
}

TEST_F(PriorTest, DensityEndsWhereTheSupportEnds) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Theta inside = paper().draw(13, 0).theta;
  ASSERT_TRUE(std::isfinite(paper().log_density(inside)));
  const auto with = [&](Parameter p, double value) {
    Theta theta = inside;
    theta[p] = value;
    return paper().log_density(theta);
  };
  EXPECT_EQ(with(kMsum, -1.0), -infinity);
  EXPECT_EQ(with(kMsum, 1000.0), -infinity);
  EXPECT_EQ(with(kQ, 1.01), -infinity);
  EXPECT_EQ(with(kLogAge, 6.4), -infinity);
  EXPECT_EQ(with(kFeh, 0.7), -infinity);
  EXPECT_EQ(with(kEccentricity, 0.0), -infinity);
  EXPECT_EQ(with(kEccentricity, 1.0), -infinity);
  EXPECT_EQ(with(kOmega, -0.1), -infinity);
  EXPECT_EQ(with(kCosI, 1.01 * inside[kRsumFrac] * 1.3), -infinity);
  EXPECT_EQ(with(kTeff1, 1.2 * inside[kTeff1]), -infinity);
  EXPECT_EQ(with(kRadius2, 0.8 * inside[kRadius2]), -infinity);
  EXPECT_EQ(with(kLogL1, inside[kLogL1] + 0.1), -infinity);
  EXPECT_EQ(with(kEbv, 0.0), -infinity);
  EXPECT_EQ(with(kDistance, std::numeric_limits<double>::quiet_NaN()), -infinity);
}

TEST_F(PriorTest, BarriersAreFlatInsideAndHalfOnTheBoundary) {
  Theta theta = paper().draw(14, 0).theta;
  theta[kEccentricity] = 0.1;
  theta[kOmega] = 1.0;
  theta[kQ] = 0.8;
  const double most = (roche_lobe_radius(0.8) + roche_lobe_radius(1.25)) * 0.9;
  theta[kCosI] = 0.01;
  theta[kRsumFrac] = 0.9 * most;
  EXPECT_NEAR(paper().log_barrier(theta), 0.0, 1e-8);
  theta[kRsumFrac] = most;
  EXPECT_NEAR(paper().log_barrier(theta), -std::log(2.0), 1e-8);
  theta[kRsumFrac] = 1.5 * most;
  EXPECT_LT(paper().log_barrier(theta), -50.0);
  theta[kRsumFrac] = 0.2;
  theta[kCosI] = 0.2 * (1.0 + 0.1 * std::sin(1.0)) / 0.99;
  EXPECT_NEAR(paper().log_barrier(theta), -std::log(2.0), 1e-8);
  theta[kCosI] = 0.0;  // the lower bound is then 0
  EXPECT_NEAR(paper().log_barrier(theta), 0.0, 1e-8);
}

TEST(Rejection, EachReasonOfSection24) {
  Theta theta{};
  theta[kMsum] = 2.0;
  theta[kQ] = 1.0;
  theta[kRsumFrac] = 0.2;
  theta[kTeff1] = theta[kTeff2] = 5800.0;
  theta[kRadius1] = theta[kRadius2] = 1.0;
  EXPECT_EQ(rejection(theta), Status::kOk);
  Theta compact = theta;
  compact[kRadius2] = 0.5;  // log g = 5.04
  EXPECT_EQ(rejection(compact), Status::kGravityTooHigh);
  Theta cool = theta;
  cool[kTeff2] = 3499.0;
  EXPECT_EQ(rejection(cool), Status::kTooCool);
  Theta wide = theta;
  wide[kRsumFrac] = 0.75;  // lobes of .379 a each
  EXPECT_EQ(rejection(wide), Status::kOk);
  wide[kRsumFrac] = 0.77;
  EXPECT_EQ(rejection(wide), Status::kRocheOverflow);
  wide[kRsumFrac] = 0.6;
  wide[kEccentricity] = 0.25;
  EXPECT_EQ(rejection(wide), Status::kRocheOverflow);
  Theta giant = theta;
  giant[kRadius1] = 30.0;
  giant[kLogL1] = 2.71;
  giant[kRsumFrac] = 0.1;
  EXPECT_EQ(rejection(giant), Status::kLuminousGiant);
  giant[kLogL1] = 2.69;
  EXPECT_EQ(rejection(giant), Status::kOk);
  Theta unknown = theta;
  unknown[kTeff1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(rejection(unknown), Status::kOk);
}

TEST(Eggleton, KnownValues) {
  // Eggleton (1983), Table 1: q = 1 gives .379, and a small q gives the Paczynski limit within some percent.
  EXPECT_NEAR(roche_lobe_radius(1.0), 0.3789, 2e-4);
  EXPECT_NEAR(roche_lobe_radius(10.0), 0.2067, 2e-3);
}

TEST(NamedPrior, UnknownNamesSayWhatIsAllowed) {
  try {
    named_prior("galaxy");
    FAIL();
  } catch (const UserError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("galaxy"), std::string::npos);
    EXPECT_NE(what.find("paper"), std::string::npos);
    EXPECT_NE(what.find("field"), std::string::npos);
  }
  PriorSpec broken;
  broken.q_alpha = 0.0;
  EXPECT_THROW(Prior(broken, TrackView{}, DustView{}), UserError);
  broken = PriorSpec{};
  broken.feh_weight = 1.5;
  EXPECT_THROW(Prior(broken, TrackView{}, DustView{}), UserError);
}

// With the period given, rsumfrac follows from Kepler's third law and its own coordinate is not read.
TEST_F(PriorTest, KnownPeriodFixesTheFractionalRadii) {
  for (std::uint64_t index = 0; index < 200; ++index) {
    const PriorDraw draw = paper().draw(91, index);
    const double period = derive_system(draw.theta).period_day;
    Latent z = draw.z;
    z[kRsumFrac] = 2.5;
    Theta theta;
    ASSERT_EQ(paper().theta_from_latent(z, period, theta), Status::kOk);
    for (std::size_t p = 0; p < theta.size(); ++p)
      EXPECT_NEAR(theta[p], draw.theta[p], 1e-9 * std::max(1.0, std::abs(draw.theta[p]))) << kParameters[p].name;
  }
  // A period so short that the stars would touch.
  const PriorDraw draw = paper().draw(91, 0);
  Theta theta;
  EXPECT_EQ(paper().theta_from_latent(draw.z, 0.01, theta), Status::kBadGeometry);
}

}  // namespace
}  // namespace penumbra
