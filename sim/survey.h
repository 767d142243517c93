// How surveys look at a star: which channels exist, when they observe, and with what errors (the paper, section 2.3).
//
// Cadence and errors of ASAS-SN and ZTF are drawn from a bank in which each entry is one real star; TESS sectors,
// Kepler quarters and K2 campaigns follow their published schedules and noise curves. Catalogue errors of the
// photometry are quantiles measured against magnitude, those of the parallax against G and BP - RP. Errors are Gaussian
// with the quoted sigma for the photometry and the parallax. Light curves scatter by a factor times their quoted
// errors, as real ones do: the factor is measured against the quoted error, and only the quoted error is handed on.
//
// A simulated light curve has at most kMaxEpochs points. From space each then stands for the n / kMaxEpochs real
// exposures around it: its error is smaller by the square root of that, its exposure is still that of one, so that
// phase bins carry what the full curve would give them.
#pragma once

#include <array>
#include <filesystem>
#include <vector>

#include "base/random.h"
#include "sim/observation.h"
#include "sim/survey_bank.h"
#include "sim/survey_view.h"
#include "sim/system.h"

namespace penumbra {

class Surveys {
 public:
  explicit Surveys(SurveyBank bank);
  // data/banks/surveys.h5, or a bank that `penumbra bank build` has made; throws as SurveyBank::load does.
  static Surveys load(const std::filesystem::path& file) { return Surveys(SurveyBank::load(file)); }
  Surveys(Surveys&&) = default;  // what view() points to moves along
  Surveys& operator=(Surveys&&) = default;

  // Chooses channels, epochs (folded to sorted phases), exposure lengths and quoted errors: fills period_day and phase,
  // sigma (relative to the median flux) and exposure_day of every channel, leaves flux empty. A channel that would not
  // see the star stays empty; about one system in twenty has no light curve at all. Thread-safe.
  void schedule(const Apparent& apparent, double period_day, RandomStream& random, Observation& out) const;

  // Adds noise: light curves (flux holds the clean model, any scale; divided by its median, then perturbed), SED and
  // parallax. sed_jy: clean reddened fluxes [kSedBandCount]. Thread-safe.
  void observe(const System& system, const Apparent& apparent, const double* sed_jy, RandomStream& random,
               Observation& out) const;

  const SurveyView& view() const { return view_; }  // valid while this object lives

 private:
  SurveyBank bank_;
  std::array<std::vector<double>, kTessChannel> usual_size_, usual_step_;
  std::vector<ErrorTableView> parallax_;
  SurveyView view_;
};

}  // namespace penumbra
