// Posterior predictive checks of one object: would data drawn from the posterior look like the data?
//
// A discrepancy D(data, theta) is compared, draw by draw, with D(replica, theta), the replica being the draw's own
// prediction with noise (Gelman, Meng and Stern 1996, Statistica Sinica 6, 733). p is the share of the draws whose
// replica is at least as far off: near 1/2 where all is well, seldom small by chance (the data are used twice), and
// 1 / (D + 1) at least. Every replica is scaled to the model again, as the data are.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/random.h"
#include "inference/posterior_file.h"
#include "sim/survey.h"

namespace penumbra {

// NaN: cannot be told (too few points, no eclipse).
struct CurveCheck {
  std::size_t points = 0;
  // Median over the draws of chi^2 per degree of freedom at the quoted errors; one-sided p against replicas whose
  // errors are the quoted ones times a factor from the survey's law, as simulated light curves have them
  // (sim/survey.h).
  double chi2 = NAN, p_chi2 = NAN;
  // Structure in phase: correlation of neighbours among kPhaseBins means of the residuals, median over the draws. It
  // does not depend on how large the errors are. One-sided.
  double correlation = NAN, p_correlation = NAN;
  // Depth of the primary and of the secondary eclipse over the model's, from the residuals while the discs overlap,
  // median; p of |depth - 1|. The replicas' noise here has the scatter that is observed about each draw, so that too
  // small quoted errors do not count twice.
  std::array<double, 2> depth{NAN, NAN}, p_depth{NAN, NAN};
};

inline constexpr std::size_t kPhaseBins = 100;

// models[D][T]: clean predictions at the data's epochs, on any scale, of theta[D]; scatter[D]: the law of the factor
// for each. Points without a finite flux and a positive error are left out.
CurveCheck check_light_curve(const LightCurve& data, std::span<const double> models, std::span<const Theta> theta,
                             std::span<const ScatterLaw> scatter, RandomStream& random);

struct SedCheck {
  std::size_t points = 0;
  double chi2 = NAN, p_chi2 = NAN;  // chi^2 over the number of points, as above
  // [kSedBandCount] (data - median prediction): in magnitudes (brighter is negative), and over the data's error and the
  // predictions' spread together; NaN: not observed
  std::array<double, kSedBandCount> residual_mag, pull;
};

// sed_jy[D][kSedBandCount]: clean predictions.
SedCheck check_photometry(const Observation& observation, std::span<const double> sed_jy, RandomStream& random);

struct ParallaxCheck {
  double predicted_mas = NAN, spread_mas = NAN;  // median and half the central 68%
  double pull = NAN, p = NAN;                    // of the data, both-sided; NaN: no parallax
};
ParallaxCheck check_parallax(const Observation& observation, std::span<const Theta> theta, RandomStream& random);

}  // namespace penumbra
