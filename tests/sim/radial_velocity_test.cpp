#include "sim/radial_velocity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "sim/orbit.h"

namespace penumbra {
namespace {

System make_system(double r1, double r2, double q, double e, double omega, double cos_i) {
  System s{};
  s.sma_rsun = 10.0;
  s.q = q;
  s.eccentricity = e;
  s.omega_rad = omega;
  s.cos_i = cos_i;
  s.distance_pc = 100.0;
  s.period_day = period_from_sma_day(s.sma_rsun, 2.0);
  s.star[0] = {1.0, r1 * s.sma_rsun, 6000.0, 4.4, 0.0};
  s.star[1] = {q, r2 * s.sma_rsun, 5000.0, 4.5, 0.0};
  return s;
}

const Effects kDark{.reflection = Reflection::kNone};
const StarBand kPrimary{1.0, 4.0, -3.0, 0.1, {{0.4, 0.3, 0.1, -0.1}}};
const StarBand kSecondary{0.4, 4.0, -3.0, 0.1, {{0.0, 0.5, 0.0, 0.0}}};

// Semi-amplitude of star 0 or 1, km/s.
double amplitude(const System& s, int star) {
  const double share = (star == 0 ? s.q : 1.0) / (1.0 + s.q);
  const double a = share * s.sma_rsun * kRsun * std::sqrt(1.0 - s.cos_i * s.cos_i);
  return 1e-3 * kTwoPi * a / (s.period_day * kDaySeconds * std::sqrt(1.0 - s.eccentricity * s.eccentricity));
}

struct Pair {
  double star[2];
};
Pair velocities(const System& s, double phase, double exposure = 0.0, const Effects& effects = kDark) {
  Pair v;
  EXPECT_EQ(render_radial_velocity(s, kPrimary, kSecondary, &phase, 1, exposure, {}, effects, v.star), Status::kOk);
  return v;
}

TEST(RadialVelocity, SmallStarsFollowKepler) {
  for (const double e : {0.0, 0.3, 0.8}) {
    for (const double omega : {0.4, 2.7, 5.0}) {
      System s = make_system(0.001, 0.0015, 0.7, e, omega, 0.3);
      s.gamma_km_s = -17.0;
      for (int i = 0; i < 40; ++i) {
        const double phase = i / 40.0;
        // Kepler's equation by plain iteration from conjunction's eccentric anomaly.
        const double nu0 = 0.5 * kPi - omega;
        const double e0 = 2.0 * std::atan(std::sqrt((1.0 - e) / (1.0 + e)) * std::tan(0.5 * nu0));
        const double m = kTwoPi * phase + e0 - e * std::sin(e0);
        double anomaly = m;
        for (int k = 0; k < 2000; ++k) anomaly = m + e * std::sin(anomaly);
        const double nu = 2.0 * std::atan2(std::sqrt(1.0 + e) * std::sin(0.5 * anomaly),
                                           std::sqrt(1.0 - e) * std::cos(0.5 * anomaly));
        const double curve = std::cos(nu + omega) + e * std::cos(omega);
        const Pair v = velocities(s, phase);
        EXPECT_NEAR(v.star[0], -17.0 + amplitude(s, 0) * curve, 1e-6 * amplitude(s, 0));
        EXPECT_NEAR(v.star[1], -17.0 - amplitude(s, 1) * curve, 1e-6 * amplitude(s, 1));
      }
    }
  }
}

// Anomaly of a sphere's velocity by a plain sum over its disc, seen with the orbit's normal upwards. The other star
// comes from the right (x > 0) when it is in front, and this one spins in the same sense: its right limb comes nearer,
// so that it is the approaching light that is covered first.
double rossiter(const System& s, int star, double phase) {
  const double own = star == 0 ? s.star[0].radius_rsun / s.sma_rsun : s.star[1].radius_rsun / s.sma_rsun;
  const double other = star == 0 ? s.star[1].radius_rsun / s.sma_rsun : s.star[0].radius_rsun / s.sma_rsun;
  const LimbDarkening& limb = star == 0 ? kPrimary.limb : kSecondary.limb;
  const double u = kTwoPi * phase + 0.5 * kPi;
  const double sin_i = std::sqrt(1.0 - s.cos_i * s.cos_i);
  const double sign = star == 0 ? 1.0 : -1.0;
  const double x = sign * std::cos(u), y = -sign * std::sin(u) * s.cos_i;
  double light = 0.0, moment = 0.0;
  const int n = 1500;
  for (int i = 0; i < n; ++i) {
    const double r = own * std::sqrt((i + 0.5) / n), mu = std::sqrt(1.0 - (i + 0.5) / n);
    for (int j = 0; j < n; ++j) {
      const double azimuth = kTwoPi * (j + 0.5) / n;
      const double px = r * std::cos(azimuth), py = r * std::sin(azimuth);
      if ((px - x) * (px - x) + (py - y) * (py - y) < other * other) continue;
      light += limb(mu);
      moment += limb(mu) * px;
    }
  }
  const double speed = 1e-3 * kTwoPi * s.sma_rsun * kRsun / (s.period_day * kDaySeconds);
  return -speed * sin_i * moment / light;
}

TEST(RadialVelocity, SpheresGiveTheRossiterMcLaughlinEffect) {
  System s = make_system(0.012, 0.008, 1.0, 0.0, 0.0, 0.004);
  const double edge = (0.012 + 0.008) / kTwoPi;
  for (int star = 0; star < 2; ++star) {
    const double spin = 1e-3 * kTwoPi * s.star[star].radius_rsun * kRsun / (s.period_day * kDaySeconds);
    for (const double share : {-0.9, -0.6, -0.3, 0.0, 0.2, 0.5, 0.8}) {
      if (star == 1 && share == 0.0) continue;  // wholly hidden
      const double phase = 0.5 * star + share * edge;
      const double orbital = (star == 0 ? 1.0 : -1.0) * amplitude(s, star) * std::cos(kTwoPi * phase + 0.5 * kPi);
      const double found = velocities(s, phase).star[star] - orbital;
      EXPECT_NEAR(found, rossiter(s, star, phase), 1e-3 * spin) << star << " " << share;
      EXPECT_NEAR(found, -(velocities(s, star - phase).star[star] + orbital), 1e-6 * spin);  // antisymmetric
      if (share == -0.6) {
        EXPECT_GT(found, 0.05 * spin);
      }
    }
  }
}

// Light travel time shifts the effect as a whole, by Orbit::delay: what is hidden of each star does not depend on which
// way its own light went.
TEST(RadialVelocity, LightTravelTimeShiftsTheRossiterMcLaughlinEffect) {
  System s = make_system(0.012, 0.008, 0.6, 0.0, 0.0, 0.004);
  Effects delayed = kDark;
  delayed.light_travel_time = true;
  System points = s;  // the orbit alone
  points.star[0].radius_rsun = points.star[1].radius_rsun = 1e-5 * s.sma_rsun;
  points.cos_i = 0.001;  // no eclipse
  points.period_day = s.period_day;
  const double light = s.sma_rsun * kRsun / (kLightSpeed * s.period_day * kDaySeconds);
  const double delay = light * (1.0 - s.q) / (1.0 + s.q);
  for (int star = 0; star < 2; ++star) {
    const double spin = 1e-3 * kTwoPi * s.star[star].radius_rsun * kRsun / (s.period_day * kDaySeconds);
    for (const double share : {-0.9, -0.6, -0.3, 0.1, 0.5, 0.8}) {
      const double shift = star == 0 ? -delay : delay;
      const double phase = 0.5 * star + share * (0.012 + 0.008) / kTwoPi;
      const double scale = std::sqrt((1.0 - s.cos_i * s.cos_i) / (1.0 - points.cos_i * points.cos_i));
      const double still = velocities(s, phase).star[star] - scale * velocities(points, phase).star[star];
      const double moved = velocities(s, phase + shift, 0.0, delayed).star[star] -
                           scale * velocities(points, phase + shift, 0.0, delayed).star[star];
      EXPECT_NEAR(moved, still, 3e-4 * spin) << star << " " << share;
    }
  }
}

TEST(RadialVelocity, RotationOfAWholeDiscAveragesOut) {
  // Tides move the centre of light by (R / a)^4 at most.
  const System s = make_system(0.02, 0.01, 0.8, 0.0, 0.0, 0.5);
  for (const double phase : {0.1, 0.25, 0.4, 0.7}) {
    const double curve = std::cos(kTwoPi * phase + 0.5 * kPi);
    const Pair v = velocities(s, phase);
    EXPECT_NEAR(v.star[0], amplitude(s, 0) * curve, 3e-6 * amplitude(s, 0));
    EXPECT_NEAR(v.star[1], -amplitude(s, 1) * curve, 3e-6 * amplitude(s, 1));
  }
}

TEST(RadialVelocity, HeatingDrawsTheCentreOfLight) {
  System s = make_system(0.25, 0.2, 0.8, 0.0, 0.0, 0.5);
  s.star[0].teff_k = 12000.0;
  // The lit side of the secondary lies towards the centre of mass, and moves more slowly.
  const double dark = velocities(s, 0.25).star[1], lit = velocities(s, 0.25, 0.0, {}).star[1];
  EXPECT_LT(std::abs(lit), 0.99 * std::abs(dark));
  EXPECT_GT(std::abs(lit), 0.5 * std::abs(dark));
}

TEST(RadialVelocity, HiddenStarHasNone) {
  const System s = make_system(0.05, 0.15, 0.8, 0.0, 0.0, 0.01);
  const Pair v = velocities(s, 0.0);
  EXPECT_TRUE(std::isnan(v.star[0]));
  EXPECT_NEAR(v.star[1], 0.0, 1e-3);
  EXPECT_TRUE(std::isfinite(velocities(s, 0.03).star[0]));
}

TEST(RadialVelocity, ExposureIsTheMeanByLight) {
  const System s = make_system(0.15, 0.1, 0.8, 0.3, 1.0, 0.2);
  const double phase = 0.3, exposure = 0.05;
  double sum[2] = {};
  const int n = 100;
  for (int i = 0; i < n; ++i) {
    const Pair v = velocities(s, phase + exposure * ((i + 0.5) / n - 0.5));
    for (int k = 0; k < 2; ++k) sum[k] += v.star[k] / n;
  }
  const Pair v = velocities(s, phase, exposure);
  for (int k = 0; k < 2; ++k) EXPECT_NEAR(v.star[k], sum[k], 2e-3 * amplitude(s, k));  // the light changes slightly
}

// Each star moves as it did when its light left.
TEST(RadialVelocity, LightTravelTimeDelaysEachStar) {
  const System s = make_system(0.001, 0.001, 0.5, 0.4, 1.0, 0.1);
  const Orbit orbit = make_orbit(0.4, 1.0, 0.1);
  const double crossing = s.sma_rsun * kRsun / kLightSpeed / (s.period_day * kDaySeconds);
  for (const double phase : {0.05, 0.3, 0.62, 0.9}) {
    const Pair seen = velocities(s, phase, 0.0, {.reflection = Reflection::kNone, .light_travel_time = true});
    for (int k = 0; k < 2; ++k) {
      const double share = k == 0 ? -s.q / (1.0 + s.q) : 1.0 / (1.0 + s.q);
      double left = phase;  // of the light
      for (int round = 0; round < 30; ++round)
        left = phase + crossing * share * orbit.nearness(orbit.true_anomaly(left));
      EXPECT_NEAR(seen.star[k], velocities(s, left).star[k], 1e-9 * amplitude(s, k));
      EXPECT_GT(std::abs(seen.star[k] - velocities(s, phase).star[k]), 1e-7 * amplitude(s, k));
    }
  }
}

TEST(RadialVelocity, StatusTellsWhatIsWrong) {
  double v[2];
  const auto status = [&](const System& s, double phase, double exposure) {
    return render_radial_velocity(s, kPrimary, kSecondary, &phase, 1, exposure, {}, kDark, v);
  };
  const System good = make_system(0.1, 0.1, 0.8, 0.0, 0.0, 0.1);
  EXPECT_EQ(status(good, 0.2, 0.0), Status::kOk);
  EXPECT_EQ(status(good, std::nan(""), 0.0), Status::kInvalidInput);
  EXPECT_EQ(status(good, 0.2, -0.1), Status::kInvalidInput);
  EXPECT_EQ(status(good, 0.2, std::nan("")), Status::kInvalidInput);
  System s = good;
  s.period_day = 0.0;
  EXPECT_EQ(status(s, 0.2, 0.0), Status::kInvalidInput);
  s = good;
  s.gamma_km_s = std::nan("");
  EXPECT_EQ(status(s, 0.2, 0.0), Status::kInvalidInput);
  s = make_system(0.6, 0.1, 0.8, 0.0, 0.0, 0.1);
  EXPECT_EQ(status(s, 0.2, 0.0), Status::kBadGeometry);
}

}  // namespace
}  // namespace penumbra
