#include "sim/reflection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "sim/phase_curve.h"

namespace penumbra {
namespace {

// --- A sphere over a horizon, by a plain sum over its disc --------------------------------------------------------

double summed_irradiance(double cos_zenith, double sin_radius, double u) {
  const double sin_zenith = std::sqrt(1.0 - cos_zenith * cos_zenith);
  const int n = 700;
  double sum = 0.0;
  for (int i = 0; i < n; ++i) {
    const double r2 = (i + 0.5) / n, mu = std::sqrt(1.0 - r2);  // equal rings of the disc
    const double sine = sin_radius * std::sqrt(r2), cosine = std::sqrt(1.0 - sine * sine);
    const double law = (1.0 - u * (1.0 - mu)) / (1.0 - u / 3.0);
    for (int j = 0; j < n; ++j) {
      const double azimuth = kPi * (j + 0.5) / n;
      // d(solid angle) = d(disc area) / cosine
      sum += std::max(0.0, cos_zenith * cosine + sin_zenith * sine * std::cos(azimuth)) / cosine * law;
    }
  }
  return sum / (static_cast<double>(n) * n) * sin_radius * sin_radius;
}

TEST(Reflection, SphereOverAHorizon) {
  for (const double sin_radius : {0.01, 0.2, 0.45}) {
    for (const double share : {-1.2, -0.9, -0.5, -0.1, 0.0, 0.3, 0.8, 0.99, 1.0, 1.5}) {
      const double cos_zenith = share * sin_radius;
      const double scale = sin_radius * sin_radius * sin_radius;
      EXPECT_NEAR(sphere_irradiance(cos_zenith, sin_radius, 0.0) / scale,
                  summed_irradiance(cos_zenith, sin_radius, 0.0) / scale, 2e-5)
          << sin_radius << " " << share;
      EXPECT_NEAR(sphere_irradiance(cos_zenith, sin_radius, darkened_share(0.8)) / scale,
                  summed_irradiance(cos_zenith, sin_radius, 0.8) / scale, 3e-3)
          << sin_radius << " " << share;
    }
  }
}

// Many points at once, as few as one of which, or all, see it set.
TEST(Reflection, HeatOfManyPointsIsThatOfEach) {
  constexpr int kCount = 136;  // more than one block of HostLanes::replace_where
  const Companion companion{0.2, 0.7, darkened_share(0.6), 1.0, {1.1, -0.2, 0.1, 0.05, -0.02}};
  for (const double range : {0.1, 0.3, 1.0}) {
    double cos_zenith[kCount], distance[kCount], heat[kCount];
    for (int i = 0; i < kCount; ++i) {
      cos_zenith[i] = range * std::sin(1.0 + 2.4 * i);
      distance[i] = 1.0 + 0.3 * std::cos(0.7 * i);
    }
    companion.heat(HostLanes{}, kCount, cos_zenith, distance, heat);
    for (int i = 0; i < kCount; ++i)
      EXPECT_NEAR(heat[i], companion.heating(cos_zenith[i], distance[i]), 1e-15) << range << " " << i;
  }
}

// --- The radiosity equations, solved on meshes of both stars ------------------------------------------------------

struct Patch {
  Vector3 position, normal;  // in the primary's frame
  double area, intrinsic, heat;
};

// Equal steps of the angle from the line of centres and of the angle about it.
std::vector<Patch> patches_of(const Surface& surface, bool secondary, int n) {
  std::vector<Patch> patches;
  double flux = 0.0, area = 0.0;
  for (int i = 0; i < n; ++i) {
    const double from_axis = kPi * (i + 0.5) / n, across = std::sin(from_axis);
    for (int j = 0; j < n; ++j) {
      const double angle = kTwoPi * (j + 0.5) / n;
      const Vector3 direction{std::cos(from_axis), across * std::cos(angle), across * std::sin(angle)};
      double slope, unused;
      const Vector3 p = surface.roche.radius(direction, surface.radius, slope) * direction;
      const Vector3 g = surface.roche.gradient(p, unused);
      const double length = std::sqrt(dot(g, g));
      Patch patch{p, (-1.0 / length) * g, 0.0, std::pow(length, surface.gravity_darkening), 0.0};
      patch.area = 2.0 * kPi * kPi / (static_cast<double>(n) * n) * across * dot(p, p) / dot(patch.normal, direction);
      flux += patch.area * patch.intrinsic;
      area += patch.area;
      patches.push_back(patch);
    }
  }
  for (Patch& patch : patches) {
    patch.intrinsic *= area / flux;
    if (!secondary) continue;
    patch.position.x = surface.roche.separation - patch.position.x;
    patch.normal.x = -patch.normal.x;
  }
  return patches;
}

// Adds to heat[i] what patch i gets from the other star: its own light by `law`, what it sends back by `law_back`.
template <class Law, class LawBack>
void irradiate(const std::vector<Patch>& star, const std::vector<Patch>& other, double irradiation, const Law& law,
               const LawBack& law_back, std::vector<double>& heat) {
  heat.assign(star.size(), 0.0);
  for (std::size_t i = 0; i < star.size(); ++i) {
    for (const Patch& from : other) {
      const Vector3 ray = star[i].position + (-1.0) * from.position;
      const double leaving = dot(ray, from.normal), arriving = -dot(ray, star[i].normal);
      if (leaving <= 0.0 || arriving <= 0.0) continue;
      const double r2 = dot(ray, ray), mu = leaving / std::sqrt(r2);
      heat[i] += irradiation * leaving * arriving / (kPi * r2 * r2) * from.area *
                 (from.intrinsic * law(mu) + from.heat * law_back(mu));
    }
  }
}

struct Heated {
  double worst, mean, largest;  // error and size of the heating, in units of the star's mean flux, on both stars
};

Heated compare_with_radiosity(const System& system, Reflection scheme, int n) {
  Binary binary{};
  EXPECT_EQ(make_binary(system, {.reflection = scheme}, binary), Status::kOk);
  for (int k = 0; k < 2; ++k) EXPECT_EQ(binary.fit_shape(k, 0, gauss_table()), Status::kOk);
  binary.fit_heating(0, gauss_table());
  const Surface surface[2] = {binary.surface(0, 1.0), binary.surface(1, 1.0)};
  std::vector<Patch> patches[2] = {patches_of(surface[0], false, n), patches_of(surface[1], true, n)};
  const auto law_of = [](double u) { return [u](double mu) { return (1.0 - u * (1.0 - mu)) / (1.0 - u / 3.0); }; };
  std::vector<double> heat[2];
  for (int turn = 0; turn < 6; ++turn) {
    for (int k = 0; k < 2; ++k) {
      const double u = system.star[1 - k].bolometric_limb_darkening;
      const double ratio = system.star[1 - k].teff_k / system.star[k].teff_k;
      irradiate(patches[k], patches[1 - k], system.star[k].albedo * std::pow(ratio, 4), law_of(u),
                law_of(scheme == Reflection::kWilson ? u : 0.0), heat[k]);
    }
    for (int k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < patches[k].size(); ++i) patches[k][i].heat = heat[k][i];
  }
  Heated result{0.0, 0.0, 0.0};
  for (int k = 0; k < 2; ++k) {
    double largest = 0.0, worst = 0.0, sum = 0.0, sum_error = 0.0;
    for (const Patch& patch : patches[k]) {
      Vector3 p = patch.position;
      if (k == 1) p.x = 1.0 - p.x;
      const LocalSurface local = local_surface(surface[k], p, p);
      const double found = surface[k].companion.heating(local.cos_zenith, local.companion_distance);
      largest = std::max(largest, patch.heat);
      worst = std::max(worst, std::abs(found - patch.heat));
      sum += patch.area * patch.heat;
      sum_error += patch.area * std::abs(found - patch.heat);
    }
    result.worst = std::max(result.worst, worst / largest);
    result.mean = std::max(result.mean, sum_error / sum);
    result.largest = std::max(result.largest, largest);
  }
  return result;
}

TEST(Reflection, AgreesWithTheRadiosityEquations) {
  struct Case {
    double r1, r2, q, teff2, tolerance;  // of the largest heating of either star
  };
  std::printf("radii        q     scheme   largest heat   largest and mean error over it\n");
  for (const Case& c :
       {Case{0.05, 0.08, 0.9, 6000.0, 2e-3}, Case{0.2, 0.15, 0.8, 5000.0, 3e-3}, Case{0.3, 0.3, 1.0, 6000.0, 1e-2},
        Case{0.35, 0.25, 0.6, 4500.0, 1e-2}, Case{0.37, 0.35, 0.95, 6500.0, 4e-2}}) {
    System s{};
    s.sma_rsun = 10.0;
    s.q = c.q;
    s.cos_i = 0.1;
    s.distance_pc = 100.0;
    s.star[0] = {1.0, c.r1 * 10.0, 6000.0, 4.4, 0.32};
    s.star[1] = {c.q, c.r2 * 10.0, c.teff2, 4.4, 0.9, 0.8, 0.3};
    for (const Reflection scheme : {Reflection::kWilson, Reflection::kHorvat}) {
      const Heated heated = compare_with_radiosity(s, scheme, 36);
      std::printf("%.2f %.2f   %.2f   %s   %.3f   %.1e   %.1e\n", c.r1, c.r2, c.q,
                  kReflectionNames[static_cast<std::size_t>(scheme)].data(), heated.largest, heated.worst, heated.mean);
      EXPECT_LT(heated.worst, c.tolerance);
      EXPECT_LT(heated.mean, c.tolerance);
    }
  }
}

// A giant that all but fills its lobe sees a small companion set early, behind its own raised side.
TEST(Reflection, OfASmallCompanionBesideALobeFillingGiant) {
  for (const double r2 : {0.009, 0.05}) {
    for (const double r1 : {0.50, 0.52, 0.5326}) {
      System s{};
      s.sma_rsun = 10.0;
      s.q = 0.14186;
      s.cos_i = 0.1;
      s.distance_pc = 100.0;
      s.star[0] = {1.0, r1 * 10.0, 4709.0, 2.0, 0.32, 0.6, 0.3};
      s.star[1] = {s.q, r2 * 10.0, 3788.0, 4.4, 0.32, 0.6, 0.3};
      const Heated heated = compare_with_radiosity(s, Reflection::kHorvat, 36);
      std::printf("%.4f %.3f   largest heat %.3f   largest and mean error over it %.1e %.1e\n", r1, r2, heated.largest,
                  heated.worst, heated.mean);
      EXPECT_LT(heated.worst, 0.015);
      EXPECT_LT(heated.mean, 0.015);
    }
  }
}

// What a heat map's interpolations hold exactly: a cubic in s = sin(angle / 2), a parabola in the cosine of twice the
// turn, and as a polynomial of the inverse separation as many powers as separations, less one.
TEST(HeatMap, KeepsPolynomials) {
  const auto value = [](double inverse_separation, const Vector3& p) {
    const double across2 = p.y * p.y + p.z * p.z, r = std::sqrt(p.x * p.x + across2);
    const double s = std::sqrt(0.5 - 0.5 * p.x / r), c = across2 > 0.0 ? (p.y * p.y - p.z * p.z) / across2 : 0.0;
    return (1.0 - s + (s - s * s * s) * c * (0.3 - 0.2 * c)) * std::pow(inverse_separation - 0.4, 3);
  };
  HeatMap map;
  map.separations = kShapeNodes;
  for (int n = 0; n < kShapeNodes; ++n) {
    map.inverse_separation[n] = 1.2 - 0.5 * std::cos(kPi * n / (kShapeNodes - 1));
    for (int turn = 0; turn < kMapTurns; ++turn)
      for (int row = 0; row < kMapRows; ++row)
        map.missing[n][turn][row] = value(map.inverse_separation[n], HeatMap::direction(turn, row));
  }
  for (const Vector3& p : {Vector3{0.3, 0.1, 0.05}, {0.2, -0.01, 0.02}, {-0.1, 0.2, -0.3}, {-0.3, 1e-3, 0.0}})
    for (const double inverse_separation : {0.75, map.inverse_separation[2], 1.3})
      EXPECT_NEAR(map(1.0 / inverse_separation, p), value(inverse_separation, p), 1e-12);
  map.separations = 1;
  EXPECT_NEAR(map(1.0, {0.3, 0.1, 0.05}), value(map.inverse_separation[0], {0.3, 0.1, 0.05}), 1e-12);
}

}  // namespace
}  // namespace penumbra
