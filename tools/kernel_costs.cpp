// What one system costs a kernel, for tools/kernel_report.py.
//
//   kernel_costs                        each piece of work on a line: name, kernel, dynamic shared memory of a block,
//                                       bytes that one system reads from and writes to the device's memory
//   kernel_costs WORK SYSTEMS DATA      runs the kernel's body on the host for that many draws of the prior, in a
//                                       function that callgrind finds by its name, `measured`
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/extinction.h"
#include "kernels/extinction_body.h"
#include "kernels/prior_body.h"
#include "kernels/simulate_body.h"
#include "sim/prior.h"

using namespace penumbra;

// Everything inside is counted, nothing outside.
extern "C" __attribute__((noinline)) void measured(const std::function<void()>& body) { body(); }

namespace {

// Four light curves of 500 epochs and the SED.
constexpr int kCurveBands = 4, kEpochs = 500;
constexpr int kSedBands = kSedBandCount;

void run_simulate(const AtmosphereView& atmosphere, const System& system) {
  constexpr Passband kCurves[kCurveBands] = {kJohnsonV, kSdssG, kZtfG, kZtfR};
  std::vector<Passband> sed_passbands;
  for (int k = 0; k < kSedBands; ++k) sed_passbands.push_back(static_cast<Passband>(k));
  std::vector<StarBand> curve_bands(2 * kCurveBands), sed_bands(2 * kSedBands);
  for (int star = 0; star < 2; ++star) {
    const Star& s = system.star[star];
    if (expand_star(atmosphere, s, system.feh, kCurves, kCurveBands, &curve_bands[star * kCurveBands]) != Status::kOk ||
        expand_star(atmosphere, s, system.feh, sed_passbands.data(), kSedBands, &sed_bands[star * kSedBands]) !=
            Status::kOk)
      throw std::runtime_error("a draw of the prior outside the atmospheres");
  }
  std::vector<int> epoch_start;
  std::vector<double> phase, flux(kCurveBands * kEpochs), sed(kSedBands), exposure(kCurveBands, 0.0);
  for (int k = 0; k <= kCurveBands; ++k) epoch_start.push_back(k * kEpochs);
  for (int t = 0; t < kCurveBands * kEpochs; ++t) phase.push_back(std::fmod(0.618034 * t, 1.0));
  Status status = Status::kStatusCount;
  SimulateView view{};
  view.system_count = 1;
  view.curve_band_count = kCurveBands;
  view.sed_band_count = kSedBands;
  view.systems = &system;
  view.curve_bands = curve_bands.data();
  view.sed_bands = sed_bands.data();
  view.epoch_start = epoch_start.data();
  view.phase = phase.data();
  view.exposure = exposure.data();
  view.gauss = &gauss_table();
  view.flux = flux.data();
  view.sed = sed.data();
  view.status = &status;
  HostBlock block(1 << 20);
  measured([&] { simulate_body(block, view, 0); });
  if (status != Status::kOk) throw std::runtime_error("a draw of the prior that cannot be rendered");
}

void run_prior(const Prior& prior, int draws) {
  std::vector<PriorDraw> out(static_cast<std::size_t>(draws));
  const PriorWork work{prior.view(), 1, 0, draws, out.data()};
  measured([&] {
    for (long index = 0; index < prior_blocks(draws); ++index) {
      HostBlock block(0);
      prior_body(block, work, index);
    }
  });
}

// Weighted by spectra each of the two stars has its own factors.
int rows_of(bool spectra) { return spectra ? 2 : 1; }

// The arithmetic does not depend on the values.
void run_extinction(const std::vector<Filter>& filters, int systems, bool spectra) {
  const BandRows bands = band_rows(std::span(filters).first(kSedBands), 3.1);
  const std::vector<double> ebv(static_cast<std::size_t>(systems * rows_of(spectra)), 0.3);
  const std::vector<double> exponent(ebv.size() * kSedBands, -1.5);
  std::vector<double> factor(ebv.size() * kSedBands);
  const int rows = static_cast<int>(ebv.size());
  const ExtinctionWork work{rows,
                            kSedBands,
                            bands.start.data(),
                            bands.weight.data(),
                            bands.log_wavelength.data(),
                            bands.curve.data(),
                            ebv.data(),
                            spectra ? exponent.data() : nullptr,
                            factor.data()};
  measured([&] {
    for (int index = 0; index < extinction_blocks(rows, kSedBands); ++index) {
      HostBlock block(extinction_shared_bytes());
      extinction_body(block, work, index);
    }
  });
}

void describe() {
  const std::size_t star_bands = 2 * (kCurveBands + kSedBands) * sizeof(StarBand);
  const std::size_t epochs = kCurveBands * kEpochs * 2 * sizeof(double);
  fmt::print("simulate simulate_kernel {} {}\n",
             simulate_shared_bytes(Resolution{}, kCurveBands, kSedBands, kSimulateGroups),
             sizeof(System) + star_bands + epochs + kSedBands * sizeof(double));
  for (const bool spectra : {false, true}) {
    // The points of the bands, which all tiles read, stay in the cache.
    const int rows = rows_of(spectra);
    const int doubles = rows * (1 + kSedBands * (spectra ? 2 : 1));
    fmt::print("{} extinction_kernel {} {}\n", spectra ? "extinction-by-spectra" : "extinction",
               extinction_shared_bytes(), static_cast<std::size_t>(doubles) * sizeof(double));
  }
  // The tables, 6 MB, stay in the cache.
  fmt::print("prior prior_kernel 0 {}\n", sizeof(PriorDraw));
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 1) {
    describe();
    return 0;
  }
  if (count != 4) {
    fmt::print(stderr, "usage: kernel_costs [simulate|extinction|extinction-by-spectra|prior SYSTEMS DATA_FOLDER]\n");
    return 2;
  }
  const std::string work = arguments[1];
  const int systems = std::atoi(arguments[2]);
  const std::filesystem::path data_folder = arguments[3], folder = data_folder / "tables";
  if (work == "simulate" || work == "prior") {
    const TrackGrid tracks = TrackGrid::load(folder / "tracks.h5");
    const DustPrior dust = DustPrior::analytic();
    const Prior prior(named_prior("field"), tracks.view(), dust.view());
    if (work == "prior") {
      run_prior(prior, systems);
      return 0;
    }
    const Atmosphere atmosphere = Atmosphere::load(folder / "atmospheres.h5");
    for (int i = 0; i < systems; ++i)
      run_simulate(atmosphere.view(), derive_system(prior.draw(1, static_cast<std::uint64_t>(i)).theta));
  } else {
    run_extinction(load_filters(folder / "passbands.h5"), systems, work == "extinction-by-spectra");
  }
  return 0;
}
