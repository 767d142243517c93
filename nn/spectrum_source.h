// Simulated spectra as systems to train on. No torch here.
#pragma once

#include "nn/layout.h"
#include "nn/train.h"
#include "spectra/observation.h"

namespace penumbra {

// One input, "spectrum" [2][kPixelCount] as pack_spectrum makes it; the parameters are the labels' unit normals
// (spectra/label_prior.h).
DataLayout spectrum_layout();

// Valid while the simulator lives.
SystemSource spectrum_source(const SpectrumSimulator& simulator);

}  // namespace penumbra
