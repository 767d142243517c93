#include "nn/spectrum_source.h"

#include <stdexcept>

#include "spectra/pixels.h"

namespace penumbra {

DataLayout spectrum_layout() {
  DataLayout layout{.inputs = {{"spectrum", {2, kPixelCount}}}, .parameters = {}};
  for (const Label& label : kLabels) layout.parameters.emplace_back(label.name);
  return layout;
}

SystemSource spectrum_source(const SpectrumSimulator& simulator) {
  return [&simulator](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    const std::vector<SimulatedSpectrum> spectra = simulator.simulate(seed, first, count);
    for (int b = 0; b < count; ++b) {
      const SimulatedSpectrum& made = spectra[static_cast<std::size_t>(b)];
      if (!pack_spectrum(made.observation, rows.input(0, b))) {
        throw std::logic_error("spectrum_source: a simulated spectrum with every pixel masked");
      }
      for (std::size_t i = 0; i < made.star.z.size(); ++i) rows.target(b)[i] = static_cast<float>(made.star.z[i]);
    }
  };
}

}  // namespace penumbra
