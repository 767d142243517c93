#include "sim/surface.h"

#include <gtest/gtest.h>

#include "sim/binary.h"

namespace penumbra {
namespace {

Surface make_surface(double q, double separation, double radius, double beta) {
  const RocheFit fit = fit_roche(q, separation, radius, beta, gauss_table());
  EXPECT_TRUE(fit.closed);
  return {{q, separation, fit.potential}, radius, beta,
          fit.log_mean_gravity,           0,      {0.1, 0.0, 0.0, separation * separation, {1.0}}};
}

TEST(Surface, SphereKeepsTheMeanDiscIntensityUnderAnyLimbDarkening) {
  const Surface surface = make_surface(1.0, 1.0, 1e-3, 0.3);  // distortion 1e-9
  const SkyFrame frame = sky_frame({0.6, 0.64, 0.48});
  for (const LimbDarkening& limb :
       {LimbDarkening{{0, 0, 0, 0}}, LimbDarkening::linear(0.6), LimbDarkening::claret(0.5, 0.3, -0.2, 0.1),
        LimbDarkening::logarithmic(0.7, 0.25)}) {
    const BandIntensity band = make_band_intensity({2.0, 5.0, -3.0, 0.2, limb});
    ViewWork work;
    double flux = 0.0;
    add_disc_flux(HostLanes{}, surface, frame, 10, 6, gauss_table(), &band, 1, work, &flux);
    EXPECT_NEAR(flux / (kPi * 1e-6 * std::exp(2.0)), 1.0, 2e-6);
    flux = 0.0;
    add_disc_flux(HostLanes{}, surface, frame, 16, 12, gauss_table(), &band, 1, work, &flux);
    EXPECT_NEAR(flux / (kPi * 1e-6 * std::exp(2.0)), 1.0, 1e-8);
  }
}

// PHOEBE's normalisation: the area-weighted mean of T^4 is Teff^4. Summed over a grid about the rotation axis.
TEST(Surface, MeanOfTheFourthPowerOfTemperatureIsThatOfTeff) {
  for (const double beta : {0.32, 1.0}) {
    const Surface s = make_surface(0.7, 1.0, 0.33, beta);
    const int n = 300;
    double area = 0.0, sum = 0.0, hottest = 0.0, coolest = 1e9;
    for (int i = 0; i < n; ++i) {
      const double z = -1.0 + 2.0 * (i + 0.5) / n, across = std::sqrt(1.0 - z * z);
      for (int j = 0; j < n; ++j) {
        const double a = kTwoPi * (j + 0.5) / n;
        const Vector3 direction{across * std::cos(a), across * std::sin(a), z};
        double slope;
        const double r = s.roche.radius(direction, 0.33, slope);
        const LocalSurface local = local_surface(s, r * direction, {0.0, 0.0, 1.0});
        const Vector3 g = local.gravity;
        const double t = std::sqrt(std::sqrt(intrinsic_flux(s, 0.5 * logarithm(local.relative_gravity2))));
        const double element = r * r * std::sqrt(dot(g, g)) / -dot(g, direction);
        area += element;
        sum += element * t * t * t * t;
        hottest = std::max(hottest, t);
        coolest = std::min(coolest, t);
      }
    }
    EXPECT_NEAR(sum / area, 1.0, 2e-5);
    EXPECT_GT(hottest, 1.01);
    EXPECT_LT(coolest, 0.98);
  }
}

// Brute force: sum over the sphere's directions of cosine * solid angle, those above the horizon only.
TEST(Reflection, IrradianceOfASphereMatchesBruteForce) {
  for (const double sin_radius : {0.1, 0.4, 0.7}) {
    for (const double cos_zenith : {0.95, 0.5, 0.2, 0.05, -0.05, -0.3, -0.8}) {
      const double sin_zenith = std::sqrt(1.0 - cos_zenith * cos_zenith);
      const int n = 2000;
      const double cos_radius = std::sqrt(1.0 - sin_radius * sin_radius);
      double sum = 0.0;
      for (int i = 0; i < n; ++i) {
        const double c = cos_radius + (1.0 - cos_radius) * (i + 0.5) / n, s = std::sqrt(1.0 - c * c);
        for (int j = 0; j < n / 4; ++j) {
          const double a = kPi * (j + 0.5) / (n / 4);
          const double height = c * cos_zenith + s * sin_zenith * std::cos(a);
          if (height > 0.0) sum += height * (1.0 - cos_radius) / n * kTwoPi / (n / 4);
        }
      }
      EXPECT_NEAR(sphere_irradiance(cos_zenith, sin_radius, 0.0), sum / kPi, 2e-6) << cos_zenith << " " << sin_radius;
    }
  }
}

TEST(Reflection, WarmsOnlyTheFacingHemisphere) {
  Surface s = make_surface(0.7, 1.0, 0.2, 0.3);
  const Surface dark = s;
  s.companion.irradiation = 0.6;
  double slope;
  const auto xi = [&](const Surface& surface, const Vector3& direction) {
    const double r = surface.roche.radius(direction, 0.2, slope);
    const LocalSurface local = local_surface(surface, r * direction, {0.0, 0.0, 1.0});
    const double t4 = intrinsic_flux(surface, 0.5 * logarithm(local.relative_gravity2));
    return xi_of(t4 + surface.companion.heating(local.cos_zenith, local.companion_distance));
  };
  EXPECT_GT(xi(s, {1, 0, 0}), xi(dark, {1, 0, 0}) + 1e-3);
  EXPECT_EQ(xi(s, {-1, 0, 0}), xi(dark, {-1, 0, 0}));
}

}  // namespace
}  // namespace penumbra
